# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person wears in `wild` pictures: hair, glasses, and clothes painted on the shoulders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from mien.core.face_model import FaceModel

from . import face_materials
from .face_object import to_blender
from .render_scene import set_vertices

Array = NDArray[Any]

STYLES = ("bald", "buzz", "short", "fringe", "long")


@dataclass(frozen=True, slots=True)
class Hair:
    """A style with its measures (dm of the base head): see `Wardrobe.hair`."""

    style: str
    line: float  # height of the hair line
    depth: float  # z behind which the sides are covered
    length: float  # height down to which the back and sides reach
    thickness: float
    wave: tuple[float, float, float, float]
    flare: float
    colour: tuple[float, float, float]

    @staticmethod
    def sample(rng: np.random.Generator, colour: Array) -> Hair:
        style = STYLES[rng.choice(5, p=[0.13, 0.12, 0.32, 0.14, 0.29])]
        line, depth = rng.uniform(7.75, 8.1), rng.uniform(0.35, 0.6)
        length, thickness = rng.uniform(6.6, 7.0), rng.uniform(0.05, 0.2)
        if style == "fringe":
            line = rng.uniform(7.52, 7.68)
        if style == "long":
            length, thickness, depth = 5.6, rng.uniform(0.08, 0.22), rng.uniform(0.4, 0.62)
        if style == "buzz":
            thickness = 0.015
        w = rng.random(4) * 6
        wave = (float(w[0]), float(w[1]), float(w[2]), float(w[3]))
        return Hair(style, line, depth, length, thickness, wave, rng.uniform(0.0, 0.4),
                    (float(colour[0]), float(colour[1]), float(colour[2])))  # fmt: skip


