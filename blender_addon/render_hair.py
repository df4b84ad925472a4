# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair of `wild` people: some hundred locks that grow over the head, combed by a style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from . import face_materials
from .face_object import to_blender
from .render_head import Outline
from .render_scene import set_vertices

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Style:
    """A hair style; lengths and heights in m."""

    share: float  # of all people
    top: float  # length on top
    sides: float  # length at the sides and the back
    comb: str  # on top: back, forward, left, right, centre, out
    lift: float = 0.3  # how steeply locks rise at their roots: 0 flat, 1 upright
    volume: float = 0.006  # how far they lie off the head
    curl: float = 0.0  # m, how far curls swing
    recede: float = 0.0  # how far the hair line has gone back at the temples
    tie: tuple[float, float] | None = None  # where locks are gathered: height, depth
    bald_top: bool = False
    over_ears: bool = False


# fmt: off
STYLES: Final[dict[str, Style]] = {
    "bald": Style(0.04, 0, 0, "back"),
    "ring": Style(0.03, 0.015, 0.02, "back", 0.1, 0.003, bald_top=True),
    "buzz": Style(0.05, 0.006, 0.004, "out", 0.8, 0.0),
    "crew": Style(0.06, 0.020, 0.007, "forward", 0.6, 0.003),
    "fade": Style(0.05, 0.035, 0.004, "back", 0.9, 0.004),
    "caesar": Style(0.04, 0.030, 0.012, "forward", 0.15, 0.004),
    "receding": Style(0.05, 0.030, 0.018, "back", 0.3, 0.004, recede=1.0),
    "side part": Style(0.07, 0.070, 0.020, "left", 0.4, 0.008),
    "other side part": Style(0.04, 0.080, 0.030, "right", 0.4, 0.009),
    "slicked back": Style(0.04, 0.090, 0.035, "back", 0.1, 0.004),
    "quiff": Style(0.04, 0.070, 0.012, "back", 1.1, 0.012),
    "spikes": Style(0.03, 0.040, 0.020, "out", 1.0, 0.004),
    "mop": Style(0.04, 0.080, 0.060, "forward", 0.5, 0.013, 0.004, over_ears=True),
    "short curls": Style(0.05, 0.045, 0.030, "out", 0.8, 0.006, 0.006),
    "afro": Style(0.04, 0.075, 0.065, "out", 1.6, 0.012, 0.007, over_ears=True),
    "pixie": Style(0.03, 0.055, 0.040, "left", 0.3, 0.006),
    "bowl": Style(0.02, 0.100, 0.070, "forward", 0.2, 0.010, over_ears=True),
    "bob": Style(0.05, 0.190, 0.140, "centre", 0.2, 0.014, over_ears=True),
    "wavy bob": Style(0.03, 0.200, 0.150, "right", 0.3, 0.016, 0.006, over_ears=True),
    "long": Style(0.07, 0.380, 0.300, "centre", 0.15, 0.010, over_ears=True),
    "long, side part": Style(0.06, 0.360, 0.280, "left", 0.3, 0.014, over_ears=True),
    "long waves": Style(0.06, 0.360, 0.280, "right", 0.3, 0.018, 0.008, over_ears=True),
    "long curls": Style(0.04, 0.260, 0.220, "centre", 0.6, 0.026, 0.011, over_ears=True),
    "behind the ears": Style(0.04, 0.340, 0.260, "back", 0.2, 0.006),
    "ponytail": Style(0.05, 0.340, 0.300, "back", 0.1, 0.004, tie=(0.775, -0.060)),
    "low ponytail": Style(0.03, 0.320, 0.260, "back", 0.1, 0.005, tie=(0.700, -0.045)),
    "top knot": Style(0.03, 0.180, 0.200, "back", 0.1, 0.004, tie=(0.845, 0.000)),
}
# fmt: on
LOCKS, POINTS = 1050, 7
_ALONG: Final = np.linspace(0, 1, POINTS) ** 1.5  # closer where they bend, at the root
_DOWN: Final = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Hair:
    """A style as one person wears it."""

    style: str
    line: float  # m, height of the hair line above the nose
    length: float  # of the style's
    seed: int
    colour: tuple[float, float, float]

    @staticmethod
    def sample(rng: np.random.Generator, colour: Array) -> Hair:
        share = np.array([style.share for style in STYLES.values()])
        style = list(STYLES)[rng.choice(len(STYLES), p=share / share.sum())]
        return Hair(style, float(rng.uniform(0.787, 0.808)), float(rng.uniform(0.75, 1.3)),
                    int(rng.integers(1 << 31)),
                    (float(colour[0]), float(colour[1]), float(colour[2])))  # fmt: skip

    @property
    def style_of(self) -> Style:
        """The style by its name."""
        return STYLES[self.style]

    def grows(self, base: Array) -> Array:
        """(...,) how far inside (m) the hair line points (..., 3) of the base head lie."""
        style = STYLES[self.style]
        x, y, z = np.moveaxis(base, -1, 0)
        x = np.abs(x)
        wavy = 0.002 * np.sin(x * 310 + self.seed % 7) + 0.0015 * np.sin(z * 270 + self.seed % 5)
        corner = np.exp(-(((x - 0.042) / 0.016) ** 2))
        line = self.line + (0.004 + 0.030 * style.recede) * corner + 0.012 * style.recede
        front = y - line + wavy
        # The temple runs back and down to before the ear, then behind it to the nape.
        edge = 0.070 + 0.038 * np.clip((y - 0.735) / 0.055, 0, 1)
        low = np.where(z > 0.03, 0.715, np.clip(0.672 + (z - 0.012) * 2.2, 0.668, 0.715))
        sides = np.minimum(edge - z, y - low) + wavy
        if style.bald_top:
            return np.asarray(np.minimum(sides, 0.775 - y))
        return np.asarray(np.maximum(front, sides))


