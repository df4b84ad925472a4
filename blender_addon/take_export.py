# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""A take of this file goes out to other programs."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import re
from contextlib import suppress

import bpy
from bpy.props import EnumProperty, StringProperty

from mien.core.convert import CSV_KINDS, export
from mien.core.errors import UserError

from . import takes
from .drop import MIEN_FH_drop
from .endings import with_ending
from .keying import memory
from .operators import NO_TAKE, RUNNING, possible
from .wording import told

_OTHERS = {*MIEN_FH_drop.bl_file_extensions.split(";"), ".bvh"}  # of footage and of other formats


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
        self.filepath = re.sub(r"\.json(\.\d+)?$", "", context.scene.mien.take.name)
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: bpy.types.Context) -> bool:
        """Gives the name the ending of the format; whether it had another."""
        before = self.filepath
        with suppress(UserError):  # the name may be about to be typed
            self.filepath = self._named()
        return bool(self.filepath != before)

    def execute(self, context: bpy.types.Context) -> set[str]:
        csv = self.kind if self.kind in CSV_KINDS else None
        try:
            export(takes.read(context.scene.mien.take), self._named(), csv)
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _named(self) -> str:
        suffix = ".csv" if self.kind in CSV_KINDS else f".{self.kind}"
        return with_ending(self.filepath, suffix, _OTHERS)
