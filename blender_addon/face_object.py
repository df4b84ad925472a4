# SPDX-License-Identifier: GPL-3.0-or-later
"""The face model in Blender: mesh, armature and sliders; the same geometry as mien.core.

Bones have no rotation at rest that matters to an animator: each points up (model y), so a pose
bone's own axes are the model's x, y, z.  Custom properties of the armature object are the sliders;
see face_motion for what they move.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from mien.core import face_model, parameters
from mien.core.face_model import FaceModel, Person

from . import face_materials
from .face_motion import add_motion

Array = NDArray[Any]

NAME = "Mien face"
_BONE_LENGTH = 0.01


def to_blender(points: Array) -> Array:
    """(..., 3) from the model's axes (y up, z forward) to Blender's (z up, -y forward)."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def build_mesh(model: FaceModel, person: Person, name: str = NAME) -> Any:
    """The mesh of a person at rest with UVs, attributes and material slots yet to be filled."""
    faces, part = model.faces(person.brow_style)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(to_blender(person.rest).tolist(), [], faces.tolist())
    mesh.polygons.foreach_set("material_index", part.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    skin_uv = model.data["uv"].reshape(-1, 2)
    uv = np.zeros((len(mesh.loops), 2), np.float32)
    uv[: len(skin_uv)] = skin_uv
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", uv.ravel())
    base = np.concatenate([model.data["base"], person.rest[model.vertex_count :]])
    front = base[faces.ravel()][:, :2] * (1 / 0.17, 1 / 0.21) + (0.5, -0.61 / 0.21)
    mesh.uv_layers.new(name="Front").data.foreach_set("uv", front.astype(np.float32).ravel())
    for key, values in point_attributes(model, base).items():
        kind = {1: "FLOAT", 3: "FLOAT_VECTOR", 4: "FLOAT_COLOR"}[values.shape[1]]
        attribute = mesh.attributes.new(key, kind, "POINT")
        field = {1: "value", 3: "vector", 4: "color"}[values.shape[1]]
        attribute.data.foreach_set(field, values.astype(np.float32).ravel())
    mesh.update()
    return mesh


def point_attributes(model: FaceModel, base: Array) -> dict[str, Array]:
    """Per-vertex values that the materials read: name -> (V, 1 | 3 | 4)."""
    n = len(base)

    def mask(name: str) -> Array:
        return np.pad(np.clip(model.data[name] * 1.6 - 0.3, 0, 1), (0, n - model.vertex_count))

    x, y, z = base.T
    cheeks = np.exp(-(((np.abs(x) - 0.042) / 0.018) ** 2) - ((y - 0.695) / 0.018) ** 2)
    nose = np.exp(-((x / 0.012) ** 2) - ((y - 0.685) / 0.012) ** 2)
    flush = np.clip(0.55 * cheeks + 0.5 * nose, 0, 1) * (z > 0.08)
    eye = np.zeros((n, 3))
    for side in ("l", "r"):
        rows = np.unique(
            model.data["faces"][model.data["face_part"] == model.parts.index(f"eye_{side}")]
        )
        centre = base[rows].mean(0)
        eye[rows] = (base[rows] - centre) / np.linalg.norm(base[rows] - centre, axis=1).max()
    return {
        "rest": base,
        "eye": eye,
        "lips": mask("lips")[:, None],
        "inside": mask("inside_mouth")[:, None],
        "flush": flush[:, None],
        "shade": np.ones((n, 4)),
    }


def build_face(
    context: Any, values: Array | None = None, look: face_materials.Look | None = None
) -> Any:
    """Adds the face of a parameter vector (285,), posed by it; returns the armature object."""
    y = parameters.neutral() if values is None else np.asarray(values, float)
    if values is None:
        y[parameters.group("au")] = 0
    model = FaceModel()
    person = model.person(y[parameters.IDENTITY])
    armature = _armature(context, model, person)
    mesh = build_mesh(model, person)
    body = bpy.data.objects.new(NAME + " mesh", mesh)
    _home(context).objects.link(body)
    for material in face_materials.face(look or face_materials.Look()):
        mesh.materials.append(material)
    body.parent = armature
    _weights(body, model, person)
    body.modifiers.new("Armature", "ARMATURE").object = armature
    shapes = to_blender(person.rest + model.correctives(person))
    add_motion(armature, body, model, shapes, model.bone_motion(person))
    set_values(armature, model.slider_values(y))
    s = parameters.signals(y)
    set_head(armature, face_model.head_rotation(float(s["head.yaw"]), float(s["head.pitch"])))
    return armature


def _home(context: Any) -> Any:
    """Where new objects go, as Blender's own: a linked or overridden collection takes none."""
    active = context.collection
    theirs = active.library or active.override_library
    return context.scene.collection if theirs else active


def _armature(context: Any, model: FaceModel, person: Person) -> Any:
    data = bpy.data.armatures.new(NAME)
    data.display_type = "STICK"
    armature = bpy.data.objects.new(NAME, data)
    _home(context).objects.link(armature)
    view = context.view_layer
    for other in view.objects:
        other.select_set(False)
    view.objects.active = armature
    armature.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    parents = {"root": None, "neck": "root", "head": "neck"}
    for name, joint in zip(model.bones, to_blender(person.joints), strict=True):
        bone = data.edit_bones.new(name)
        bone.head = joint
        bone.tail = Vector(joint) + Vector((0, 0, _BONE_LENGTH))  # local y is the model's y
        bone.roll = 0.0
        bone.align_roll(Vector((0, -1, 0)))  # local z is the model's z
        bone.inherit_scale = "FULL"
    for name in model.bones:
        parent = parents.get(name, "head")
        if parent:
            data.edit_bones[name].parent = data.edit_bones[parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION" if bone.name in ("neck", "head") else "XYZ"
    return armature


def _weights(body: Any, model: FaceModel, person: Person) -> None:
    weights = model.weights(person.brow_style)
    for column, name in enumerate(model.bones):
        group = body.vertex_groups.new(name=name)
        for vertex in np.nonzero(weights[:, column] > 1e-7)[0]:
            group.add([int(vertex)], float(weights[vertex, column]), "REPLACE")


def set_values(armature: Any, values: dict[str, float]) -> None:
    """Sets the sliders of a Mien face."""
    for name, value in values.items():
        armature[name] = float(value)
    armature.update_tag()


def set_head(armature: Any, rotation: Array) -> None:
    """Turns neck and head, half each, by a rotation (3, 3) in the model's axes."""
    from mathutils import Matrix

    half = Matrix(face_model.half_rotation(rotation).tolist()).to_quaternion()
    for name in ("neck", "head"):
        armature.pose.bones[name].rotation_quaternion = half
