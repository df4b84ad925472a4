"""The bone-driven face model (BDFM) in numpy: parameters -> bones -> vertices and landmarks.

Metres; x to the subject's left, y up, z forward.  An identity moves bones first and so makes a
person: a rest shape with its own joints.  Sliders (the sides of the AUs, lids, gaze) then move that
person's bones and correctives, and the pose turns neck and head.  Blender builds the same person as
an armature and a mesh (blender_addon/face_object.py); a test holds the two together.

    vertex = sum_b w_b M_b (rest + sum_k a_k C_k)           (linear blend skinning)
    M_b    = H T(joint + t) R S T(-joint),  t, r, s summed over the sliders k with activation a_k
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import parameters
from .errors import UserError

Array = NDArray[Any]

PATH: Final = Path(__file__).with_name("face_model.npz")
SLIDERS: Final = tuple(
    name for name in parameters.AU_SIGNALS if name not in parameters.SIDED_AUS
)  # what a rig shows: paired AUs by side
HALF: Final = ".half"  # an in-between shape: activation 4a(1-a) of the slider it is named after
# A "*" in the name of the model's slider: a corrective, as active as the product of the two.


@dataclass(frozen=True, slots=True)
class Person:
    """One identity at rest: ``rest`` (V, 3), ``joints`` (B, 3), ``frame`` (V, 3, 3) and
    ``bone_frame`` (B, 3, 3), how the identity turned and scaled the surroundings of each."""

    rest: Array
    joints: Array
    frame: Array
    bone_frame: Array
    brow_style: int


def rotation(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
    """(..., 3, 3) of Euler angles in radians, applied in the order x, y, z (Rz Ry Rx)."""
    x, y, z = np.broadcast_arrays(*(np.asarray(a, float) for a in (x, y, z)))
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    rows = [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
    return np.stack([np.stack(r, -1) for r in rows], -2)


def head_rotation(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike = 0.0) -> Array:
    """(..., 3, 3) of degrees (...) in the project's signs: Rz(-roll) Ry(yaw) Rx(-pitch)."""
    return rotation(-np.radians(pitch), np.radians(yaw), -np.radians(roll))


def half_rotation(matrix: Array) -> Array:
    """The square root of a rotation: half the angle about the same axis (Rodrigues)."""
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    if angle < 1e-9:
        return np.eye(3)
    k = (matrix - matrix.T) / (2 * np.sin(angle))
    return np.asarray(np.eye(3) + np.sin(angle / 2) * k + (1 - np.cos(angle / 2)) * k @ k)


def stored(path: Path = PATH) -> dict[str, Array]:
    """The arrays of a face model's file; UserError when it is missing."""
    if not path.exists():
        raise UserError(f"{path.name} is missing; build it with `make model`")
    with np.load(path, allow_pickle=False) as data:
        return {k: data[k] for k in data.files}


