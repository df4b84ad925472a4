# SPDX-License-Identifier: GPL-3.0-or-later
"""Things made of tubes in `wild` pictures: glasses, jewellery, and what is held before a face."""

from __future__ import annotations

from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from . import face_materials
from .face_object import to_blender

Array = NDArray[Any]
Colour = tuple[float, float, float]
Stroke = tuple[Array, Array, bool]  # points (N, 3), radii (N,) in m, closed

HELD: Final = ("hand", "microphone", "cup")
_METAL: Final = ((0.85, 0.62, 0.25), (0.8, 0.8, 0.8), (0.7, 0.45, 0.35), (0.03, 0.03, 0.03))
# What makes a body of tubes: webs between fingers, one palm.
_FUSE: Final[dict[str, dict[str, Any]]] = {
    "REMESH": {"mode": "VOXEL", "voxel_size": 0.002, "use_smooth_shade": True},
    "SMOOTH": {"factor": 0.5, "iterations": 8},
}


class Tubes:
    """An object of the scene made of tubes along lines; ``fused`` ones may grow into one body."""

    def __init__(self, scene: Any, name: str, fused: bool = False) -> None:
        self._curve = bpy.data.curves.new(name, "CURVE")
        self._curve.dimensions = "3D"
        self._curve.bevel_depth = 1.0  # the points' radii tell
        self._curve.bevel_resolution = 2
        self._curve.use_fill_caps = True
        self._material, _, self._bsdf = face_materials.new_material(name)
        self._curve.materials.append(self._material)
        self.object = bpy.data.objects.new(name, self._curve)
        scene.collection.objects.link(self.object)
        self.object.hide_render = True
        self._fusing = [self.object.modifiers.new(kind, kind) for kind in _FUSE if fused]
        for modifier in self._fusing:
            for setting, value in _FUSE[modifier.type].items():
                setattr(modifier, setting, value)

    def show(
        self, strokes: list[Stroke], colour: Colour = (0, 0, 0), metallic: float = 0.0,
        roughness: float = 0.3, fused: bool = False,
    ) -> None:  # fmt: skip
        """Draws strokes (model axes); none hides the object."""
        for modifier in self._fusing:
            modifier.show_render = modifier.show_viewport = fused
        self.object.hide_render = not strokes
        if not strokes and not self._curve.splines:
            return
        self._curve.splines.clear()
        for points, radii, closed in strokes:
            spline = self._curve.splines.new("POLY")
            spline.points.add(len(points) - 1)
            world = np.c_[to_blender(points), np.ones(len(points))]
            spline.points.foreach_set("co", world.ravel().astype(np.float32))
            spline.points.foreach_set("radius", radii.astype(np.float32))
            spline.use_cyclic_u = closed
            spline.use_smooth = True
        self._bsdf.inputs["Base Color"].default_value = (*colour, 1)
        self._bsdf.inputs["Metallic"].default_value = metallic
        self._bsdf.inputs["Roughness"].default_value = roughness


def glasses(rng: np.random.Generator, landmarks: Array, turn: Array) -> list[Stroke]:
    """Frames around the eyes, from wire to thick rims, some with no lower rim."""
    eyes = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0)]) @ turn
    middle, half = eyes.mean(0), abs(eyes[1, 0] - eyes[0, 0]) / 2
    width, ratio = half * rng.uniform(0.62, 0.82), rng.uniform(0.65, 1.0)
    square = rng.uniform(2, 6)
    forward, drop = rng.uniform(0.020, 0.028), rng.uniform(-0.006, 0.002)
    thick = rng.choice([rng.uniform(0.0004, 0.0009), rng.uniform(0.001, 0.0026)])
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    if rng.random() < 0.15:
        t = np.linspace(-0.1, np.pi + 0.1, 24)  # the upper rim alone
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / square) * width
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / square) * width * ratio
    lines = []
    for sign in (1, -1):
        rim = np.stack([sign * half + x, y + drop, forward - 0.25 * x * sign], -1)
        lines.append((rim, len(t) == 40))
        hinge = np.array([sign * (half + width), 0.2 * width + drop, forward - 0.25 * width])
        ear = np.array([sign * (half + width * 1.25), 0.25 * width + drop, -0.07])
        lines.append((np.stack([hinge, ear]), False))
    bridge = np.array([[half - width, 0, forward + 0.005], [width - half, 0, forward + 0.005]])
    bridge[:, 1] += 0.2 * width + drop
    lines.append((bridge, False))
    return [((p + middle) @ turn.T, np.full(len(p), thick), closed) for p, closed in lines]


