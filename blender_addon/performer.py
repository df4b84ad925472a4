# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""The performer: the face at rest goes from a take to a file, for the clips to come, and into the
scene, as a Mien face that looks like them."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import bpy
from bpy.props import StringProperty

from mien.core.errors import UserError
from mien.core.identity import at_rest

from . import takes
from .endings import with_ending
from .face_operator import add_face
from .keying import memory
from .operators import NO_TAKE, RUNNING, possible
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
            (context.scene.mien.take is None, NO_TAKE),
        )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = self.filepath or "performer.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            take = takes.read(context.scene.mien.take)
            take.save_neutral(with_ending(self.filepath, ".json"))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class MIEN_OT_build_performer(bpy.types.Operator):
    """Add a Mien face with the features of the performer, as far as the take tells them"""

    bl_idname = "mien.build_performer"
    bl_label = "Build Performer's Face"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(
            cls,
            (memory.running, RUNNING),
            (context.scene.mien.take is None, NO_TAKE),
            (context.mode != "OBJECT", "Go to Object Mode first"),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        text = context.scene.mien.take
        try:
            identity = takes.read(text).identity
            if identity is None:
                raise UserError(
                    f"{text.name} does not tell who the performer is: capture a clip or a photo."
                )
            add_face(context, at_rest(identity))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}