class Locks:
    """The mesh of the hair: ribbons whose points move from person to person."""

    def __init__(self, scene: Any) -> None:
        start = np.arange(LOCKS)[:, None] * POINTS * 2 + np.arange(POINTS - 1) * 2
        quads = np.stack([start, start + 1, start + 3, start + 2], -1).reshape(-1, 4)
        mesh = bpy.data.meshes.new("hair")
        mesh.from_pydata(np.zeros((LOCKS * POINTS * 2, 3)).tolist(), [], quads.tolist())
        mesh.polygons.foreach_set("use_smooth", np.ones(len(quads), bool))
        # Across a lock and along it, each lock elsewhere in the pattern of strands.
        own = np.random.default_rng(0).random((LOCKS, 1, 1, 2)) * (50, 20)
        across = np.broadcast_to(np.array([0.0, 1.0]), (LOCKS, POINTS, 2))
        along = np.broadcast_to(_ALONG[:, None], (LOCKS, POINTS, 2))
        where = np.stack([across, along], -1)
        for name, values in (("UVMap", where + own), ("Lock", where)):
            layer = mesh.uv_layers.new(name=name)
            layer.data.foreach_set("uv", values.reshape(-1, 2)[quads.ravel()].ravel()
                                   .astype(np.float32))  # fmt: skip
        self._material = _material()
        mesh.materials.append(self._material)
        self.object = bpy.data.objects.new("hair", mesh)
        scene.collection.objects.link(self.object)
        golden = np.arange(6000) * np.pi * (3 - 5**0.5)
        height = 1 - np.arange(6000) / 6000 * 1.75
        flat = np.sqrt(1 - height**2)
        self._ways = np.stack([flat * np.sin(golden), height, flat * np.cos(golden)], -1)

    def grow(self, hair: Hair, base: Outline, outline: Outline, below: float) -> Array | None:
        """(LOCKS, POINTS, 2, 3) of a person at rest; ``below`` a hat's rim (m); None: no hair."""
        style, rng = STYLES[hair.style], np.random.default_rng(hair.seed)
        way = self._ways + rng.normal(0, 0.01, self._ways.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        at = base.point(way)
        inside = np.flatnonzero((hair.grows(at) > 0) & (at[:, 1] < below))
        if not style.top or len(inside) < 50:
            return None
        chosen = inside[np.linspace(0, len(inside) - 1, LOCKS).astype(int)]
        way, at = way[chosen], at[chosen]
        points = _comb(style, hair, rng, way, at, outline)
        return _ribbons(points, outline.centre, style, rng)

    def wear(self, ribbons: Array, centre: Array, hair: Hair) -> None:
        """Shows posed ribbons (LOCKS, POINTS, 2, 3) around a head's centre (3,)."""
        set_vertices(self.object.data, ribbons.reshape(-1, 3))
        # Light goes through a thin layer of hair: no black gaps on the scalp.
        self.object.visible_shadow = STYLES[hair.style].top >= 0.05
        nodes = self._material.node_tree.nodes
        nodes["Centre"].inputs[1].default_value = to_blender(centre)
        bright = min(2.1, 0.95 / max(hair.colour))  # the fairest keep their hue
        nodes["Strands"].inputs[6].default_value = (*(c * 0.1 for c in hair.colour), 1)
        nodes["Strands"].inputs[7].default_value = (*(c * bright for c in hair.colour), 1)


def _flow(
    style: Style, hair: Hair, rng: np.random.Generator, way: Array, at: Array
) -> tuple[Array, Array]:
    """Lengths (LOCKS,) of locks, and unit vectors (LOCKS, 3) along the head, as they are combed."""
    count = len(way)
    high = np.clip((at[:, 1] - 0.775) / 0.035, 0, 1)
    high = (high * high * (3 - 2 * high))[:, None]
    length = (style.sides * (1 - high) + style.top * high)[:, 0] * hair.length
    length = length * np.exp(rng.normal(-0.06, 0.2, count))  # ends that are not cut with a ruler
    if style.comb == "forward":  # a fringe ends above the eyes
        length = np.minimum(length, 0.048 + 1.1 * np.maximum(0, 0.105 - at[:, 2]))
    part = rng.uniform(0.015, 0.03)
    side = {"left": np.sign(at[:, 0] + part), "right": np.sign(at[:, 0] - part)}.get(
        style.comb, np.sign(at[:, 0])
    )
    behind = -0.25 - 14 * np.maximum(0, at[:, 2] - 0.1)  # no bar of hair across the forehead
    flow = {
        "back": np.tile([0.0, 0.1, -1.0], (count, 1)),
        "forward": np.tile([0.0, -0.1, 1.0], (count, 1)) + at * (3.0, 0, 0),
        "out": at - (0.0, 0.82, -0.01),
    }.get(style.comb, np.stack([side, np.full(count, -0.1), behind], -1))
    fall = np.stack([0 * side, np.full(count, -1.0), np.full(count, -0.35)], -1)
    if style.comb == "back" or style.tie:
        fall[:, 2] = -1.0
    flow = flow / np.linalg.norm(flow, axis=1, keepdims=True) * high + fall * (1 - high)
    flow = flow + rng.normal(0, 0.12, flow.shape)
    flow -= way * (flow * way).sum(1, keepdims=True)
    flow /= np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-6)
    return length, flow


