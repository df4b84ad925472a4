# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""A rig mapping as properties of the scene, for the editor in the panel."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
from collections.abc import Iterable

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
)

from mien.core.parameters import SIGNALS
from mien.rig_mappings.loader import AXES, CHARACTER_AXES

from .keying import changed, chosen_character
from .mapping_test import test


def _targets(self: "MienMapped", context: bpy.types.Context, typed: str) -> Iterable[str]:
    """The names on the target character, for the search in a field."""
    settings = context.scene.mien
    return chosen_character(settings).names().of(self.kind) if settings.target else ()


def _bones(self: object, context: bpy.types.Context, typed: str) -> Iterable[str]:
    settings = context.scene.mien
    return chosen_character(settings).bones if settings.target else ()


def _signals(self: object, context: bpy.types.Context, typed: str) -> Iterable[str]:
    return SIGNALS


def _number(name: str, description: str, default: float = 0.0) -> object:
    return FloatProperty(
        name=name, description=description, default=default, precision=4, update=changed
    )


class MienWeight(bpy.types.PropertyGroup):
    """A signal and how much of it counts."""

    signal: StringProperty(
        name="Signal",
        description="An action unit or angle, such as AU12.L or gaze.yaw",
        search=_signals,
        update=changed,
    )
    weight: _number("Weight", "What a whole action unit, or a degree, counts for", 1.0)


class MienMapped(bpy.types.PropertyGroup):
    """A channel: see ``mien.core.mapping.Channel``."""

    kind: EnumProperty(
        name="Kind",
        description="What is moved",
        items=[
            ("shape_key", "Shape key", "Of any mesh of the character"),
            ("bone", "Bone", "Along or about an axis"),
            ("property", "Property", "A custom property of the character"),
        ],
        update=changed,
    )
    target: StringProperty(
        name="Target",
        description="The shape key, bone or property; of several names between |, the first that "
        "the character has",
        search=_targets,
        search_options={"SUGGESTION"},
        update=changed,
    )
    motion: EnumProperty(
        name="Motion",
        description="What the bone does",
        items=[
            ("location", "Move", "In the rig's units, or in the distance of two bones"),
            ("rotation_quaternion", "Turn", "Degrees; turns about several axes add up"),
            ("rotation_euler", "Turn (Euler)", "Degrees about one of the bone's Euler axes"),
            ("scale", "Scale", "1 is its size at rest"),
        ],
        update=changed,
    )
    axis: EnumProperty(
        name="Axis",
        description="Of the bone, or of the character whatever way the bone lies",
        items=[
            *((axis, f"Bone {axis.upper()}", "") for axis in AXES),
            *((axis, f"Character {axis}", "") for axis in CHARACTER_AXES),
        ],
        update=changed,
    )
    gain: _number("Gain", "Multiplies the weighted signals", 1.0)
    offset: _number("Offset", "Added to them: the value at rest, in the channel's own unit")
    bounded_low: BoolProperty(
        name="At least", description="The value does not go below this", update=changed
    )
    low: _number("Least", "In the channel's own unit, angles in degrees")
    bounded_high: BoolProperty(
        name="At most", description="The value does not go above this", update=changed
    )
    high: _number("Most", "In the channel's own unit, angles in degrees", 1.0)
    unit: StringProperty(
        name="Unit",
        description="Two bones between |: a location counts in the distance between them",
        update=changed,
    )
    weights: CollectionProperty(type=MienWeight)


class MienMapping(bpy.types.PropertyGroup):
    """The mapping in the editor: see ``mien.core.mapping.Mapping``."""

    title: StringProperty(name="Title", description="What people call this kind of rig")
    source: StringProperty(name="Source", description="Where the convention is written down")
    requires: StringProperty(
        name="Recognised by", description="Names between | by which a rig of this kind is known"
    )
    head: StringProperty(
        name="Head", description="The bone that turns with the head", search=_bones, update=changed
    )
    neck: StringProperty(
        name="Neck", description="The bone that shares the turn", search=_bones, update=changed
    )
    neck_share: FloatProperty(
        name="Neck share",
        description="How much of the turn the neck takes: 0 is none, 1 all",
        min=0,
        max=1,
        default=0.5,
        update=changed,
    )
    inherits: BoolProperty(
        name="Head follows the neck",
        description="The head turns along with the neck, as in most rigs",
        default=True,
        update=changed,
    )
    gaze: StringProperty(
        name="Gaze target", description="The bone that the eyes look at", search=_bones,
        update=changed,
    )  # fmt: skip
    eye: StringProperty(name="Eye", description="A bone in one eye", search=_bones, update=changed)
    channels: CollectionProperty(type=MienMapped)
    channel: IntProperty(name="Channel", description="The channel that is edited", update=test)
    amount: FloatProperty(
        name="Test",
        description="Shows the channel on the character, with its signals at this strength and "
        "without any key: 1 is a whole action unit, or 30 degrees. 0 puts it back",
        min=0,
        max=1,
        update=test,
        options={"SKIP_SAVE"},
    )
    tested: StringProperty(options={"HIDDEN"})  # what the slider shows, as mapping_test has it


CLASSES = (MienWeight, MienMapped, MienMapping)
