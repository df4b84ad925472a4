"""A rig with exactly a convention's names: the Mien face as shape keys and a few bones.

What a name stands for is read from its words (``shape_names``).  The bones lie and are rolled as
no convention would have it, since a mapping has to cope with that.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray
from shape_names import Sculptor

from mien.blender_addon.face_object import build_mesh, to_blender
from mien.core.face_model import FaceModel, Person
from mien.core.mapping import Mapping

Array = NDArray[Any]
Bones = dict[str, tuple[Array, Array, Array]]  # name -> where it begins, whither, weights (V,)
_MMD_EYES = {"L": "左目", "R": "右目"}


def generate(model: FaceModel, person: Person, mapping: Mapping) -> bpy.types.Object:
    """An armature, and under it the mesh of a person with the targets of a mapping; the armature.
    Custom properties are sliders without effect: no convention here but the Mien face has any."""
    sculptor = Sculptor(model, person)
    bones = _bones(model, person, mapping, sculptor)
    armature = _armature(bones)
    body = bpy.data.objects.new("face", build_mesh(model, person))
    bpy.context.collection.objects.link(body)
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    for name, (_, _, weights) in bones.items():
        group = body.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights > 1e-4):
            group.add([int(vertex)], float(weights[vertex]), "REPLACE")
    still = np.ones(len(person.rest))  # what bones move, shapes leave alone
    for part, carrier in (("eye_l", "eye"), ("eye_r", "eye"), ("teeth", "jaw"), ("tongue", "jaw")):
        if any(_role(name)[0] == carrier for name in bones):
            still[_rows(model, part)] = 0
    body.shape_key_add(name="Basis")
    for name in dict.fromkeys(c.target for c in mapping.channels if c.kind == "shape_key"):
        key = body.shape_key_add(name=name)
        key.value = 0.0  # 5.0 begins at 1
        offsets = sculptor.shape(name)
        if offsets is not None:
            points = to_blender(person.rest + offsets * still[:, None])
            key.data.foreach_set("co", points.astype(np.float32).ravel())
    return armature


def _role(bone: str) -> tuple[str, str]:
    """(jaw | eye | eyes | body, side) that a bone's name says."""
    low = bone.lower()
    if bone in _MMD_EYES.values():
        return "eye", "L" if bone == _MMD_EYES["L"] else "R"
    if bone == "両目":
        return "eyes", ""
    if "jaw" in low:
        return "jaw", ""
    if "eye" in low:
        return "eye", "L" if {"l", "left"} & set(low.replace(".", "_").split("_")) else "R"
    return "body", ""


def _bones(model: FaceModel, person: Person, mapping: Mapping, sculptor: Sculptor) -> Bones:
    joint = dict(zip(model.bones, person.joints, strict=True))
    weights = model.weights(person.brow_style)
    body, stem = weights[:, model.bones.index("root")], weights[:, model.bones.index("neck")]
    rest = 1 - body - stem
    targets = dict.fromkeys(c.target for c in mapping.channels if c.kind == "bone")
    if "両目" in targets:
        targets |= dict.fromkeys(_MMD_EYES.values())
    out: Bones = {}
    for name in targets:
        role, side = _role(name)
        share = np.zeros(len(person.rest))
        begin, way = joint["jaw_master"], joint["chin"] - joint["jaw_master"]
        if role == "jaw":
            shapes = any(c.kind == "shape_key" for c in mapping.channels)
            share = _mouth_floor(model, sculptor) if shapes else _jaw(model, sculptor, begin)
        else:
            begin, way = (joint["eye.L"] + joint["eye.R"]) / 2, np.array([0, 0, 0.02])
        if role == "eye":
            begin = joint[f"eye.{side}"]
            share[_rows(model, f"eye_{side.lower()}")] = 1
        share = share * rest
        rest = rest - share
        out[name] = (begin, way, share)
    up = np.array([0, 0.08, 0])
    head = mapping.head.bone[0] if mapping.head else "head"
    neck = mapping.head.neck[0] if mapping.head and mapping.head.neck else "neck"
    trunk = {"root": (joint["root"], up, body), neck: (joint["neck"], up, stem)}
    return trunk | {head: (joint["head"], up, rest)} | out


def _rows(model: FaceModel, part: str) -> Array:
    faces = model.data["faces"][model.data["face_part"] == model.parts.index(part)]
    return np.unique(faces)


def _mouth_floor(model: FaceModel, sculptor: Sculptor) -> Array:
    """(V,) the lower teeth and the tongue, which a jaw bone carries where shapes move the skin."""
    moved = np.linalg.norm(sculptor.offsets({"AU26": 1, "AU25": 1}), axis=1) > 0.004
    inside = np.zeros(len(moved), bool)
    inside[np.concatenate([_rows(model, "teeth"), _rows(model, "tongue")])] = True
    return (moved & inside).astype(float)


def _jaw(model: FaceModel, sculptor: Sculptor, joint: Array) -> Array:
    """(V,) how far the skin follows the jaw: the way it goes beside that of a stiff jaw."""
    moved = np.linalg.norm(sculptor.offsets({"AU26": 1, "AU25": 1}), axis=1)
    reach = np.linalg.norm((sculptor.rest - joint)[:, 1:], axis=1)
    chin = model.data["landmarks"][8]
    return np.asarray(np.clip(moved / np.maximum(reach, 0.01) * reach[chin] / moved[chin], 0, 1))


def _armature(bones: Bones) -> bpy.types.Object:
    data = bpy.data.armatures.new("rig")
    armature = bpy.data.objects.new("rig", data)
    bpy.context.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    root, neck, head, *rest = bones
    for i, (name, (begin, way, _)) in enumerate(bones.items()):
        bone = data.edit_bones.new(name)
        bone.head = to_blender(begin)
        bone.tail = bone.head + Vector(to_blender(way))
        bone.roll = 0.7 * i
        if name != root:
            above = {neck: root, head: neck}.get(name, head)
            bone.parent = data.edit_bones[above]
    bpy.ops.object.mode_set(mode="OBJECT")
    for name in rest:
        if name in _MMD_EYES.values():  # as mmd_tools imports them
            follow = armature.pose.bones[name].constraints.new("COPY_ROTATION")
            follow.target, follow.subtarget = armature, "両目"
            follow.target_space, follow.owner_space = "LOCAL_OWNER_ORIENT", "LOCAL"
    return armature
