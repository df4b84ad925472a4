# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in a `wild` picture, and the camera and lamps around them, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .face_materials import Look
from .render_scene import Camera, Light
from .render_wardrobe import Hair

Array = NDArray[Any]

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

    def about(self) -> dict[str, Any]:
        """What a data set's reader wants to know, as JSON; colours are linear."""
        return {
            "skin": self.look.skin, "hair": self.hair.style, "hair_colour": self.hair.colour,
            "age": self.age, "beard": self.beard, "made_up": self.made_up, "glasses": self.glasses,
        }  # fmt: skip


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
