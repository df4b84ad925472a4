"""``python rigify_rig.py super|skin OUT.blend``: the face that Rigify makes of its own meta-rig."""

import os
import sys
from collections.abc import Callable

import bpy


def generate(skin: bool, fit: Callable[[bpy.types.ArmatureEditBones], None] | None = None) -> None:
    """The control rig of the Human meta-rig's head, by Rigify itself, in an empty scene; ``fit``
    may move the meta-rig's bones before."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    if fit:
        bpy.ops.object.mode_set(mode="EDIT")
        fit(bpy.context.object.data.edit_bones)
        bpy.ops.object.mode_set(mode="OBJECT")
    if skin:
        bpy.ops.pose.rigify_upgrade_face()
    bpy.ops.object.mode_set(mode="EDIT")
    bones = bpy.context.object.data.edit_bones
    head = bones["spine.006"]
    kept = {head, *head.parent_recursive, *head.children_recursive}
    for bone in set(bones) - kept:  # limbs take most of the time and are not looked at
        bones.remove(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.pose.rigify_generate()


if __name__ == "__main__":
    generate(skin=sys.argv[1] == "skin")
    bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2])
    sys.stdout.flush()
    os._exit(0)  # Blender as a module hangs when the interpreter ends after Rigify
