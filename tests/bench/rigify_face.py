"""``python rigify_face.py rigify_face|rigify_skin_face OUT.blend``: a Rigify face on the Mien mesh.

Does what an animator would: fits the face of the Human meta-rig to the mesh, has Rigify generate
the control rig, and binds the mesh to its deform bones.  The mesh's property "placed" is the (4, 4)
that took it to the meta-rig, row by row.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "blender_addon"))
from rigify_rig import generate

from mien.blender_addon.face_object import build_mesh, to_blender
from mien.core import parameters
from mien.core.face_model import FaceModel, Person

Array = NDArray[Any]

# The Mien face's bones bear the meta-rig's names, but run round the lids the other way.
LIDS = {
    "lid.T": "lid.B", "lid.T.001": "lid.T.003", "lid.T.002": "lid.T.002", "lid.T.003": "lid.T.001",
    "lid.B": "lid.T", "lid.B.001": "lid.B.003", "lid.B.002": "lid.B.002", "lid.B.003": "lid.B.001",
}  # fmt: skip
# Bones that Rigify calls otherwise, and those for eyes, on which it leaves the binding to us.
CARRIERS = {"head": "DEF-spine.006", "neck": "DEF-spine.005", "root": "DEF-spine.004",
            "jaw_master": "DEF-jaw", "eye.L": "MCH-eye.L", "eye.R": "MCH-eye.R"}  # fmt: skip


def meta_name(bone: str) -> str:
    """The meta-rig's bone that sits where a bone of the Mien face does."""
    for side in (".L", ".R"):
        if bone.startswith("lid.") and side in bone:
            return _insert(LIDS[bone.replace(side, "")], side)
    return bone


def _insert(name: str, side: str) -> str:
    """lid.T.001 -> lid.T.L.001"""
    head, _, number = name.partition(".0")
    return head + side + (f".0{number}" if number else "")


class Fitting:
    """The similarity from the mesh to the meta-rig, and the meta-rig's bones drawn onto it."""

    def __init__(self, model: FaceModel, person: Person) -> None:
        joints = to_blender(person.joints)
        self.joints = {meta_name(b): j for b, j in zip(model.bones, joints, strict=True)}
        self.joints.pop("jaw_master")
        self.matrix = np.eye(4)

    def __call__(self, bones: Any) -> None:
        """Moves edit bones: heads onto the joints, and ends that met a head go on meeting it."""
        face = [b for b in self.joints if b in bones and b not in ("head", "neck", "root")]
        ours = np.array([self.joints[b] for b in face])
        theirs = [bones[b].head.copy() for b in face]
        ends = [bones[b].tail.copy() for b in face]
        self.matrix = similarity(ours, np.array(theirs))
        placed = ours @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        move = {h.to_tuple(4): Vector(p) - h for h, p in zip(theirs, placed, strict=True)}
        for name, head, end in zip(face, theirs, ends, strict=True):
            own = move[head.to_tuple(4)]
            bones[name].head = head + own
            bones[name].tail = end + move.get(end.to_tuple(4), own)


def similarity(points: Array, onto: Array) -> Array:
    """(4, 4) scale and translation, the least squares from points (N, 3) to others."""
    a, b = points - points.mean(0), onto - onto.mean(0)
    scale = (a * b).sum() / (a * a).sum()
    out = np.diag([scale, scale, scale, 1.0])
    out[:3, 3] = onto.mean(0) - scale * points.mean(0)
    return out


def bind(rig: bpy.types.Object, model: FaceModel, person: Person, placed: Array) -> None:
    """Puts the mesh under the rig, weighted to its deform bones as the Mien face is to its own."""
    body = bpy.data.objects.new("face", build_mesh(model, person))
    bpy.context.collection.objects.link(body)
    body.data.transform(Matrix(placed.tolist()))
    body["placed"] = placed.ravel().tolist()
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig
    weights: dict[str, Array] = {}
    for column, bone in zip(model.weights(person.brow_style).T, model.bones, strict=True):
        own = CARRIERS.get(bone, f"DEF-{meta_name(bone)}")
        near = (own, f"ORG-{bone}", "DEF-spine.006")
        carrier = next(name for name in near if name in rig.data.bones)
        weights[carrier] = weights.get(carrier, 0) + column
        rig.data.bones[carrier].use_deform = True
    for bone, values in weights.items():
        group = body.vertex_groups.new(name=bone)
        for vertex in np.flatnonzero(values > 1e-4):
            group.add([int(vertex)], float(values[vertex]), "REPLACE")


def main(name: str, path: str) -> None:
    model = FaceModel()
    y = parameters.from_values({"brow_style.09": 1})
    person = model.person(y[parameters.IDENTITY])
    fitting = Fitting(model, person)
    generate(skin=name == "rigify_skin_face", fit=fitting)
    rig = next(o for o in bpy.data.objects if "rig_id" in getattr(o.data, "keys", dict)())
    rig.name = "rig"
    bind(rig, model, person, fitting.matrix)
    bpy.ops.wm.save_as_mainfile(filepath=path)


if __name__ == "__main__":
    status = 1
    try:
        main(*sys.argv[1:])
        status = 0
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)  # Blender as a module hangs when the interpreter ends after Rigify
