# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""A take of this file goes out to other programs."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from mien.core.convert import CSV_KINDS, export
from mien.core.errors import UserError

from . import takes
from .keying import memory
from .operators import NO_TAKE, RUNNING, possible
from .wording import told


class MIEN_OT_export_take(bpy.types.Operator):
    """Write the take, as it was captured, to a file for other programs"""

    bl_idname = "mien.export_take"
    bl_label = "Export Take"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", description="The file to write", subtype="FILE_PATH")
    kind: EnumProperty(
        name="Format",
        description="Who is to read it",
        items=[
            ("openface", "OpenFace (.csv)", "Action units from 0 to 5, gaze and head"),
            ("livelink", "Live Link Face (.csv)", "ARKit's shapes, head and eyes, with time codes"),
            ("json", "mien (.json)", "All that the take holds, the performer too"),
            ("bvh", "BVH (.bvh)", "The head's rotation alone"),
        ],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (memory.running, RUNNING), (context.scene.mien.take is None, NO_TAKE))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(Path(context.scene.mien.take.name).with_suffix(""))
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        """Gives the name the ending of the format; whether it had another."""
        before = self.filepath
        suffix = ".csv" if self.kind in CSV_KINDS else f".{self.kind}"
        self.filepath = str(Path(before).with_suffix(suffix))
        return bool(self.filepath != before)

    def execute(self, context: bpy.types.Context) -> set[str]:
        self.check(context)
        csv = self.kind if self.kind in CSV_KINDS else None
        try:
            export(takes.read(context.scene.mien.take), self.filepath, csv)
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}
