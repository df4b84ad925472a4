# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in a `wild` picture, and the camera and lamps around them, drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .face_materials import Look
from .render_clothes import Clothes
from .render_hair import Hair
from .render_scene import Camera, Light

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
class Scene:
    """A kind of light: its share of pictures, elevation (radians) and size (m) of the key lamp,
    strength of the fill beside the key's, chance of a lamp from behind, strength of the
    surroundings, warmth (log of red over green)."""

    share: float
    height: tuple[float, float]
    size: tuple[float, float]
    fill: float
    rim: float
    around: tuple[float, float]
    warmth: float


SCENES: Final = {
    "studio": Scene(0.2, (0.2, 0.8), (0.3, 0.7), 0.45, 0.5, (0.1, 0.3), 0.02),
    "window": Scene(0.2, (0.0, 0.5), (0.6, 1.1), 0.0, 0.1, (0.15, 0.45), 0.0),
    "sun": Scene(0.14, (0.3, 1.1), (0.02, 0.05), 0.0, 0.3, (0.25, 0.6), 0.08),
    "overcast": Scene(0.16, (0.7, 1.2), (0.9, 1.3), 0.15, 0.1, (0.5, 0.9), -0.02),
    "ceiling": Scene(0.14, (0.8, 1.25), (0.4, 0.8), 0.4, 0.2, (0.2, 0.5), 0.05),
    "coloured": Scene(0.08, (0.0, 0.8), (0.1, 0.6), 0.6, 0.5, (0.05, 0.25), 0.0),
    "dim": Scene(0.08, (-0.3, 0.8), (0.05, 0.4), 0.2, 0.3, (0.05, 0.2), 0.15),
}


@dataclass(frozen=True, slots=True)
class Lighting:
    """Lamps, the colour and strength of the surroundings, and stops of exposure."""

    lamps: tuple[Light, ...]
    sky: tuple[float, float, float]
    around: float
    exposure: float


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
    earrings: bool
    necklace: bool
    clothes: Clothes

    @staticmethod
    def sample(rng: np.random.Generator, model: Any) -> Someone:
        light, dark = np.array([0.76, 0.48, 0.37]), np.array([0.10, 0.048, 0.03])
        t = np.clip(rng.beta(0.9, 1.3), 0, 1)
        skin = np.exp(np.log(light) * (1 - t) + np.log(dark) * t + rng.normal(0, 0.035, 3))
        skin = np.clip(skin * np.exp(rng.normal(0, 0.1)), 0.01, 0.92)
        # Fair hair on dark skin is dyed, and rare.
        share = np.array([0.3, 0.22, 0.17, 0.1, 0.07, 0.09, 0.05])
        if t > 0.45 and rng.random() < 0.93:
            share *= (1, 1, 0.3, 0, 0, 0.6, 0)
        hair = np.array(_HAIR[rng.choice(7, p=share / share.sum())])
        hair = hair * np.exp(rng.normal(0, 0.25))
        made_up = rng.random() < 0.25
        lips = np.clip(skin * (0.82, 0.5, 0.5) * np.exp(rng.normal(0, 0.07, 3)), 0, 1)
        if made_up:
            lips = rng.uniform(0.2, 0.55) * np.array([1, *rng.uniform((0.07, 0.1), (0.4, 0.4))])
        white = rng.uniform(0.33, 0.5)
        tooth = rng.uniform(0.55, 0.9)
        pale = 0.0 if t > 0.5 and rng.random() < 0.95 else 1.0
        share = np.array([0.3, 0.35, 0.15 * pale, 0.12 * pale, 0.08 * pale])
        iris = np.array(_IRIS[rng.choice(5, p=share / share.sum())])
        iris = iris * np.exp(rng.normal(0, 0.2))
        brow = hair * rng.uniform(0.5, 1.1) if rng.random() < 0.85 else np.array(_HAIR[0])
        brow = brow + rng.uniform(0.0, 0.45) * (0.7 * skin - brow)  # skin shows through thin brows

        def rgb(c: Array) -> tuple[float, float, float]:
            return float(c[0]), float(c[1]), float(c[2])

        look = Look(
            skin=rgb(skin), flush=rgb(rng.uniform((0.85, 0.6, 0.56), (1, 0.9, 0.9))),
            lips=rgb(lips), lip_amount=rng.uniform(0.35, 0.95), roughness=rng.uniform(0.4, 0.7),
            hair=rgb(np.clip(brow, 0, 1)), iris=rgb(iris),
            sclera=(white, white * 0.94, white * 0.91),
            teeth=(tooth, tooth * 0.95, tooth * rng.uniform(0.75, 0.92)),
            pores=rng.uniform(0.1, 0.8),
        )  # fmt: skip
        beard = rng.uniform(0.15, 0.9) if not made_up and rng.random() < 0.33 else 0.0
        return Someone(
            identity=model.sample_identity(rng, 0.55),
            extra=np.clip(0.6 * rng.standard_normal(len(model.data["extra"])), -1.2, 1.2),
            look=look, hair=Hair.sample(rng, hair),
            age=float(rng.random() ** 1.5), beard=float(beard),
            made_up=bool(made_up), glasses=bool(rng.random() < 0.2),
            earrings=bool(rng.random() < (0.5 if made_up else 0.1)),
            necklace=bool(rng.random() < 0.12), clothes=Clothes.sample(rng),
        )  # fmt: skip

    def about(self) -> dict[str, Any]:
        """What a data set's reader wants to know, as JSON; colours are linear."""
        return {
            "skin": self.look.skin, "hair": self.hair.style, "hair_colour": self.hair.colour,
            "age": self.age, "beard": self.beard, "made_up": self.made_up, "glasses": self.glasses,
            "hat": self.clothes.hat, "earrings": self.earrings, "necklace": self.necklace,
        }  # fmt: skip