class Wardrobe:
    """Objects of the scene that are put on and taken off."""

    def __init__(self, scene: Any, model: FaceModel) -> None:
        self.model = model
        data = model.data
        self._faces = data["faces"][data["face_part"] == 0]
        # Hair is a shell over the scalp, the back and the sides: the face itself stays free.
        _, y, z = np.moveaxis(data["base"][self._faces], -1, 0) * 10
        shell = self._faces[(((y > 7.5) | (z < 0.7)) & (y > 6.2)).all(1)]
        self._used = np.unique(shell)
        remap = -np.ones(model.vertex_count, int)
        remap[self._used] = np.arange(len(self._used))
        mesh = bpy.data.meshes.new("hair")
        rest = data["base"][self._used]
        mesh.from_pydata(to_blender(rest).tolist(), [], remap[shell].tolist())
        mesh.polygons.foreach_set("use_smooth", np.ones(len(shell), bool))
        attribute = mesh.attributes.new("rest", "FLOAT_VECTOR", "POINT")
        attribute.data.foreach_set("vector", rest.astype(np.float32).ravel())
        self._material = _hair_material()
        mesh.materials.append(self._material)
        self._hair = bpy.data.objects.new("hair", mesh)
        scene.collection.objects.link(self._hair)
        curve = bpy.data.curves.new("glasses", "CURVE")
        curve.dimensions = "3D"
        self._frame_material = face_materials.plain("glasses", (0.02, 0.02, 0.02), 0.3)
        curve.materials.append(self._frame_material)
        self._glasses = bpy.data.objects.new("glasses", curve)
        scene.collection.objects.link(self._glasses)

    def normals(self, vertices: Array) -> Array:
        """(V, 3) unit normals of the skin."""
        q = self._faces
        n = np.cross(vertices[q[:, 2]] - vertices[q[:, 0]], vertices[q[:, 3]] - vertices[q[:, 1]])
        out = np.zeros((self.model.vertex_count, 3))
        for corner in range(4):
            np.add.at(out, q[:, corner], n)
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9))

    def cover(self, hair: Hair) -> Array:
        """(V,) 0..1: where hair grows, by the base head's coordinates."""
        p = self.model.data["base"] * 10
        w = hair.wave
        wavy = (0.05 * np.sin(p[:, 0] * 9 + w[0]) + 0.04 * np.sin(p[:, 0] * 19 + w[1])
                + 0.05 * np.sin(p[:, 2] * 11 + w[2]))  # fmt: skip
        top = p[:, 1] - hair.line + 0.7 * wavy + 0.12 * np.abs(p[:, 0])
        back = np.minimum(hair.depth - p[:, 2] + wavy, p[:, 1] - hair.length + wavy)
        ear = self.model.data["ears"] > 0.4
        inside = np.maximum(top, back)
        if hair.style != "long":
            inside = np.where(ear, -1.0, inside)
        return np.asarray(1 / (1 + np.exp(-inside / 0.045)))

    def wear_hair(self, hair: Hair, vertices: Array) -> None:
        """Puts on hair over posed vertices; a bald head hides it."""
        self._hair.hide_render = hair.style == "bald"
        if hair.style == "bald":
            return
        base = self.model.data["base"] * 10
        cover = self.cover(hair)
        lift = -0.06 + (hair.thickness + 0.06) * cover
        lift += 0.025 * np.sin(base[:, 0] * 23 + hair.wave[3]) * cover * (hair.thickness > 0.05)
        skin = vertices[: self.model.vertex_count]
        cap = skin + self.normals(skin) * (lift * 0.1)[:, None]
        inside = skin[cover > 0.5].mean(0)  # where no hair grows, the shell hides in the skull
        cap = np.where(cover[:, None] < 0.1, inside + (skin - inside) * 0.75, cap)
        if hair.style == "long":
            low = np.clip((7.3 - base[:, 1]) / 1.2, 0, 1) * cover * hair.flare * 0.1
            cap[:, 0] += np.sign(base[:, 0]) * low
        set_vertices(self._hair.data, cap[self._used])
        nodes = self._material.node_tree.nodes
        nodes["Dark"].inputs[6].default_value = (*(c * 0.5 for c in hair.colour), 1)
        nodes["Dark"].inputs[7].default_value = (*(min(1, c * 1.7) for c in hair.colour), 1)

    def wear_glasses(self, rng: np.random.Generator | None, landmarks: Array, turn: Array) -> None:
        """Puts on random frames around the eyes; ``rng`` None takes them off."""
        self._glasses.hide_render = rng is None
        if rng is None:
            return
        curve = self._glasses.data
        curve.splines.clear()
        eyes = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0)]) @ turn
        middle, half = eyes.mean(0), abs(eyes[1, 0] - eyes[0, 0]) / 2
        width, ratio = half * rng.uniform(0.62, 0.82), rng.uniform(0.65, 1.0)
        square = rng.uniform(2, 6)
        forward, drop = rng.uniform(0.020, 0.028), rng.uniform(-0.006, 0.002)
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / square) * width
        y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / square) * width * ratio
        strokes = []
        for sign in (1, -1):
            rim = np.stack([sign * half + x, y + drop, forward - 0.25 * x * sign], -1)
            strokes.append((rim, True))
            hinge = np.array([sign * (half + width), 0.2 * width + drop, forward - 0.25 * width])
            ear = np.array([sign * (half + width * 1.25), 0.25 * width + drop, -0.07])
            strokes.append((np.stack([hinge, ear]), False))
        bridge = np.array([[half - width, 0, forward + 0.005], [width - half, 0, forward + 0.005]])
        bridge[:, 1] += 0.2 * width + drop
        strokes.append((bridge, False))
        for points, closed in strokes:
            spline = curve.splines.new("POLY")
            spline.points.add(len(points) - 1)
            world = to_blender((points + middle) @ turn.T)
            spline.points.foreach_set("co", np.c_[world, np.ones(len(world))].ravel())
            spline.use_cyclic_u = closed
        curve.bevel_depth = rng.uniform(0.0004, 0.0018)
        bsdf = self._frame_material.node_tree.nodes["Principled BSDF"]
        shade = rng.uniform(0.01, 0.1) if rng.random() < 0.7 else rng.uniform(0.2, 0.7)
        bsdf.inputs["Base Color"].default_value = (shade, shade * 0.9, shade * 0.8, 1)
        bsdf.inputs["Metallic"].default_value = float(rng.random() < 0.4)


def _hair_material() -> Any:
    material, tree, bsdf = face_materials._material("hair")
    link = tree.links.new
    rest = tree.nodes.new("ShaderNodeAttribute")
    rest.attribute_name = "rest"
    stretch = tree.nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (420, 40, 160)  # strands run down
    link(rest.outputs["Vector"], stretch.inputs[0])
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 1.0
    noise.inputs["Detail"].default_value = 3
    link(stretch.outputs[0], noise.inputs["Vector"])
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.name = "RGBA", "Dark"
    link(noise.outputs[0], mix.inputs[0])
    link(mix.outputs[2], bsdf.inputs["Base Color"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Distance"].default_value = 0.004
    link(noise.outputs[0], bump.inputs["Height"])
    link(bump.outputs[0], bsdf.inputs["Normal"])
    bsdf.inputs["Roughness"].default_value = 0.55
    return material
