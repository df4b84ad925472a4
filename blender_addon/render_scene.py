# SPDX-License-Identifier: GPL-3.0-or-later
"""One persistent scene for renders: built once, and per picture only what changed is set."""

from __future__ import annotations

import ctypes
import math
import sys
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from mien.core.errors import UserError
from mien.core.face_model import FaceModel, Person

from . import face_materials, render_marks
from .face_materials import Look
from .face_object import build_mesh, to_blender

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera at ``position`` (model axes, m) that looks along -z; ``focal`` in picture widths."""

    position: tuple[float, float, float] = (0.0, 0.71, 1.3)
    focal: float = 5.0

    def project(self, points: Array, size: int) -> Array:
        """(..., 2) pixels of points (..., 3); pixel centres at .5, y down."""
        x, y, z = np.moveaxis(points - self.position, -1, 0)
        return np.stack([0.5 + self.focal * x / -z, 0.5 - self.focal * y / -z], -1) * size


@dataclass(frozen=True, slots=True)
class Light:
    """An area light aimed at the face: azimuth and elevation in radians, distance and size in m,
    strength in W/m2 at the face (before the square law), linear colour."""

    azimuth: float
    elevation: float
    distance: float = 0.7
    size: float = 0.3
    strength: float = 8.0
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)


STUDIO = (
    Light(-0.5, 0.5, 0.75, 0.35, 11.0),
    Light(0.8, 0.2, 0.8, 0.4, 5.0),
    Light(2.8, 0.7, 0.7, 0.25, 6.0),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """Everything around the face in one picture."""

    camera: Camera = field(default_factory=Camera)
    lights: tuple[Light, ...] = STUDIO
    world: tuple[float, float, float] = (0.42, 0.46, 0.5)
    world_strength: float = 0.45
    exposure: float = 0.0
    seed: int = 0


class FaceScene:
    """A Blender scene with one face.  Brow styles have meshes of their own, made when first asked
    for; vertices go in by ``foreach_set``."""

    def __init__(
        self, size: int, engine: str = "auto", *, samples: int, paint: bool = False
    ) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.model = FaceModel()
        self.size = size
        self.paint: Any = None
        if paint:
            self.paint = bpy.data.images.new(
                "paint", render_marks.SIZE, render_marks.SIZE, alpha=True, float_buffer=True
            )
            self.paint.colorspace_settings.name = "Non-Color"
            self.paint.alpha_mode = "CHANNEL_PACKED"
        self.materials = face_materials.face(Look(), self.paint)
        # A fifth of the time, for what nobody sees at the size of these pictures.
        skin = self.materials[0].node_tree.nodes["Principled BSDF"]
        skin.inputs["Subsurface Weight"].default_value = 0.0
        self._faces: dict[int, Any] = {}
        self._shown: Any = None
        self._lights = [self._new_light() for _ in range(4)]
        camera = bpy.data.cameras.new("camera")
        camera.sensor_width, camera.clip_start, camera.clip_end = 36.0, 0.02, 20.0
        self.camera = bpy.data.objects.new("camera", camera)
        self.camera.rotation_euler = (math.pi / 2, 0, 0)
        self.scene = bpy.context.scene
        self.scene.collection.objects.link(self.camera)
        self.scene.camera = self.camera
        world = bpy.data.worlds.new("world")
        world.use_nodes = True
        self.scene.world = world
        self._background = world.node_tree.nodes["Background"]
        self._settings(engine, samples)

    def _new_light(self) -> Any:
        lamp = bpy.data.objects.new("light", bpy.data.lights.new("light", "AREA"))
        bpy.context.scene.collection.objects.link(lamp)
        return lamp

    def _settings(self, engine: str, samples: int) -> None:
        scene = self.scene
        render, cycles = scene.render, scene.cycles
        render.engine = _engine(engine)
        render.resolution_x = render.resolution_y = self.size
        render.film_transparent = True
        render.image_settings.color_mode = "RGBA"
        render.image_settings.compression = 20
        scene.view_settings.view_transform = "Standard"
        cycles.samples = samples
        cycles.use_adaptive_sampling = False
        cycles.use_denoising = True
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.denoising_prefilter, cycles.denoising_quality = "NONE", "FAST"
        cycles.denoising_input_passes = "RGB_ALBEDO"
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 1
        cycles.transparent_max_bounces = 6
        cycles.use_light_tree = False
        cycles.caustics_reflective = cycles.caustics_refractive = False

    def set_face(self, person: Person, vertices: Array) -> None:
        """Shows posed vertices (V + brow, 3) of a person."""
        body = self._faces.get(person.brow_style)
        if body is None:
            mesh = build_mesh(self.model, person)
            for material in self.materials:
                mesh.materials.append(material)
            body = bpy.data.objects.new("face", mesh)
            self.scene.collection.objects.link(body)
            self._faces[person.brow_style] = body
        if self._shown is not body:
            for other in self._faces.values():
                other.hide_render = other is not body
            self._shown = body
        set_vertices(body.data, vertices)

    def set_shade(self, colours: Array) -> None:
        """Linear colours (V, 3) that multiply the skin, of the base vertices."""
        values = np.ones((len(self._shown.data.vertices), 4), np.float32)
        values[: len(colours), :3] = colours
        self._shown.data.attributes["shade"].data.foreach_set("color", values.ravel())

    def set_look(self, look: Look) -> None:
        """Recolours the materials."""
        skin, eye_l, eye_r, _, teeth, _, brow = self.materials
        nodes = skin.node_tree.nodes
        nodes["Skin"].inputs[6].default_value = (*look.skin, 1)
        blotch = (s * f for s, f in zip(look.skin, look.flush, strict=True))
        nodes["Skin"].inputs[7].default_value = (*blotch, 1)
        nodes["Flush"].inputs[7].default_value = (*look.flush, 1)
        nodes["Lips"].inputs[7].default_value = (*look.lips, 1)
        nodes["Lip amount"].inputs[1].default_value = look.lip_amount
        nodes["Pores"].inputs["Strength"].default_value = look.pores
        nodes["Principled BSDF"].inputs["Roughness"].default_value = look.roughness
        for eye in (eye_l, eye_r):
            face_materials.set_iris(eye, look)
        for material, colour in ((teeth, look.teeth), (brow, look.hair)):
            bsdf = material.node_tree.nodes["Principled BSDF"]
            bsdf.inputs["Base Color"].default_value = (*colour, 1)

    def set_paint(self, rgba: Array) -> None:
        """Sets the marks of the skin, as `render_marks.Marks` paints them."""
        self.paint.pixels.foreach_set(np.ascontiguousarray(rgba, np.float32).ravel())
        self.paint.update()

    def render(self, shot: Shot, path: str) -> None:
        """Writes one PNG."""
        x, y, z = shot.camera.position
        self.camera.location = (x, -z, y)
        self.camera.data.lens = 36.0 * shot.camera.focal
        self._background.inputs[0].default_value = (*shot.world, 1)
        self._background.inputs[1].default_value = shot.world_strength
        place_lights(self._lights, shot.lights)
        self.scene.view_settings.exposure = shot.exposure
        self.scene.cycles.seed = shot.seed
        self.scene.render.filepath = path
        bpy.ops.render.render(write_still=True)


def _engine(name: str) -> str:
    """Blender's own name of an engine; "auto" is Cycles.

    UserError where an engine that draws with OpenGL cannot: Blender itself would abort.
    """
    if name in ("auto", "cycles"):
        return "CYCLES"
    if sys.platform == "linux":
        try:
            ctypes.CDLL("libEGL.so.1")
        except OSError:
            raise UserError(
                f"--engine {name} needs libEGL: install libegl1, or take --engine cycles"
            ) from None
        cards = (Path("/dev").glob(f) for f in ("dri/renderD*", "nvidia[0-9]*", "dxg"))
        if name == "eevee" and not any(chain.from_iterable(cards)):
            raise UserError(
                "--engine eevee needs a graphics card and there is none: take --engine cycles"
            )
    if name == "workbench":
        return "BLENDER_WORKBENCH"
    return "BLENDER_EEVEE_NEXT" if bpy.app.version < (5, 0) else "BLENDER_EEVEE"


def set_vertices(mesh: Any, vertices: Array) -> None:
    """Moves a mesh's vertices (model axes)."""
    mesh.vertices.foreach_set("co", to_blender(vertices).astype(np.float32).ravel())
    mesh.update()


def place_lights(lamps: list[Any], lights: tuple[Light, ...]) -> None:
    """Sets lamps to lights; lamps left over go dark."""
    centre = Vector((0, -0.08, 0.71))
    for lamp in lamps[len(lights) :]:
        lamp.data.energy = 0.0
    for lamp, light in zip(lamps, lights, strict=False):
        flat = light.distance * math.cos(light.elevation)
        lamp.location = centre + Vector(
            (
                flat * math.sin(light.azimuth),
                -flat * math.cos(light.azimuth),
                light.distance * math.sin(light.elevation),
            )
        )
        lamp.rotation_euler = (centre - lamp.location).to_track_quat("-Z", "Y").to_euler()
        lamp.data.size = light.size
        lamp.data.energy = light.strength * light.distance**2
        lamp.data.color = light.colour