def _comb(
    style: Style, hair: Hair, rng: np.random.Generator, way: Array, at: Array, outline: Outline
) -> Array:
    """(LOCKS, POINTS, 3): locks from roots in directions ``way``, ``at`` on the base head."""
    count = len(way)
    length, flow = _flow(style, hair, rng, way, at)
    lift = style.lift * np.exp(rng.normal(0, 0.25, (count, 1)))
    v = way * lift + flow
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    height = style.volume * rng.uniform(0.4, 1.0, count) + 0.0015
    height = height + 0.003 * np.minimum(1, style.top / 0.1) * rng.random(count) ** 6  # strays
    bend = rng.normal(0, 0.16, (count, 1)), rng.random((count, 1)) * 6.3
    points = [outline.point(way, -0.002)]
    tie = None
    if style.tie:
        tie = outline.centre + np.array([0, style.tie[0], style.tie[1]]) - (0, 0.745, 0.05)
    phase, twist = rng.random((count, 1)) * 6.3, rng.uniform(120, 260)
    aside = np.cross(way, flow)
    tied = np.zeros((count, 1), bool)
    knot = rng.normal(0, 1, (count, 3))
    heavy = 0.25 if style.lift > 1 else 2.2 if style.comb == "forward" else 1.0
    for k in range(1, POINTS):
        step = length[:, None] * (_ALONG[k] - _ALONG[k - 1])
        weight = np.clip(step / 0.022 * heavy, 0, 0.9)
        p = points[-1] + v * step
        p = outline.above(p, height * min(1.0, k / 2.5))
        p = _free_the_face(p, outline.centre, style)
        if tie is not None:
            tied |= np.linalg.norm(tie - p, axis=1, keepdims=True) < 0.012 + step
            if tie[1] > outline.centre[1] + 0.06:  # a knot on top
                knot = knot + rng.normal(0, 0.9, knot.shape)
                ball = 0.026 * knot / np.linalg.norm(knot, axis=1, keepdims=True)
                p = np.where(tied, tie + np.array([0, 0.02, 0]) + ball, p)
            else:
                p = np.where(tied & (points[-1][:, 2:] > tie[2]), tie + 0.006 * knot, p)
        ahead = p - points[-1]
        v = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
        if style.curl:
            angle = phase + length[:, None] * _ALONG[k] * twist
            swing = np.sin(angle), np.cos(angle)
            v = v + (aside * swing[0] + way * swing[1]) * min(1.2, style.curl * 90)
        v = v * (1 - weight) + _DOWN * weight
        sway = bend[0] * min(1.0, k / 3) * np.sin(bend[1] + 55 * length[:, None] * _ALONG[k])
        v = v + aside * sway
        if tie is not None:
            gap = tie - p
            v = np.where(tied, _DOWN + np.array([0, 0, -0.5]) + 0.12 * knot, gap)
        v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-6)
        points.append(p)
    return np.stack(points, 1)