class FaceModel:
    """Evaluates face_model.npz; see tools/build_face_model.py for what its arrays are."""

    def __init__(self, data: dict[str, Array] | None = None) -> None:
        """data: the arrays of another model, such as :func:`stored` gives."""
        self.data = d = stored() if data is None else data
        self.bones: list[str] = [str(b) for b in d["bones"]]
        self.sliders: list[str] = [str(s) for s in d["sliders"]]
        self._bone = {b: i for i, b in enumerate(self.bones)}
        self._base = d["base"].astype(float)
        self._weights = d["weights"].astype(float)
        self._joints = d["joints"].astype(float)
        self._motion = d["slider_motion"].astype(float)
        self._shapes = d["slider_shape"].astype(float)
        self.slider_index = {s: i for i, s in enumerate(self.sliders)}

    @property
    def vertex_count(self) -> int:
        """Vertices without the brow, which comes after them."""
        return len(self._base)

    # Brow vertices are points on triangles of the skin plus an offset; what the skin has, they
    # inherit by their barycentric weights.
    def _brow(self, style: int) -> tuple[Array, Array, Array]:
        d, start = self.data, self.data["brow_start"]
        rows = slice(int(start[style]), int(start[style + 1]))
        return (
            d["brow_triangle"][rows],
            d["brow_weight"][rows].astype(float),
            d["brow_offset"][rows],
        )

    @lru_cache(maxsize=64)  # noqa: B019 - one model lives as long as the process
    def weights(self, style: int) -> Array:
        """(V + brow, B) skinning weights; rows sum to 1."""
        return self._extend(self._weights, style)

    @lru_cache(maxsize=64)  # noqa: B019
    def shapes(self, style: int) -> Array:
        """(S, V + brow, 3) correctives in the base identity's frame."""
        t, w, _ = self._brow(style)
        brow = np.einsum("skcd,kc->skd", self._shapes[:, t], w)
        return np.concatenate([self._shapes, brow], 1)

    def _extend(self, values: Array, style: int) -> Array:
        t, w, _ = self._brow(style)
        brow = np.einsum("kc...,kc->k...", values[t], w)
        return np.concatenate([values, brow])

    def person(self, identity: ArrayLike, extra: ArrayLike | None = None) -> Person:
        """The person of an identity (244,) in [0, 1]; ``extra`` (K,) adds nuisance shape (in
        standard deviations) beyond the 208 controls."""
        identity = np.asarray(identity, float)
        style = int(np.argmax(identity[208:]))
        matrices = self._identity_bones(identity[:208])
        blend = (self._weights @ matrices.reshape(-1, 12)).reshape(-1, 3, 4)
        rest = np.einsum("vij,vj->vi", blend[:, :, :3], self._base) + blend[:, :, 3]
        if extra is not None:
            rest = rest + np.tensordot(np.asarray(extra, float), self.data["extra"], 1)
        self._seat_teeth(rest)
        frame = self._extend(blend[:, :, :3], style)
        t, w, offset = self._brow(style)
        brow = np.einsum("kcd,kc->kd", rest[t], w)
        brow = brow + np.einsum("kij,kj->ki", frame[len(rest) :], offset)
        bound = self.data["joint_vertices"]
        joints = self._joints.copy()
        for b, vertices in enumerate(bound):
            used = vertices[vertices >= 0]
            if len(used):
                joints[b] += (rest[used] - self._base[used]).mean(0)
        return Person(np.concatenate([rest, brow]), joints, frame, matrices[:, :, :3], style)

    def _seat_teeth(self, rest: Array) -> None:
        """Teeth and tongue have no controls: they keep their place behind the lips, in place."""
        part, faces = self.data["face_part"], self.data["faces"]
        names = [self.parts.index(p) for p in ("teeth", "tongue")]
        mouth = np.unique(faces[np.isin(part, names)])
        inner = self.data["landmarks"][60:68]
        before, after = self._base[inner], rest[inner]
        width = np.ptp(after[:, 0]) / np.ptp(before[:, 0])
        centre = before.mean(0)
        moved = (self._base[mouth] - centre) * np.clip(width, 0.8, 1.1) + after.mean(0)
        moved[:, 2] -= 0.001
        rest[mouth] = moved

    def _identity_bones(self, controls: Array) -> Array:
        """(B, 3, 4) of the identity: components move, turn and scale about their centres."""
        d = self.data
        amount = (controls - 0.5) * 2 * d["control_range"]
        changes = np.zeros((3, len(d["component_pivot"]), 3))  # moves, turns, logs of scales
        changes[d["control_kind"], d["control_component"], d["control_axis"]] = amount
        move, turn, scale = changes[:, :, None]  # (C, 1, 3)
        mirror = np.array([1, -1])
        m = np.stack([mirror, np.ones(2), np.ones(2)], -1)  # of the two sides
        linear = rotation(turn[..., 0], turn[..., 1] * mirror, turn[..., 2] * mirror)
        linear = linear * np.exp(scale)[:, :, None]
        pivot = d["component_pivot"][:, None] * m
        offset = pivot + move * m - (linear @ pivot[..., None])[..., 0]
        matrices = np.tile(np.eye(4), (len(self.bones), 1, 1))
        for c in np.flatnonzero(changes.any((0, 2))):
            for side in range(1 + int(d["component_sided"][c])):
                bones = d["component_bones"][c, side].astype(bool)
                moved = linear[c, side] @ matrices[bones, :3]
                moved[:, :, 3] += offset[c, side]
                matrices[bones, :3] = moved
        return matrices[:, :3]

    def slider_values(self, y: ArrayLike) -> dict[str, float]:
        """Sliders of one vector: AU sides in [0, 1], ``gaze.yaw`` and ``gaze.pitch`` in degrees."""
        s = parameters.signals(y)
        values = {name: float(s[name]) for name in SLIDERS}
        return values | {n: float(s.get(n, 0.0)) for n in ("gaze.yaw", "gaze.pitch")}

    def activations(self, values: dict[str, float]) -> Array:
        """(S,) of the model's sliders: lids from the gaze, in-betweens, products, fades."""
        v = dict(values)
        pitch = v.get("gaze.pitch", 0.0) / parameters.GAZE_PITCH_LIMIT
        v["lids.up"], v["lids.down"] = max(pitch, 0.0), max(-pitch, 0.0)
        out = np.zeros(len(self.sliders))
        for i, name in enumerate(self.sliders):
            a = prod(v.get(part, 0.0) for part in name.removesuffix(HALF).split("*"))
            out[i] = 4 * a * (1 - a) if name.endswith(HALF) else a
        for slider, other, strength in self.fades:
            out[self.slider_index[slider]] *= 1 - strength * v.get(other, 0.0)
        return out

    @property
    def fades(self) -> list[tuple[str, str, float]]:
        """(slider, other, strength): its activation is multiplied by 1 - strength * other."""
        d = self.data
        rows = zip(d["fade_slider"], d["fade_other"], d["fade_strength"], strict=True)
        return [(str(s), str(o), float(k)) for s, o, k in rows]

    def bone_motion(self, person: Person) -> Array:
        """(S, B, 9) location, Euler rotation and scale - 1 per unit of activation, for a person."""
        motion = self._motion.copy()
        motion[:, :, :3] = np.einsum("bij,sbj->sbi", person.bone_frame, motion[:, :, :3])
        return motion

    def correctives(self, person: Person) -> Array:
        """(S, V + brow, 3) rest-space offsets per unit of activation, for a person."""
        shapes = self.shapes(person.brow_style)
        return np.einsum("vij,svj->svi", person.frame, shapes)

    def pose(self, person: Person, values: dict[str, float], head: Array | None = None) -> Array:
        """(V + brow, 3) of a person with sliders set and the head turned by ``head`` (3, 3)."""
        a = self.activations(values)
        on = np.nonzero(a)[0]
        shape = np.tensordot(a[on], self.shapes(person.brow_style)[on], 1)
        points = person.rest + np.einsum("vij,vj->vi", person.frame, shape)
        motion = np.tensordot(a[on], self.bone_motion(person)[on], 1)
        linear = rotation(*motion[:, 3:6].T) * (1 + motion[:, None, 6:9])
        yaw, pitch = np.radians(values.get("gaze.yaw", 0)), np.radians(values.get("gaze.pitch", 0))
        for eye in ("eye.L", "eye.R"):
            linear[self._bone[eye]] = rotation(-pitch, yaw, 0)
        joints = person.joints
        offset = joints + motion[:, :3] - np.einsum("bij,bj->bi", linear, joints)
        if head is not None:
            linear, offset = self._turn_head(joints, linear, offset, head)
        matrices = np.concatenate([linear, offset[:, :, None]], 2).reshape(len(joints), 12)
        blend = (self.weights(person.brow_style) @ matrices).reshape(-1, 3, 4)
        return np.asarray(np.einsum("vij,vj->vi", blend[:, :, :3], points) + blend[:, :, 3])

    def _turn_head(
        self, joints: Array, linear: Array, offset: Array, head: Array
    ) -> tuple[Array, Array]:
        """Half of the turn at the neck, half at the head, which carries all face bones."""
        half = half_rotation(head)
        neck_joint, head_joint = joints[self._bone["neck"]], joints[self._bone["head"]]
        neck_offset = neck_joint - half @ neck_joint
        full = half @ half
        # p -> half (half (p - h) + h) + neck_offset
        head_offset = half @ (head_joint - half @ head_joint) + neck_offset
        linear, offset = full @ linear, offset @ full.T + head_offset
        for bone, (m, t) in {
            "root": (np.eye(3), np.zeros(3)),
            "neck": (half, neck_offset),
            "head": (full, head_offset),
        }.items():
            linear[self._bone[bone]], offset[self._bone[bone]] = m, t
        return linear, offset

    def evaluate(self, y: ArrayLike, roll: float = 0.0) -> Array:
        """(V + brow, 3) of one vector (285,) or (269,)."""
        y = np.asarray(y, float)
        person = self.person(y[parameters.IDENTITY])
        s = parameters.signals(y)
        turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]), roll)
        return self.pose(person, self.slider_values(y), turn)

    def landmarks(self, vertices: Array, person: Person) -> Array:
        """(68, 3) iBUG points of posed vertices; 17-26 are points of the brow."""
        points = vertices[self.data["landmarks"]]
        points[17:27] = vertices[self.vertex_count + self.data["brow_landmarks"][person.brow_style]]
        return np.asarray(points)

    def faces(self, style: int) -> tuple[Array, Array]:
        """(F, 4) vertex indices and (F,) part numbers (see ``parts``), brow strands last."""
        t, _, _ = self._brow(style)
        strands = np.arange(len(t)).reshape(-1, 6) + self.vertex_count
        quads = np.concatenate([strands[:, [0, 1, 3, 2]], strands[:, [2, 3, 5, 4]]])
        parts = np.full(len(quads), self.parts.index("brow"))
        return (
            np.concatenate([self.data["faces"], quads]),
            np.concatenate([self.data["face_part"], parts]),
        )

    @property
    def parts(self) -> list[str]:
        """Names of the parts, which are also the material slots in Blender."""
        return [str(p) for p in self.data["parts"]]

    def sample_identity(self, rng: np.random.Generator, spread: float = 0.5) -> Array:
        """(244,) of a believable person: the prior learned from random MakeHuman heads."""
        basis = self.data["prior"]
        controls = 0.5 + basis @ rng.standard_normal(basis.shape[1]) * spread
        brow = np.zeros(parameters.BROW_STYLES)
        brow[rng.integers(parameters.BROW_STYLES)] = 1
        return np.concatenate([np.clip(controls, 0, 1), brow])
