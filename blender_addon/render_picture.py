# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a face and the truth about it.

Same seed, same pair, whatever shard or machine: picture ``index`` depends on (seed, index), the
person on (seed, identity), identity = index // 4.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import parameters, sampling
from mien.core.face_model import head_rotation

from .render_marks import paint
from .render_people import Someone, camera, lights
from .render_scene import Camera, FaceScene, Shot
from .render_wardrobe import Wardrobe

Array = NDArray[Any]

PER_IDENTITY = 4


class PairRenderer:
    """Renders pairs of one flavour and seed by index."""

    def __init__(self, seed: int, flavour: str, size: int, engine: str) -> None:
        self.seed, self.flavour, self.size = seed, flavour, size
        self.scene = FaceScene(size, engine, paint=flavour == "wild")
        self.model = self.scene.model
        self.wardrobe = Wardrobe(self.scene.scene, self.model) if flavour == "wild" else None

    def pair(self, index: int, picture: Path) -> dict[str, Any]:
        """Renders one picture to a path; returns parameters, landmarks (68, 3) and a record."""
        rng = np.random.default_rng([self.seed, 1, index])
        if self.flavour == "studio":
            return self._studio(rng, index, picture)
        identity = index // PER_IDENTITY
        someone = Someone.sample(np.random.default_rng([self.seed, 2, identity]), self.model)
        expression = index % PER_IDENTITY > 0
        y = sampling.vector(rng, someone.identity, expression)
        s = parameters.signals(y)
        roll = float(np.clip(rng.normal(0, 7), -20, 20))
        turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]), roll)
        vertices, landmarks = self.dress(someone, identity, y, turn)
        tint = rng.uniform(0.35, 1, 3) * 0.4 + 0.6
        shot = Shot(
            camera(rng, landmarks), lights(rng), (float(tint[0]), float(tint[1]), float(tint[2])),
            float(rng.uniform(0.15, 0.9)), float(rng.normal(0, 0.3)), index,
        )  # fmt: skip
        self.scene.render(shot, str(picture))
        kind = "expression" if expression else "neutral"
        return self._record(y, landmarks, vertices, shot, index, identity, kind)

    def dress(self, someone: Someone, identity: int, y: Array, turn: Array) -> tuple[Array, Array]:
        """Puts a person with an expression into the scene; (vertices, landmarks)."""
        assert self.wardrobe is not None, "studio pictures have no wardrobe"
        person = self.model.person(someone.identity, someone.extra)
        sides = self.model.slider_values(y)
        vertices = self.model.pose(person, sides, turn)
        landmarks = self.model.landmarks(vertices, person)
        self.scene.set_face(person, vertices)
        self.scene.set_look(someone.look)
        self.scene.set_shade(self._shade(someone))
        marks_rng = np.random.default_rng([self.seed, 3, identity])  # moles stay where they are
        self.scene.set_paint(paint(
            marks_rng, sides, np.array(someone.look.skin), np.array(someone.hair.colour),
            someone.age, someone.beard, someone.made_up,
        ))  # fmt: skip
        self.wardrobe.wear_hair(someone.hair, vertices)
        frames = np.random.default_rng([self.seed, 4, identity]) if someone.glasses else None
        self.wardrobe.wear_glasses(frames, landmarks, turn)
        return vertices, landmarks

    def _studio(self, rng: np.random.Generator, index: int, picture: Path) -> dict[str, Any]:
        y = sampling.uniform(rng)
        if rng.random() < 0.75:  # believable people and expressions beside the paper's uniform ones
            y = sampling.vector(rng, self.model.sample_identity(rng))
        span = slice(parameters.group("identity").start, parameters.group("brow").stop)
        person = self.model.person(y[span])
        s = parameters.signals(y)
        turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]))
        vertices = self.model.pose(person, self.model.slider_values(y), turn)
        self.scene.set_face(person, vertices)
        shot = Shot(Camera((0.0, 0.715, 1.3), 5.0), seed=index)
        self.scene.render(shot, str(picture))
        landmarks = self.model.landmarks(vertices, person)
        return self._record(y, landmarks, vertices, shot, index, index, "studio")

    def _shade(self, someone: Someone) -> Array:
        """Clothes below the collar, and stubble of the scalp under thin or no hair."""
        base = self.model.data["base"]
        out = np.ones((len(base), 3))
        skin = np.array(someone.look.skin)
        if someone.hair.style in ("bald", "buzz", "short"):
            scalp = (self.wardrobe.cover(someone.hair) * 0.5)[:, None] if self.wardrobe else 0
            out = out * (1 - scalp) + scalp * np.array(someone.hair.colour) / skin
        dressed = np.clip((someone.collar - base[:, 1]) / 0.006 + 0.5, 0, 1)[:, None]
        return np.asarray(out * (1 - dressed) + dressed * someone.clothes / skin)

    def _record(
        self, y: Array, landmarks: Array, vertices: Array, shot: Shot, index: int, identity: int,
        kind: str,
    ) -> dict[str, Any]:  # fmt: skip
        pixels = shot.camera.project(landmarks, self.size)
        rows = self.model.data["landmarks"]
        if self.wardrobe is not None:
            normal = self.wardrobe.normals(vertices[: self.model.vertex_count])[rows]
            view = np.array(shot.camera.position) - landmarks
            visible = np.einsum("ij,ij->i", normal, view) > 0
            visible[17:27] = np.r_[np.full(5, visible[36]), np.full(5, visible[45])]
        else:
            visible = np.ones(68, bool)
        inside = ((pixels >= 0) & (pixels < self.size)).all(1)
        return {
            "parameters": y.astype(np.float32),
            "landmarks": np.c_[pixels, visible & inside].astype(np.float32),
            "json": {
                "seed": self.seed, "index": index, "identity": identity, "kind": kind,
                "flavour": self.flavour, "camera": asdict(shot.camera),
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
