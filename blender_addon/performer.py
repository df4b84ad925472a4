# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""The performer's face at rest goes from a take to a file, for the clips to come."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
from pathlib import Path

import bpy
from bpy.props import StringProperty

from mien.core.errors import UserError

from . import takes
from .keying import memory
from .operators import RUNNING, possible
from .wording import told


class MIEN_OT_save_neutral(bpy.types.Operator):
    """Write the performer's face at rest, as this take shows it, to a file for other clips"""

    bl_idname = "mien.save_neutral"
    bl_label = "Save Neutral"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", description="The file to write", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(
            cls,
            (memory.running, RUNNING),
            (
                context.scene.mien.take is None,
                "Capture something, or choose a take of this file",
            ),
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = self.filepath or "performer.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            take = takes.read(context.scene.mien.take)
            take.save_neutral(Path(self.filepath).with_suffix(".json"))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}