def camera(rng: np.random.Generator, landmarks: Array) -> Camera:
    """A lens and distance that frame the face with some luck."""
    low, high = landmarks.min(0), landmarks.max(0)
    centre, face = (low + high) / 2, max(high[0] - low[0], (high[1] - low[1]))
    distance = np.exp(rng.uniform(np.log(0.5), np.log(2.2)))
    share = rng.uniform(0.48, 0.68)  # of the picture that the landmarks take
    shift = rng.normal(0, 0.03, 2) * face
    x, y = centre[0] + shift[0], centre[1] + 0.12 * face + shift[1]
    return Camera((float(x), float(y), float(high[2] + distance)), float(share * distance / face))


def lights(rng: np.random.Generator) -> Lighting:
    """Lamps and surroundings of a scene of one of `SCENES`, from any side."""
    kind = list(SCENES)[rng.choice(len(SCENES), p=[s.share for s in SCENES.values()])]
    scene = SCENES[kind]
    side = rng.uniform(0.15, 1.5) * rng.choice([-1, 1])
    warm = rng.normal(scene.warmth, 0.12)

    def lamp(azimuth: float, elevation: float, size: float, strength: float, warm: float) -> Light:
        c = np.clip(np.exp([warm, 0, -warm]), 0.3, 2)
        colour = float(c[0]), float(c[1]), float(c[2])
        return Light(float(azimuth), float(elevation), 0.9, float(size), float(strength), colour)

    key = 9.0 * np.exp(rng.normal(0, 0.25))
    low, high = scene.height
    out = [lamp(side, rng.uniform(low, high), rng.uniform(*scene.size), key, warm)]
    if scene.fill:
        fill = key * scene.fill * rng.uniform(0.4, 1.2)
        out.append(lamp(-side * rng.uniform(0.5, 1.2), rng.uniform(-0.1, 0.6), 0.6, fill,
                        warm + rng.normal(0, 0.08)))  # fmt: skip
    if rng.random() < scene.rim:
        out.append(lamp(rng.uniform(2.1, 3.1) * rng.choice([-1, 1]), rng.uniform(0.1, 1.0), 0.3,
                        key * rng.uniform(0.4, 1.6), rng.normal(0, 0.2)))  # fmt: skip
    if kind == "coloured":
        hue = np.exp(rng.normal(0, 0.9, 3))
        hue = np.clip(hue / hue.max(), 0.05, 1)
        out[-1] = replace(out[-1], colour=(float(hue[0]), float(hue[1]), float(hue[2])))
    cold = warm - rng.uniform(0.0, 0.15)
    sky = np.clip(np.exp([cold, 0, -cold]), 0.3, 2)
    around = rng.uniform(*scene.around)
    # Cameras expose for what they see, though not to the full.
    front = sum(x.strength * max(0.1, math.cos(x.azimuth) * math.cos(x.elevation)) for x in out)
    exposure = -math.log2((front + 12 * around) / 16) * 0.85 + rng.normal(0, 0.3)
    exposure += -1.3 * rng.random() if kind == "dim" else 0.0
    return Lighting(tuple(out), (float(sky[0]), float(sky[1]), float(sky[2])), float(around),
                    float(exposure))  # fmt: skip
