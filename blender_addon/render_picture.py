# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a face and the truth about it.

Same seed, same pair, whatever shard or machine: picture ``index`` depends on (seed, index), the
person on (seed, identity), identity = index // 4.

Flavours: ``studio``, one light and nothing worn; ``wild``, in which all varies; and ``alone``, wild
but for one action unit at a time that moves, the four pictures of a person being otherwise alike.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import parameters, sampling
from mien.core.alignment import face_box
from mien.core.face_model import Person, head_rotation

from . import render_props
from .render_marks import Marks
from .render_masks import Masks, Piece, geometry
from .render_people import Someone, camera, lights
from .render_scene import Camera, FaceScene, Shot
from .render_teeth import LowerTeeth
from .render_wardrobe import Wardrobe

Array = NDArray[Any]

PER_IDENTITY = 4
SAMPLES = 3  # rays for each pixel, enough where a face is some 200 px wide


class PairRenderer:
    """Renders pairs of one flavour and seed by index."""

    def __init__(
        self, seed: int, flavour: str, size: int, engine: str, geometry: bool = False,
        samples: int = SAMPLES,
    ) -> None:  # fmt: skip
        self.seed, self.flavour, self.size, self.geometry = seed, flavour, size, geometry
        self.samples = samples
        self.scene = FaceScene(size, engine, samples=samples, paint=flavour != "studio")
        self.model = self.scene.model
        self.masks = Masks(self.model)
        self._beside = ThreadPoolExecutor(1)
        self._teeth = LowerTeeth(self.model)
        self.wardrobe = Wardrobe(self.scene.scene, self.model) if flavour != "studio" else None

    def pair(self, index: int, picture: Path) -> dict[str, Any]:
        """Renders one picture to a path; returns its truth: ``parameters`` (285,), ``landmarks``
        (68, 3), ``mask`` (size, size) and what goes into ``json``; with ``geometry`` also ``depth``
        (size, size) uint16 in tenths of a millimetre from the camera, 0 where nothing is, and
        ``normals`` (size, size, 3) uint8, 128 + 127 times x, y, z towards the camera."""
        rng = np.random.default_rng([self.seed, 1, index])
        if self.flavour == "studio":
            return self._studio(rng, index, picture)
        identity, nth = divmod(index, PER_IDENTITY)
        someone, expression = self.someone(identity), nth > 0
        if self.flavour == "alone":  # the same picture but for what moves
            rng = np.random.default_rng([self.seed, 1, identity])
            moves = (PER_IDENTITY - 1) * identity + nth - 1 if expression else -1
            y = sampling.alone(rng, someone.identity, moves)
        else:
            y = sampling.vector(rng, someone.identity, expression)
        s = parameters.signals(y)
        roll = float(np.clip(rng.normal(0, 7), -20, 20))
        turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]), roll)
        person, vertices = self.dress(identity, y, turn)
        landmarks = self.model.landmarks(vertices, person)
        held = str(rng.choice(["", *render_props.HELD], p=[0.9, 0.06, 0.02, 0.02]))
        held = "" if self.flavour == "alone" else held  # what moves is to be seen
        assert self.wardrobe is not None, "studio pictures have no wardrobe"
        self.wardrobe.hold(rng, held, landmarks, someone.look.skin)
        frame, light = camera(rng, landmarks), lights(rng)
        shot = Shot(frame, light.lamps, light.sky, light.around, light.exposure, index)
        about = {
            "index": index, "identity": identity, "kind": "expression" if expression else "neutral",
            "roll": roll, "person": someone.about(), "held": held,
        }  # fmt: skip
        return self._shoot(picture, y, person, landmarks, shot, about, self.worn(someone))

    @lru_cache(maxsize=2)  # noqa: B019 - a renderer lives as long as the process
    def someone(self, identity: int) -> Someone:
        """Who is in the pictures of an identity."""
        return Someone.sample(np.random.default_rng([self.seed, 2, identity]), self.model)

    @lru_cache(maxsize=2)  # noqa: B019
    def _person(self, identity: int) -> Person:
        someone = self.someone(identity)
        return self.model.person(someone.identity, someone.extra)

    @lru_cache(maxsize=2)  # noqa: B019
    def _marks(self, identity: int) -> Marks:
        someone = self.someone(identity)
        return Marks(
            np.random.default_rng([self.seed, 3, identity]), np.array(someone.look.skin),
            np.array(someone.hair.colour), someone.age, someone.beard, someone.made_up,
        )  # fmt: skip

    def dress(self, identity: int, y: Array, turn: Array) -> tuple[Person, Array]:
        """Puts a person with an expression into the scene; the person and its vertices."""
        assert self.wardrobe is not None, "studio pictures have no wardrobe"
        someone, person = self.someone(identity), self._person(identity)
        sides = self.model.slider_values(y)
        vertices = self.model.pose(person, sides, turn)
        self._teeth.seat(vertices, turn)
        self.scene.set_face(person, vertices)
        self.scene.set_look(someone.look)
        self.scene.set_shade(self._shade(someone))
        self.scene.set_paint(self._marks(identity).paint(sides))
        self.wardrobe.dress(someone, person, vertices, turn, identity)
        return person, vertices

    def _studio(self, rng: np.random.Generator, index: int, picture: Path) -> dict[str, Any]:
        y = sampling.studio(rng, self.model.sample_identity)
        person = self.model.person(y[parameters.IDENTITY])
        s = parameters.signals(y)
        turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]))
        vertices = self.model.pose(person, self.model.slider_values(y), turn)
        self.scene.set_face(person, vertices)
        shot = Shot(Camera((0.0, 0.715, 1.3), 5.0), seed=index)
        about = {"index": index, "identity": index, "kind": "studio", "roll": 0.0}
        landmarks = self.model.landmarks(vertices, person)
        return self._shoot(picture, y, person, landmarks, shot, about, {})

    def worn(self, someone: Someone) -> dict[str, Array]:
        """What is painted on the skin and not modelled, by class: (V,) from 0 to 1."""
        x, y, _ = self.model.data["base"].T
        # A garment covers the shoulders; what little shows beside it is of its colour.
        covered = np.minimum(np.abs(x) - 0.07, 0.603 - y) / 0.006
        out = {"cloth": np.clip(covered + 0.5, 0, 1)}
        if someone.hair.style_of.top and someone.clothes.hat != "headscarf":
            inside = someone.hair.grows(self.model.data["base"])
            out["hair"] = 1 / (1 + np.exp(-inside / 0.003))
        return out

    def _shade(self, someone: Someone) -> Array:
        """(V, 3) what the skin's colour is multiplied by: the scalp beneath the hair, cloth."""
        out = np.ones((self.model.vertex_count, 3))
        worn = self.worn(someone)
        colours = {"hair": (0.85, someone.hair.colour), "cloth": (1.0, someone.clothes.colour)}
        for name, (most, colour) in colours.items():
            amount = most * worn.get(name, np.zeros(len(out)))[:, None]
            out = out * (1 - amount) + amount * np.array(colour) / someone.look.skin
        return out

    def _shoot(
        self, picture: Path, y: Array, person: Person, landmarks: Array, shot: Shot,
        about: dict[str, Any], worn: dict[str, Array],
    ) -> dict[str, Any]:  # fmt: skip
        """Renders the scene as it stands to a path; its truth, as `pair` says.

        Cycles leaves the interpreter to others while it renders: the truth is read off then.
        """
        pieces = geometry(self.scene.scene.objects)
        truth = self._beside.submit(self._truth, pieces, y, person, landmarks, shot, about, worn)
        self.scene.render(shot, str(picture))
        return truth.result()

    def _truth(
        self, pieces: list[Piece], y: Array, person: Person, landmarks: Array, shot: Shot,
        about: dict[str, Any], worn: dict[str, Array],
    ) -> dict[str, Any]:  # fmt: skip
        pixels = shot.camera.project(landmarks, self.size)
        seen = self.masks.look(pieces, person, shot.camera, self.size, worn, normals=self.geometry)
        out = {}
        if seen.normals is not None:
            tenths = np.where(np.isfinite(seen.depth), seen.depth, 0) * 1e4
            out["depth"] = np.rint(tenths).clip(0, 65535).astype(np.uint16)
            out["normals"] = np.rint(128 + 127 * seen.normals).astype(np.uint8)
        return out | {
            "parameters": y.astype(np.float32),
            "landmarks": np.c_[pixels, seen.visible(landmarks)].astype(np.float32),
            "mask": seen.mask(),
            "json": asdict(shot) | about | {
                "seed": self.seed, "flavour": self.flavour, "size": self.size,
                "samples": self.samples, "geometry": self.geometry,
                "box": face_box(pixels).tolist(),
            },
        }  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Blender prints a line per picture from C; keep standard output for progress."""
    sys.stdout.flush()
    saved, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(null)
