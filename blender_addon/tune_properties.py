# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""The sliders by which a capture is tuned: overall, by region of the face, and by channel."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
)

from mien.core.parameters import ANGLE_SIGNALS, REGIONS

from .keying import changed, held

FURTHEST = 90.0  # degrees: what no head and no eye reaches


def strength(what: str) -> Any:
    return FloatProperty(
        name="Strength",
        description=f"Multiplies {what}; 1 is as measured, 0 keeps it still",
        min=0,
        soft_max=2,
        max=10,
        default=1,
        update=changed,
    )


def offset(what: str) -> Any:
    return FloatProperty(
        name="Offset",
        description=f"Added to {what}; 1 is a whole movement",
        min=-1,
        max=1,
        update=changed,
    )


def limit(name: str, what: str, default: float) -> Any:
    return FloatProperty(
        name=name,
        description=f"{what}; 0 is at rest, 1 a whole movement",
        min=0,
        max=1,
        default=default,
        update=changed,
    )


def _more_smoothing(what: str) -> Any:
    return FloatProperty(
        name="Smoothing",
        description=f"Added to the overall smoothing for {what}; 1 is calm, -1 keeps every tremble",
        min=-1,
        max=1,
        update=changed,
    )


class MienRegion(bpy.types.PropertyGroup):
    """A region of the face; ``furthest`` is for angles, offset and limits are for the rest."""

    use: BoolProperty(
        name="Use",
        description="Key this region; otherwise it keeps the animation that it has",
        default=True,
        update=changed,
    )
    strength: strength("this region")
    smoothing: _more_smoothing("this region")
    offset: offset("every channel of this region")
    low: limit("Least", "Channels of this region do not go below", 0)
    high: limit("Most", "Channels of this region do not go above", 1)
    furthest: FloatProperty(
        name="Furthest",
        description="The most that this turns to any side, in degrees",
        min=0,
        max=FURTHEST,
        default=FURTHEST,
        update=changed,
    )


# One region each, by its name in mien.core.parameters.
MienRegions = type(
    "MienRegions",
    (bpy.types.PropertyGroup,),
    {"__annotations__": {name: PointerProperty(type=MienRegion) for name in REGIONS}},
)


class MienChannel(bpy.types.PropertyGroup):
    """A signal with values of its own, in its own unit; ``name`` is the signal's."""

    strength: strength("this channel")
    smoothing: _more_smoothing("this channel")
    offset: FloatProperty(
        name="Offset",
        description="Added to this channel: action units in 0 to 1, angles in degrees",
        soft_min=-1,
        soft_max=1,
        update=changed,
    )
    low: FloatProperty(
        name="Least",
        description="It does not go below: action units in 0 to 1, angles in degrees",
        default=0,
        update=changed,
    )
    high: FloatProperty(
        name="Most",
        description="It does not go above: action units in 0 to 1, angles in degrees",
        default=1,
        update=changed,
    )


class MienTuning(bpy.types.PropertyGroup):
    """All that is tuned, overall values here."""

    strength: strength("every expression, not the head and the gaze")
    smoothing: FloatProperty(
        name="Smoothing",
        description="0 keeps every tremble, 1 is calm",
        min=0,
        max=1,
        default=0.5,
        subtype="FACTOR",
        update=changed,
    )
    offset: offset("every action unit")
    low: limit("Least", "No action unit goes below", 0)
    high: limit("Most", "No action unit goes above", 1)
    mirror: BoolProperty(
        name="Mirror",
        description="Swap left and right: the character does what the performer's mirror shows",
        update=changed,
    )
    own_neck: BoolProperty(
        name="Neck of its own",
        description="Share the head's turn with the neck otherwise than the mapping says",
        update=changed,
    )
    neck_share: FloatProperty(
        name="Neck share",
        description="How much of the head's turn the neck takes: 0 is none, 1 all",
        min=0,
        max=1,
        default=0.5,
        subtype="FACTOR",
        update=changed,
    )
    regions: PointerProperty(type=MienRegions)
    channels: CollectionProperty(type=MienChannel)
    channel: IntProperty(
        name="Channel", description="The channel whose values are shown", options={"SKIP_SAVE"}
    )


CLASSES = (MienRegion, MienRegions, MienChannel, MienTuning)


def add_channel(tuning: MienTuning, signal: str) -> MienChannel:
    """The entry of a signal, a new one where there is none, with limits that do not bind."""
    for number, channel in enumerate(tuning.channels):
        if channel.name == signal:
            tuning.channel = number
            return channel
    channel = tuning.channels.add()
    channel.name = signal
    if signal in ANGLE_SIGNALS:
        with held():  # nothing has been tuned yet
            channel.low, channel.high = -FURTHEST, FURTHEST
    tuning.channel = len(tuning.channels) - 1
    return channel


def reset(tuning: MienTuning) -> None:
    """All values as they are at first."""
    tuning.channels.clear()
    for group in (tuning, *(getattr(tuning.regions, name) for name in REGIONS)):
        for prop in group.bl_rna.properties:
            if not prop.is_readonly and prop.type in ("FLOAT", "BOOLEAN", "INT"):
                group.property_unset(prop.identifier)