def _free_the_face(p: Array, centre: Array, style: Style) -> Array:
    """Locks swing round to the sides of the face where they come down to the forehead, or with a
    fringe to the eyes; short ones go there along the hair line."""
    height = 0.008 if style.comb == "forward" else 0.045
    step = np.radians(15 if style.top < 0.1 else 90)
    d = p - centre
    azimuth, flat = np.arctan2(d[:, 0], d[:, 2]), np.hypot(d[:, 0], d[:, 2])
    low = np.clip((height - d[:, 1]) / 0.03, 0, 1)
    least = np.radians(30 + 38 * low)
    out = np.abs(azimuth)
    far = (low > 0) & (out < least - step)
    turned = np.sign(azimuth) * np.where(
        low > 0, np.minimum(np.maximum(out, least), out + step), out
    )
    y = np.where(far, centre[1] + height, p[:, 1])
    return np.stack([centre[0] + flat * np.sin(turned), y, centre[2] + flat * np.cos(turned)], -1)


def _ribbons(points: Array, centre: Array, style: Style, rng: np.random.Generator) -> Array:
    """(LOCKS, POINTS, 2, 3): both edges of locks along points."""
    along = np.gradient(points, axis=1)
    across = np.cross(along, points - centre)
    across += 0.5 * rng.normal(0, 1, (len(points), 1, 1)) * np.cross(along, across) / (
        np.linalg.norm(along, axis=-1, keepdims=True) + 1e-6)  # fmt: skip
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    profile = np.minimum(1, 0.6 + 2 * _ALONG) * np.minimum(1, (1.04 - _ALONG) * 3) ** 0.7
    width = 0.0021 if style.top < 0.05 else 0.0026 if style.top < 0.1 else 0.0034
    width = width * np.exp(rng.normal(0, 0.45, len(points)))
    edge = across * (width[:, None] * profile)[..., None]
    return np.stack([points - edge, points + edge], 2)


def _material() -> Any:
    material, tree, bsdf = face_materials.new_material("hair")
    link = tree.links.new
    uv = tree.nodes.new("ShaderNodeUVMap")
    uv.uv_map = "UVMap"
    stretch = tree.nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (5, 1.1, 1)  # strands run along a lock
    link(uv.outputs[0], stretch.inputs[0])
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.noise_dimensions = "2D"
    noise.inputs["Scale"].default_value = 1.0
    noise.inputs["Detail"].default_value = 2
    link(stretch.outputs[0], noise.inputs["Vector"])
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.name = "RGBA", "Strands"
    link(noise.outputs[0], mix.inputs[0])
    link(mix.outputs[2], bsdf.inputs["Base Color"])
    # Hair takes light as one body, not as single bands: normals point away from the head.
    place = tree.nodes.new("ShaderNodeNewGeometry")
    away = tree.nodes.new("ShaderNodeVectorMath")
    away.operation, away.name = "SUBTRACT", "Centre"
    link(place.outputs["Position"], away.inputs[0])
    unit = tree.nodes.new("ShaderNodeVectorMath")
    unit.operation = "NORMALIZE"
    link(away.outputs[0], unit.inputs[0])
    blend = tree.nodes.new("ShaderNodeVectorMath")
    blend.operation = "MULTIPLY_ADD"
    blend.inputs[1].default_value = (0.35, 0.35, 0.35)
    link(place.outputs["Normal"], blend.inputs[0])
    link(unit.outputs[0], blend.inputs[2])
    even = tree.nodes.new("ShaderNodeVectorMath")
    even.operation = "NORMALIZE"
    link(blend.outputs[0], even.inputs[0])
    bump = tree.nodes.new("ShaderNodeBump")
    link(even.outputs[0], bump.inputs["Normal"])
    bump.inputs["Distance"].default_value = 0.0012
    link(noise.outputs[0], bump.inputs["Height"])
    link(bump.outputs[0], bsdf.inputs["Normal"])
    bsdf.inputs["Roughness"].default_value = 0.45
    bsdf.inputs["Specular IOR Level"].default_value = 0.4
    return material
