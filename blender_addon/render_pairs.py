# SPDX-License-Identifier: GPL-3.0-or-later
"""`mien render-pairs`: pictures of faces and the parameters that made them, as WebDataset shards.

Same seed, same pair, whatever shard or machine: picture ``index`` depends on (seed, index), the
person on (seed, identity), identity = index // 4.  A shard is written whole or not at all, so an
interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import parameters, sampling
from mien.core.errors import UserError
from mien.core.face_model import head_rotation

from .face_materials import Look
from .render_marks import paint
from .render_scene import Camera, FaceScene, Light, Shot
from .render_wardrobe import Hair, Wardrobe

Array = NDArray[Any]

PER_SHARD = 100
PER_IDENTITY = 4
_HAIR = (
    (0.012, 0.009, 0.008), (0.03, 0.016, 0.01), (0.09, 0.045, 0.022), (0.3, 0.19, 0.09),
    (0.5, 0.36, 0.18), (0.35, 0.35, 0.36), (0.22, 0.07, 0.025),
)  # fmt: skip
_IRIS = (
    (0.12, 0.055, 0.025),
    (0.05, 0.025, 0.015),
    (0.09, 0.15, 0.25),
    (0.12, 0.14, 0.07),
    (0.2, 0.2, 0.2),
)


@dataclass(frozen=True, slots=True)
class Someone:
    """What stays the same in all pictures of one `wild` person."""

    identity: Array
    extra: Array
    look: Look
    hair: Hair
    age: float
    beard: float
    made_up: bool
    glasses: bool
    clothes: Array
    collar: float

    @staticmethod
    def sample(rng: np.random.Generator, model: Any) -> Someone:
        light, dark = np.array([0.80, 0.55, 0.44]), np.array([0.10, 0.048, 0.03])
        t = np.clip(rng.beta(0.9, 1.3), 0, 1)
        skin = np.exp(np.log(light) * (1 - t) + np.log(dark) * t + rng.normal(0, 0.06, 3))
        skin = np.clip(skin * np.exp(rng.normal(0, 0.1)), 0.01, 0.92)
        hair = np.array(_HAIR[rng.choice(7, p=[0.3, 0.22, 0.17, 0.1, 0.07, 0.09, 0.05])])
        hair = hair * np.exp(rng.normal(0, 0.25))
        made_up = rng.random() < 0.25
        lips = np.clip(skin * (0.8, 0.45, 0.46) * np.exp(rng.normal(0, 0.13, 3)), 0, 1)
        if made_up:
            lips = np.array(
                [rng.uniform(0.25, 0.6), rng.uniform(0.03, 0.15), rng.uniform(0.04, 0.2)]
            )
        white = rng.uniform(0.5, 0.82)
        tooth = rng.uniform(0.55, 0.9)
        iris = np.array(_IRIS[rng.choice(5, p=[0.3, 0.35, 0.15, 0.12, 0.08])])
        iris = iris * np.exp(rng.normal(0, 0.2))
        brow = hair * rng.uniform(0.5, 1.1) if rng.random() < 0.85 else np.array(_HAIR[0])

        def rgb(c: Array) -> tuple[float, float, float]:
            return float(c[0]), float(c[1]), float(c[2])

        look = Look(
            skin=rgb(skin), flush=rgb(rng.uniform((0.75, 0.45, 0.4), (1, 0.85, 0.85))),
            lips=rgb(lips), lip_amount=rng.uniform(0.35, 0.95), roughness=rng.uniform(0.33, 0.7),
            hair=rgb(np.clip(brow, 0, 1)), iris=rgb(iris),
            sclera=(white, white * 0.94, white * 0.91),
            teeth=(tooth, tooth * 0.95, tooth * rng.uniform(0.75, 0.92)),
            pores=rng.uniform(0.1, 0.8),
        )  # fmt: skip
        beard = rng.uniform(0.15, 0.9) if not made_up and rng.random() < 0.33 else 0.0
        return Someone(
            identity=model.sample_identity(rng, 0.6),
            extra=0.8 * rng.standard_normal(len(model.data["extra"])),
            look=look, hair=Hair.sample(rng, hair),
            age=float(rng.random() ** 1.5), beard=float(beard),
            made_up=bool(made_up), glasses=bool(rng.random() < 0.2),
            clothes=rng.random(3) ** 2 * 0.8, collar=rng.uniform(0.585, 0.615),
        )  # fmt: skip


def camera(rng: np.random.Generator, landmarks: Array) -> Camera:
    """A lens and distance that frame the face with some luck."""
    low, high = landmarks.min(0), landmarks.max(0)
    centre, face = (low + high) / 2, max(high[0] - low[0], (high[1] - low[1]))
    distance = np.exp(rng.uniform(np.log(0.4), np.log(1.6)))
    share = rng.uniform(0.48, 0.68)  # of the picture that the landmarks take
    shift = rng.normal(0, 0.03, 2) * face
    x, y = centre[0] + shift[0], centre[1] + 0.12 * face + shift[1]
    return Camera((float(x), float(y), float(high[2] + distance)), float(share * distance / face))


def lights(rng: np.random.Generator) -> tuple[Light, ...]:
    """One to four lamps from any side, warm to cold, hard to soft."""
    count = rng.integers(1, 5)
    out = []
    for i in range(count):
        warm = rng.normal(0, 0.14)
        side = rng.uniform(-1.6, 1.6) if i < 2 else rng.uniform(-3.1, 3.1)
        colour = np.clip(np.exp([warm, 0, -warm]), 0.3, 2)
        out.append(Light(float(side), float(rng.uniform(-0.3, 1.25)), float(rng.uniform(0.4, 1.0)),
                         float(rng.uniform(0.03, 0.5)), float(rng.uniform(3, 17) / count**0.6),
                         (float(colour[0]), float(colour[1]), float(colour[2]))))  # fmt: skip
    return tuple(out)


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


def _npy(values: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def write_shard(renderer: PairRenderer, path: Path, indices: range, tick: Any) -> None:
    """Renders a shard beside its place and moves it there when whole."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as scratch:
        picture, part = Path(scratch) / "picture.png", Path(scratch) / path.name
        with tarfile.open(part, "w") as tar:
            for index in indices:
                with quiet():
                    record = renderer.pair(index, picture)
                key = f"{index:07d}"
                members = {
                    "png": picture.read_bytes(),
                    "parameters.npy": _npy(record["parameters"]),
                    "landmarks.npy": _npy(record["landmarks"]),
                    "json": json.dumps(record["json"]).encode(),
                }
                for suffix, data in members.items():
                    info = tarfile.TarInfo(f"{key}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                tick()
        part.replace(path)


def main(argv: list[str]) -> int:
    """The command; raises UserError for what a user can mend."""
    p = argparse.ArgumentParser("mien render-pairs", description=__doc__.splitlines()[0])
    p.add_argument("--count", type=int, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--flavour", choices=("studio", "wild"), default="wild")
    p.add_argument("--engine", choices=("auto", "cycles", "eevee", "workbench"), default="auto")
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--shard", default="0/1", help="i/n: render every n-th shard from the i-th")
    args = p.parse_args(argv)
    try:
        mine, of = (int(x) for x in args.shard.split("/"))
        if not 0 <= mine < of:
            raise ValueError
    except ValueError:
        raise UserError(f"--shard {args.shard} is not i/n with 0 <= i < n, such as 0/4") from None
    if args.count < 1:
        raise UserError("--count must be at least 1")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UserError(f"cannot write to {args.out}: {e.strerror}; choose another --out") from None
    shards = range(mine, -(-args.count // PER_SHARD), of)
    todo = {}
    for n in shards:
        path = args.out / f"pairs-{n:05d}.tar"
        if not path.exists():
            todo[path] = range(n * PER_SHARD, min((n + 1) * PER_SHARD, args.count))
    total, done, start = sum(map(len, todo.values())), 0, time.monotonic()
    if not total:
        print("all pairs are there already")
        return 0
    renderer = PairRenderer(args.seed, args.flavour, args.size, args.engine)

    def tick() -> None:
        nonlocal done
        done += 1
        spent = time.monotonic() - start
        left = spent / done * (total - done)
        rate = 60 * done / spent
        print(f"\r{done}/{total} pairs, {rate:.0f} a minute, {left / 60:.1f} min left ",
              end="" if sys.stdout.isatty() else "\n", flush=True)  # fmt: skip

    for path, indices in todo.items():
        try:
            write_shard(renderer, path, indices, tick)
        except OSError as e:
            raise UserError(
                f"cannot write {path}: {e.strerror}; free some space and run again"
            ) from None
    print()
    return 0
