# SPDX-License-Identifier: GPL-3.0-or-later
"""mien in Blender.  The same package is the extension and, for scripts, mien.blender_addon."""

import bpy

from . import (
    drop,
    face_operator,
    mapping_panel,
    mapping_properties,
    operators,
    panel,
    performer,
    properties,
    take_export,
    translations,
    tune_panel,
    tune_properties,
)
from .keying import memory

_CLASSES = (
    *tune_properties.CLASSES,
    *mapping_properties.CLASSES,
    properties.MienSettings,
    properties.MienPreferences,
    operators.MIEN_OT_capture,
    operators.MIEN_OT_stop,
    operators.MIEN_OT_cancel,
    operators.MIEN_OT_key_again,
    performer.MIEN_OT_save_neutral,
    performer.MIEN_OT_build_performer,
    take_export.MIEN_OT_export_take,
    face_operator.MIEN_OT_add_face,
    *drop.CLASSES,
    panel.MIEN_PT_capture,
    *tune_panel.CLASSES,
    *mapping_panel.CLASSES,
)


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _forget(_path: str) -> None:
    """What the panel says is of the file that was open before."""
    memory.lines = []


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.mien = bpy.props.PointerProperty(type=properties.MienSettings)
    bpy.types.VIEW3D_MT_mesh_add.append(face_operator.menu)
    bpy.app.handlers.load_post.append(_forget)
    translations.register()


def unregister() -> None:
    translations.unregister()
    bpy.app.handlers.load_post.remove(_forget)
    if memory.running:
        memory.running.close()
        memory.running = None
    bpy.types.VIEW3D_MT_mesh_add.remove(face_operator.menu)
    del bpy.types.Scene.mien
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
