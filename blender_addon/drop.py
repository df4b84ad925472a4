# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""A video, photo or take that is dropped onto the 3D view becomes the source."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import bpy
from bpy.props import StringProperty

from .choices import FILE
from .keying import memory
from .operators import RUNNING, possible
from .wording import say


class MIEN_OT_drop(bpy.types.Operator):
    """Make this file the source of the next capture"""

    bl_idname = "mien.drop"
    bl_label = "Capture a face from it (Mien)"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(
        name="File", description="A video, a photo or a take", subtype="FILE_PATH"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (memory.running, RUNNING))

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.mien
        settings.source_type, settings.source = FILE, self.filepath
        done = say("Source chosen: press Capture in the tab Mien of the sidebar (N)")
        self.report({"INFO"}, done)
        return {"FINISHED"}


# Without a docstring, which Blender would show as a tooltip.
class MIEN_FH_drop(bpy.types.FileHandler):
    bl_idname = "MIEN_FH_drop"
    bl_label = "Mien"
    bl_import_operator = MIEN_OT_drop.bl_idname
    bl_file_extensions = ".mp4;.mov;.m4v;.avi;.mkv;.webm;.jpg;.jpeg;.png;.csv;.json"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (MIEN_OT_drop, MIEN_FH_drop)
