# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""What the panel remembers, with the scene and with Blender's preferences."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
from typing import Any

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

from . import takes
from .choices import (
    ACTION,
    AUTO,
    EDITED,
    EVERY,
    FILE,
    KEYED,
    MARKED,
    POSED,
    RANGE,
    REDUCED,
    SAVED,
    STEP,
    STRIP,
    WEBCAM,
)
from .keying import changed
from .mapping_properties import MienMapping
from .rig_names import can_be_target
from .tune_properties import MienTuning


def _mapping_items() -> list[tuple[str, str, str]]:
    return [
        (AUTO, "Detect", "The convention that most of the character's names belong to"),
        *((name, rig_mappings.load(name).title, "") for name in rig_mappings.names()),
        (FILE, "From a file", "A mapping of your own (.toml)"),
        (EDITED, "As edited", "The one in the mapping editor"),
    ]


def _frame(name: str, description: str, default: int, **more: Any) -> Any:
    return IntProperty(name=name, description=description, min=0, default=default, **more)


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
    live: BoolProperty(
        name="Live",
        description="Move the character while it is recorded; a video plays at its own pace, as "
        "if it were a camera",
    )
    source: StringProperty(
        name="File",
        description="A video, an image, a folder of images or their pattern (shot_%04d.png), or a "
        "take: .json, or a .csv of mien, OpenFace, Live Link Face or ARKit",
        subtype="FILE_PATH",
    )
    target: PointerProperty(
        name="Target",
        description="The character to animate: its armature or any of its meshes",
        type=bpy.types.Object,
        poll=lambda self, item: can_be_target(item),
    )
    others: PointerProperty(
        name="And meshes of",
        description="A collection whose meshes belong to the character too, such as lashes, teeth "
        "and clothes with shape keys of the same names",
        type=bpy.types.Collection,
    )
    photo: EnumProperty(
        name="Photo",
        description="What a single picture becomes, on the current frame",
        items=[
            (KEYED, "Key", "Keys on the current frame"),
            (POSED, "Pose", "A pose without keys, to work on"),
        ],
    )
    mapping: EnumProperty(
        name="Mapping",
        description="What moves what on the character",
        items=_mapping_items(),
        update=changed,
    )
    mapping_file: StringProperty(
        name="File",
        description="A mapping of your own (.toml)",
        subtype="FILE_PATH",
        update=changed,
    )
    use_range: BoolProperty(
        name="Part of the source", description="Capture only some frames of the source"
    )
    range_start: _frame("First", "First frame of the source to capture", 0)
    range_end: _frame("Last", "Last frame of the source to capture", 250)
    face: IntProperty(
        name="Face number",
        description="Which face to key: 1 is the first one found, of several the largest",
        min=1,
        max=8,
        default=1,
    )
    start_frame: IntProperty(
        name="Place at",
        description="The frame of the scene on which the take begins",
        default=1,
        update=changed,
    )
    neutral: EnumProperty(
        name="Neutral",
        description="What counts as the performer's face at rest",
        items=[
            ("auto", "From the clip", "The quietest frames of the clip"),
            ("none", "As measured", "Change nothing"),
            (MARKED, "Marked frames", "The performer rests between these frames of the source"),
            (SAVED, "Saved performer", "The face at rest that was saved from another clip"),
        ],
        update=changed,
    )
    neutral_start: _frame(
        "First", "First frame of the source in which the performer rests", 0, update=changed
    )
    neutral_end: _frame(
        "Last", "Last frame of the source in which the performer rests", 10, update=changed
    )
    neutral_file: StringProperty(
        name="File",
        description="A neutral that was saved from a take of the same performer (.json)",
        subtype="FILE_PATH",
        update=changed,
    )
    take: PointerProperty(
        name="Take",
        description="The capture that is tuned and keyed again; takes are saved with the file",
        type=bpy.types.Text,
        poll=lambda self, text: takes.is_take(text),
    )
    tuning: PointerProperty(type=MienTuning)
    edited: PointerProperty(type=MienMapping)
    where: EnumProperty(
        name="Keys",
        description="Where a capture puts its keys",
        items=[
            (ACTION, "New action", "A copy of the character's action; the old one is kept"),
            (STRIP, "NLA strip", "A strip above what the character has; its action stays in use"),
            (RANGE, "Current action", "Some frames of the action that the character has"),
        ],
    )
    window_start: IntProperty(
        name="First", description="First frame of the scene to key", default=1, update=changed
    )
    window_end: IntProperty(
        name="Last", description="Last frame of the scene to key", default=250, update=changed
    )
    how_many: EnumProperty(
        name="How many",
        description="How many keys each channel gets",
        items=[
            (EVERY, "Every capture", "A key for each captured frame, at its very time"),
            (STEP, "Every n-th frame", "Keys on whole frames of the scene"),
            (REDUCED, "Reduced", "As few as keep each curve within an error"),
        ],
        update=changed,
    )
    step: IntProperty(
        name="Step",
        description="Frames of the scene from key to key",
        min=1,
        soft_max=12,
        default=2,
        update=changed,
    )
    bound: FloatProperty(
        name="Error",
        description="How far a curve may go astray, in percent of a whole movement",
        min=0,
        max=50,
        default=1,
        subtype="PERCENTAGE",
        update=changed,
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
