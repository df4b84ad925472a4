# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""Add > Mesh > Mien face."""

from __future__ import annotations

from typing import Any

import bpy
from numpy.typing import NDArray

from mien.core.errors import UserError

from .face_object import build_face
from .operators import possible
from .rig_names import there
from .wording import told

Array = NDArray[Any]


class MIEN_OT_add_face(bpy.types.Operator):
    """Add a face that action units move, ready to be captured onto"""

    bl_idname = "mien.add_face"
    bl_label = "Mien face"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (context.mode != "OBJECT", "Go to Object Mode first"))

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            add_face(context)
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def add_face(context: bpy.types.Context, values: Array | None = None) -> None:
    """Puts the face of a parameter vector (285,), or anybody's, where the 3D cursor is."""
    face = build_face(context, values)
    face.location = context.scene.cursor.location
    for item in context.selected_objects:
        item.select_set(False)
    face.select_set(True)
    context.view_layer.objects.active = face
    if not there(context.scene.mien.target):
        context.scene.mien.target = face


def menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """The entry in Add > Mesh."""
    self.layout.operator(MIEN_OT_add_face.bl_idname, icon="MONKEY")