def earrings(rng: np.random.Generator, lobes: Array, turn: Array) -> list[Stroke]:
    """Studs or hoops at lobes (2, 3)."""
    radius, thick = rng.uniform(0.005, 0.018), rng.uniform(0.0007, 0.0018)
    t = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    out: list[Stroke] = []
    for lobe, sign in zip(lobes, (1, -1), strict=True):
        if radius < 0.008:
            stud = lobe + np.array([[0, 0.003, 0], [sign * 0.004, 0.003, 0]]) @ turn.T
            out.append((stud, np.full(2, 0.0028), False))
        else:
            ring = np.stack([0.2 * radius * np.cos(t) * sign, np.cos(t) * radius - radius + 0.004,
                             np.sin(t) * radius], -1)  # fmt: skip
            out.append((lobe + ring @ turn.T, np.full(len(t), thick), True))
    return out


def metal(rng: np.random.Generator) -> Colour:
    """A linear colour of jewellery."""
    return _METAL[rng.integers(len(_METAL))]


def held(rng: np.random.Generator, kind: str, landmarks: Array) -> list[Stroke]:
    """One of `HELD` before the face: it may hide a part of it."""
    front = landmarks[:, 2].max() + rng.uniform(0.012, 0.035)
    mouth = landmarks[48:68].mean(0)
    if kind == "microphone":
        tip = np.array([mouth[0], mouth[1] - rng.uniform(0.0, 0.04), front + 0.03])
        way = np.array([rng.normal(0, 0.4), -1.0, rng.uniform(0.2, 1.2)])
        way /= np.linalg.norm(way)
        t = np.array([0, 0.006, 0.016, 0.03, 0.042, 0.048, 0.16])
        radii = np.array([0.008, 0.018, 0.024, 0.025, 0.018, 0.012, 0.010])
        return [(tip + t[:, None] * way, radii, False)]
    if kind == "cup":
        rim = np.array([mouth[0], mouth[1] - rng.uniform(0.0, 0.02), front + 0.035])
        way = np.array([rng.normal(0, 0.15), -1.0, rng.uniform(0.1, 0.5)])
        t, radius = np.linspace(0, 0.1, 5), rng.uniform(0.034, 0.042)
        return [(rim + t[:, None] * way, np.linspace(radius, 0.85 * radius, 5), False)]
    goal = landmarks[rng.choice([4, 8, 12, 30, 33, 51, 57, 36, 45, 19, 24])]
    return _hand(rng, np.array([goal[0], goal[1], front]))


# Roots of the fingers from the middle of the hand and above the middle knuckle, and lengths, in m.
_FINGERS: Final = (
    (-0.029, -0.004, 0.070),
    (-0.0095, 0.0, 0.080),
    (0.0095, -0.003, 0.075),
    (0.027, -0.012, 0.058),
)
_BONES: Final = (0.36, 0.08, 0.24, 0.08, 0.19, 0.05)  # joints are thicker than what lies between
_FINGER: Final = 1e-4 * np.array([145, 140, 118, 93, 97, 86, 87, 70, 44])


def _hand(rng: np.random.Generator, goal: Array) -> list[Stroke]:
    """Fingers, thumb, palm and forearm; a middle knuckle at ``goal``."""
    side = rng.choice([-1.0, 1.0])
    spread, curl = rng.uniform(0.9, 1.5), rng.uniform(0.0, 0.7)
    lines: list[Stroke] = []
    for x, high, length in _FINGERS:
        bend = curl * rng.uniform(0.7, 1.3)
        p = [np.array([0.5 * x, -0.078, 0.0]), np.array([0.85 * x, -0.03, 0.001]),
             np.array([x, high, 0.004])]  # fmt: skip
        angle = 0.15 * bend
        for part in _BONES:
            angle += 0.6 * bend
            way = np.array([x * (spread - 1) * 6, np.cos(angle), -np.sin(angle)])
            p.append(p[-1] + way * length * part)
        lines.append((np.array(p), _FINGER * (0.85 if length < 0.06 else 1), False))
    thumb = np.array(
        [
            [-0.012, -0.075, 0],
            [-0.032, -0.050, -0.004],
            [-0.046, -0.022, -0.008],
            [-0.051, -0.012, -0.010],
            [-0.055, 0.004, -0.012],
            [-0.056, 0.010, -0.012],
        ]
    )
    thick = np.array([0.016, 0.0145, 0.0105, 0.0100, 0.0085, 0.0055])
    lines.append((thumb, thick, False))
    arm = np.array([[0, -0.30, 0], [0, -0.13, 0], [0, -0.088, 0], [0, -0.06, 0]])
    lines.append((arm, np.array([0.038, 0.027, 0.024, 0.020]), False))
    tilt = rng.normal(0, 0.6)
    c, s = np.cos(tilt), np.sin(tilt)
    matrix = np.array([[c * side, -s, 0], [s * side, c, 0], [0, 0, 1]])
    offset = goal - (0, rng.uniform(-0.01, 0.05), 0)
    return [(p @ matrix.T + offset, r, closed) for p, r, closed in lines]
