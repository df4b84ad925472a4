# SPDX-License-Identifier: GPL-3.0-or-later
"""Clothes of `wild` people: what covers the shoulders, and caps, beanies and headscarves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from mien.core.face_model import FaceModel, Person

from . import face_materials
from .render_head import Outline, directions
from .render_scene import set_vertices

Array = NDArray[Any]
Colour = tuple[float, float, float]

# Cross-sections of a garment from the neck down (m): radius and height at the front, the
# shoulder and the back, about an axis at `_AXIS`.
_FRONT: Final = ((0.043, 0.576), (0.050, 0.570), (0.062, 0.560), (0.076, 0.545), (0.089, 0.525),
                 (0.100, 0.500), (0.111, 0.460), (0.118, 0.400), (0.118, 0.220))  # fmt: skip
_SIDE: Final = ((0.064, 0.606), (0.080, 0.599), (0.104, 0.589), (0.137, 0.577), (0.166, 0.562),
                (0.191, 0.540), (0.206, 0.500), (0.212, 0.420), (0.212, 0.220))  # fmt: skip
_BACK: Final = ((0.074, 0.608), (0.083, 0.595), (0.092, 0.570), (0.103, 0.545), (0.112, 0.515),
                (0.119, 0.480), (0.123, 0.440), (0.124, 0.380), (0.124, 0.220))  # fmt: skip
_AXIS: Final = 0.045  # z
COLLARS: Final = ("crew", "turtleneck", "shirt", "hood")
PATTERNS: Final = ("plain", "stripes", "bars", "heather", "blotches")
HATS: Final = ("cap", "beanie", "headscarf", "hat")
_ANGLES, _RINGS = 56, 16


@dataclass(frozen=True, slots=True)
class Clothes:
    """What one person wears; colours are linear."""

    collar: str
    pattern: str
    colour: Colour
    second: Colour
    hat: str  # "" for none
    hat_colour: Colour
    seed: int

    @staticmethod
    def sample(rng: np.random.Generator) -> Clothes:
        hat = HATS[rng.choice(4, p=[0.3, 0.25, 0.3, 0.15])] if rng.random() < 0.14 else ""
        return Clothes(
            COLLARS[rng.choice(4, p=[0.5, 0.12, 0.25, 0.13])],
            PATTERNS[rng.choice(5, p=[0.55, 0.1, 0.08, 0.17, 0.1])],
            dye(rng), dye(rng), hat, dye(rng), int(rng.integers(1 << 31)),
        )  # fmt: skip


def dye(rng: np.random.Generator) -> Colour:
    """A linear colour as clothes have it: greys and muted ones mostly."""
    value = float(np.exp(rng.uniform(np.log(0.012), np.log(0.75))))
    hue = rng.random(3)
    tint = np.exp((hue - hue.mean()) * rng.choice([0.1, 0.7, 2.2], p=[0.45, 0.4, 0.15]))
    c = np.clip(value * tint, 0.006, 0.8)
    return float(c[0]), float(c[1]), float(c[2])


class Garment:
    """A mesh over shoulders and chest."""

    def __init__(self, scene: Any, model: FaceModel) -> None:
        self._angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
        self.object, self._cloth = _tube(scene, "clothes", _RINGS)
        self._base = model.data["base"]
        low = self._base[:, 1] < 0.62
        self._low = np.flatnonzero(low)

    def wear(self, clothes: Clothes, person: Person) -> Array:
        """Puts it on; shoulders do not move with the head.  Where a necklace lies: (A, 3)."""
        rng = np.random.default_rng(clothes.seed)
        self._cloth.dye(clothes.colour, clothes.second, clothes.pattern, rng)
        cos, sin = np.cos(self._angle), np.sin(self._angle)
        wide, deep = sin**2, np.where(cos > 0, cos**2, 0)[:, None, None]
        front, side, back = (np.array(p) for p in (_FRONT, _SIDE, _BACK))
        middle = np.where(cos[:, None, None] > 0, front, back)
        path = middle * (1 - wide[:, None, None]) + side * wide[:, None, None]  # (A, 9, 2)
        height = path[..., 1]
        x = side[:, 0] * np.sign(sin)[:, None] * np.abs(sin)[:, None] ** 0.9
        back_of_shoulder = np.minimum(1, np.arange(len(_SIDE)) / 3) * 0.02
        z = _AXIS + middle[..., 0] * cos[:, None] - back_of_shoulder * wide[:, None]
        body = np.stack([x, height, z], -1)
        body[..., 1] -= rng.uniform(0, 0.006)
        folds = 0.003 * np.sin(self._angle * 7 + rng.random() * 6) * np.sin(
            self._angle * 3 + rng.random() * 6)  # fmt: skip
        body[:, 3:, 2] += folds[:, None] * np.linspace(0, 1.5, 6)
        rings = np.concatenate([self._collar(clothes.collar, body, deep[:, 0, 0], rng), body], 1)
        rings += self._shift(person)
        set_vertices(self.object.data, rings.swapaxes(0, 1).reshape(-1, 3))
        # Deep at the front, at the neck behind.
        ring = _RINGS - 9 + 3.2 * (0.5 + 0.5 * cos) ** 2
        low = np.floor(ring).astype(int)
        row, part = np.arange(_ANGLES), (ring - low)[:, None]
        necklace = rings[row, low] * (1 - part) + rings[row, low + 1] * part
        return np.asarray(necklace + np.stack([0 * cos, 0 * cos + 0.003, 0.002 * cos], -1))

    def _shift(self, person: Person) -> Array:
        return np.asarray((person.rest[self._low] - self._base[self._low]).mean(0))

    def _collar(self, kind: str, body: Array, front: Array, rng: np.random.Generator) -> Array:
        """(A, RINGS - 9, 3) rings above the first ring of the body, from inside to outside."""
        edge = body[:, :1]
        out = (edge - np.array([0, 0, _AXIS])) * np.array([1, 0, 1])
        out /= np.linalg.norm(out, axis=-1, keepdims=True)
        up = np.array([0.0, 1.0, 0.0])
        t = np.linspace(0, 1, _RINGS - 9)[None, :, None]
        if kind == "turtleneck":
            tall = rng.uniform(0.022, 0.038)
            bulge = np.sin(np.pi * t) * 0.006
            return np.asarray(edge + up * tall * (1 - t) ** 0.8 - out * (0.004 * (1 - t) - bulge))
        if kind in ("shirt", "hood"):
            # It rises from within, turns over and falls outside.
            tall, wide = (0.020, 0.020) if kind == "shirt" else (0.022, 0.036)
            gap = 1 - 0.7 * np.exp(-(((self._angle - 0) / 0.25) ** 2))
            gap = np.minimum(gap, 1 - 0.7 * np.exp(-(((self._angle - 2 * np.pi) / 0.25) ** 2)))
            rise = up * tall * np.sin(np.pi * np.minimum(1, t * 1.15)) * gap[:, None, None]
            spread = out * wide * np.clip(t - 0.35, 0, 1) * 1.3
            return np.asarray(edge + rise + spread - up * 0.012 * np.clip(t - 0.6, 0, 1)
                              - out * 0.003 * (1 - t))  # fmt: skip
        # A hem that is thicker than the cloth below.
        hem = np.sin(np.pi * t) * 0.0028
        return np.asarray(edge + up * 0.007 * (1 - t) - out * (0.007 * (1 - t) - hem))


class Headgear:
    """A mesh over the head; one grid serves all kinds."""

    def __init__(self, scene: Any) -> None:
        self._angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
        self.object, self._cloth = _tube(scene, "hat", _RINGS)

    def shape(self, clothes: Clothes, outline: Outline) -> Array:
        """(RINGS, A, 3) of a person at rest."""
        rng = np.random.default_rng(clothes.seed + 1)
        pattern = clothes.pattern if clothes.hat in ("beanie", "headscarf") else "plain"
        self._cloth.dye(clothes.hat_colour, clothes.second, pattern, rng)
        t = np.linspace(0, 1, _RINGS)[:, None]
        a = self._angle[None, :]
        if clothes.hat == "headscarf":
            return self._scarf(outline, t, a, rng)
        brim = rng.uniform(0.30, 0.50)  # elevation of the rim at the front, and at the back
        back = {"cap": 0.05, "beanie": -0.25, "hat": 0.05}[clothes.hat] + rng.uniform(-0.1, 0.1)
        rim = brim * (0.5 + 0.5 * np.cos(a)) + back * (0.5 - 0.5 * np.cos(a))
        brimmed = clothes.hat in ("cap", "hat")
        s = np.minimum(1, t / 0.72) if brimmed else t
        elevation = np.pi / 2 - (np.pi / 2 - rim) * s
        height = 0.007 + {"cap": 0.012, "beanie": 0.016, "hat": 0.03}[clothes.hat] * (1 - s**4)
        if clothes.hat == "beanie":
            height = height + 0.005 * (t > 0.78) + 0.003 * np.sin(a * 28) * np.sin(np.pi * t)
        points = outline.point(directions(np.broadcast_to(a, elevation.shape), elevation), height)
        if brimmed:
            over = np.clip((t - 0.72) / 0.28, 0, 1) * np.ones_like(a)
            if clothes.hat == "cap":
                ahead = np.clip(np.cos(a * 1.15), 0, 1) * (np.cos(a) > 0)
                points[..., 2] += over * ahead**0.6 * 0.068
                points[..., 1] -= over * (0.012 + 0.01 * np.sin(a) ** 2) * ahead
            else:
                way = directions(a, 0 * a)
                points += (over * rng.uniform(0.04, 0.075))[..., None] * way
                points[..., 1] -= over * 0.008 * np.cos(2 * a)
        return np.asarray(points)

    def _scarf(self, outline: Outline, t: Array, a: Array, rng: np.random.Generator) -> Array:
        """Rings about the axis of view, from round the face to the back of the head."""
        wide, top, chin = rng.uniform(0.88, 1.0), rng.uniform(0.48, 0.62), rng.uniform(1.06, 1.15)
        up = np.cos(a)
        opening = np.where(up > 0, top * up**2 + wide * (1 - up**2), chin * up**2
                           + wide * (1 - up**2))  # fmt: skip
        polar = opening + (np.pi - 0.02 - opening) * t**0.9
        way = np.stack([np.sin(polar) * np.sin(a), np.sin(polar) * np.cos(a),
                        np.cos(polar) * np.ones_like(a)], -1)  # fmt: skip
        folds = 0.004 * np.sin(a * 5 + 9 * t + rng.random() * 6) + 0.003 * np.sin(
            a * 11 - 14 * t + rng.random() * 6)  # fmt: skip
        height = 0.004 + 0.012 * np.sqrt(np.minimum(1, 5 * t)) + folds * np.minimum(1, 4 * t)
        height = height + 0.03 * np.clip(-way[..., 1] - 0.35, 0, 1) * np.minimum(1, 3 * t)
        return outline.point(way, height)

    def wear(self, points: Array) -> None:
        """Shows posed points (RINGS, A, 3)."""
        set_vertices(self.object.data, points.reshape(-1, 3))


class _Cloth:
    """A material of woven stuff: two colours in a pattern over the grid, with folds."""

    def __init__(self, name: str) -> None:
        self.material, tree, bsdf = face_materials.new_material(name)
        link = tree.links.new
        uv = tree.nodes.new("ShaderNodeUVMap")
        uv.uv_map = "UVMap"
        self._scale = tree.nodes.new("ShaderNodeMapping")
        link(uv.outputs[0], self._scale.inputs[0])
        noise = tree.nodes.new("ShaderNodeTexNoise")
        noise.noise_dimensions = "2D"
        noise.inputs["Scale"].default_value = 1.0
        link(self._scale.outputs[0], noise.inputs["Vector"])
        self._sharp = tree.nodes.new("ShaderNodeMapRange")
        link(noise.outputs[0], self._sharp.inputs[0])
        mix = tree.nodes.new("ShaderNodeMix")
        mix.data_type = "RGBA"
        self._mix = mix
        link(self._sharp.outputs[0], mix.inputs[0])
        link(mix.outputs[2], bsdf.inputs["Base Color"])
        weave = tree.nodes.new("ShaderNodeTexNoise")
        weave.inputs["Scale"].default_value = 60
        bump = tree.nodes.new("ShaderNodeBump")
        bump.inputs["Distance"].default_value = 0.004
        bump.inputs["Strength"].default_value = 0.5
        link(uv.outputs[0], weave.inputs["Vector"])
        link(weave.outputs[0], bump.inputs["Height"])
        link(bump.outputs[0], bsdf.inputs["Normal"])
        bsdf.inputs["Roughness"].default_value = 0.85
        bsdf.inputs["Specular IOR Level"].default_value = 0.2

    def dye(self, colour: Colour, second: Colour, pattern: str, rng: np.random.Generator) -> None:
        """Gives it colours and one of `PATTERNS`."""
        fine = rng.uniform(0.6, 1.6)
        scale, soft = {
            "plain": ((4, 4), 0.5), "stripes": ((0.01, 60 * fine), 0.02),
            "bars": ((60 * fine, 0.01), 0.02), "heather": ((300, 300), 0.3),
            "blotches": ((22 * fine, 16 * fine), 0.05),
        }[pattern]  # fmt: skip
        self._scale.inputs["Scale"].default_value = (*scale, 1)
        self._scale.inputs["Location"].default_value = (rng.random() * 40, rng.random() * 40, 0)
        self._sharp.inputs[1].default_value = 0.5 - soft
        self._sharp.inputs[2].default_value = 0.5 + soft
        if pattern == "plain":
            second = 0.8 * colour[0], 0.8 * colour[1], 0.8 * colour[2]
        self._mix.inputs[6].default_value = (*colour, 1)
        self._mix.inputs[7].default_value = (*second, 1)


def _tube(scene: Any, name: str, rings: int) -> tuple[Any, _Cloth]:
    """An object of ``rings`` closed rings of `_ANGLES` points, and its cloth."""
    first = np.arange(rings - 1)[:, None] * _ANGLES + np.arange(_ANGLES)
    after = np.arange(rings - 1)[:, None] * _ANGLES + (np.arange(_ANGLES) + 1) % _ANGLES
    quads = np.stack([first, after, after + _ANGLES, first + _ANGLES], -1).reshape(-1, 4)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.zeros((rings * _ANGLES, 3)).tolist(), [], quads.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(quads), bool))
    # Around and back again: no seam.
    u = np.abs(np.stack([first % _ANGLES, first % _ANGLES + 1, first % _ANGLES + 1,
                         first % _ANGLES], -1) / _ANGLES - 0.5)  # fmt: skip
    v = np.stack([first // _ANGLES, first // _ANGLES, first // _ANGLES + 1,
                  first // _ANGLES + 1], -1) / rings  # fmt: skip
    uv = np.stack([u, v], -1).reshape(-1).astype(np.float32)
    mesh.uv_layers.new(name="UVMap").data.foreach_set("uv", uv)
    cloth = _Cloth(name)
    mesh.materials.append(cloth.material)
    shown = bpy.data.objects.new(name, mesh)
    scene.collection.objects.link(shown)
    return shown, cloth
