# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""What the panel remembers, with the scene and with Blender's preferences."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from mien import rig_mappings

from .rig_names import can_be_target

AUTO, FILE, WEBCAM = "AUTO", "FILE", "WEBCAM"
MARKED = "frames"


def _mapping_items() -> list[tuple[str, str, str]]:
    return [
        (AUTO, "Detect", "The convention that most of the character's names belong to"),
        *((name, rig_mappings.load(name).title, "") for name in rig_mappings.names()),
        (FILE, "From a file", "A mapping of your own (.toml)"),
    ]


def _frame(name: str, description: str, default: int) -> object:
    return IntProperty(name=name, description=description, min=0, default=default)


class MienSettings(bpy.types.PropertyGroup):
    """The fields of the panel, kept with the scene."""

    source_type: EnumProperty(
        name="Source",
        description="What to capture from",
        items=[
            (FILE, "File", "A video, an image or a saved take"),
            (WEBCAM, "Webcam", "A camera, until you press Stop"),
        ],
    )
    camera: IntProperty(
        name="Camera", description="The number of the camera; 0 is the first", min=0, max=99
    )
    source: StringProperty(
        name="File",
        description="A video, an image, or a take: .json, or a .csv of mien, OpenFace, Live Link "
        "Face or ARKit",
        subtype="FILE_PATH",
    )
    target: PointerProperty(
        name="Target",
        description="The character to animate: its armature or any of its meshes",
        type=bpy.types.Object,
        poll=lambda self, item: can_be_target(item),
    )
    mapping: EnumProperty(
        name="Mapping",
        description="What moves what on the character",
        items=_mapping_items(),
    )
    mapping_file: StringProperty(
        name="File", description="A mapping of your own (.toml)", subtype="FILE_PATH"
    )
    use_range: BoolProperty(
        name="Part of the source", description="Capture only some frames of the source"
    )
    range_start: _frame("First", "First frame of the source to capture", 0)
    range_end: _frame("Last", "Last frame of the source to capture", 250)
    face: IntProperty(
        name="Face",
        description="Which face to key: 1 is the first one found, of several the largest",
        min=1,
        max=8,
        default=1,
    )
    start_frame: IntProperty(
        name="Place at", description="The frame of the scene on which the take begins", default=1
    )
    neutral: EnumProperty(
        name="Neutral",
        description="What counts as the performer's face at rest",
        items=[
            ("auto", "From the clip", "The quietest frames of the clip"),
            ("none", "As measured", "Change nothing"),
            (MARKED, "Marked frames", "The performer rests between these frames of the source"),
        ],
    )
    neutral_start: _frame("First", "First frame of the source in which the performer rests", 0)
    neutral_end: _frame("Last", "Last frame of the source in which the performer rests", 10)
    strength: FloatProperty(
        name="Strength",
        description="Multiplies every expression",
        min=0,
        soft_max=2,
        max=10,
        default=1,
    )
    smoothing: FloatProperty(
        name="Smoothing",
        description="0 keeps every tremble, 1 is calm",
        min=0,
        max=1,
        default=0.5,
        subtype="FACTOR",
    )


class MienPreferences(bpy.types.AddonPreferences):
    """What belongs to the machine, not to the scene."""

    bl_idname = __package__

    device: EnumProperty(
        name="Device",
        description="What computes",
        items=[
            ("auto", "Automatic", "The graphics card where it can be used"),
            ("cpu", "CPU", ""),
            ("cuda", "CUDA", "An NVIDIA card; needs an interpreter that has mien[gpu]"),
        ],
    )
    python: StringProperty(
        name="Python",
        description="An interpreter that has mien[gpu] installed; empty for Blender's own",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "device")
        self.layout.prop(self, "python")


def machine(context: bpy.types.Context) -> tuple[str, str]:
    """(device, interpreter or "") of the preferences."""
    addon = context.preferences.addons.get(__package__)
    if addon is None:  # used from a script, without being enabled
        return "auto", ""
    return addon.preferences.device, bpy.path.abspath(addon.preferences.python)
