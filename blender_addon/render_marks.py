# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of one picture up close: tone, beard, make-up, spots, and the relief of its folds.

An image over the front plane of the face (the mesh's UV layer "Front"): its colours multiply the
skin's, its alpha is a height.  Positions are in dm of the neutral base head.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE: Final = 288
_X, _Y = np.meshgrid(
    np.linspace(-0.85, 0.85, SIZE, dtype=np.float32), np.linspace(8.2, 6.1, SIZE, dtype=np.float32)
)
_BLOOD: Final = np.array([0.0, -0.55, -0.45], np.float32)  # log of what is left of linear light
_PIGMENT: Final = np.array([-0.35, -0.60, -0.80], np.float32)

# (AU by side, strength, of age alone, points on the left): the folds of FACS.
FOLDS: Final = (
    (("AU01", "AU02"), 0.9, 0.25, ((0.0, 7.585), (0.2, 7.62), (0.42, 7.60))),
    (("AU01", "AU02"), 1.0, 0.25, ((0.0, 7.655), (0.2, 7.69), (0.44, 7.66))),
    (("AU01", "AU02"), 1.0, 0.25, ((0.0, 7.73), (0.2, 7.76), (0.42, 7.72))),
    (("AU01", "AU02"), 0.8, 0.20, ((0.0, 7.81), (0.2, 7.835), (0.38, 7.80))),
    (("AU04",), 1.0, 0.25, ((0.055, 7.52), (0.06, 7.42), (0.045, 7.33))),
    (("AU04",), 0.6, 0.0, ((0.13, 7.51), (0.125, 7.46), (0.11, 7.42))),
    (("AU09",), 1.0, 0.0, ((0.0, 7.30), (0.09, 7.28))),
    (("AU09",), 1.0, 0.0, ((0.0, 7.24), (0.11, 7.20))),
    (("AU09",), 0.9, 0.0, ((0.03, 7.19), (0.13, 7.12))),
    (("AU09",), 0.9, 0.0, ((0.14, 7.05), (0.19, 6.95))),
    (("AU12", "AU10", "AU09"), 1.0, 0.4, ((0.18, 6.92), (0.27, 6.80), (0.33, 6.62))),
    (("AU12",), 0.6, 0.1, ((0.34, 6.62), (0.36, 6.50))),
    (("AU12", "AU06"), 0.5, 0.0, ((0.41, 6.80), (0.43, 6.66), (0.41, 6.54))),
    (("AU06",), 1.3, 0.2, ((0.50, 7.23), (0.57, 7.17), (0.61, 7.10))),
    (("AU06",), 1.5, 0.2, ((0.50, 7.26), (0.59, 7.23), (0.64, 7.19))),
    (("AU06",), 1.5, 0.2, ((0.50, 7.29), (0.59, 7.29), (0.64, 7.29))),
    (("AU06",), 1.2, 0.2, ((0.50, 7.31), (0.57, 7.35), (0.61, 7.38))),
    (("AU06", "AU07"), 1.2, 0.4, ((0.19, 7.20), (0.31, 7.16), (0.44, 7.20))),
    (("AU06",), 1.0, 0.2, ((0.22, 7.13), (0.33, 7.09), (0.46, 7.13))),
    (("AU15", "AU17"), 0.8, 0.2, ((0.27, 6.57), (0.31, 6.45), (0.30, 6.33))),
    (("AU17",), 0.9, 0.0, ((0.0, 6.455), (0.10, 6.45), (0.17, 6.42))),
    (("AU14",), 1.0, 0.0, ((0.33, 6.66), (0.345, 6.61), (0.33, 6.56))),
    (("AU20",), 0.6, 0.0, ((0.36, 6.68), (0.38, 6.60), (0.37, 6.52))),
)


def _course(points: tuple[tuple[float, float], ...]) -> Array:
    """(9, 2) along a curve through up to three points."""
    p, k = np.array(points), len(points) - 1
    t = np.linspace(0, 1, len(p))
    return np.polyval(np.polyfit(t, p, k)[:, None], np.linspace(0, 1, 9)[:, None])


_COURSES: Final = tuple(_course(points) for *_, points in FOLDS)


class Marks:
    """The marks of one person's skin, drawn once; `paint` puts the folds of an expression on top.

    ``age`` and ``beard`` in 0..1; ``skin`` and ``hair`` linear colours (3,).
    """

    def __init__(
        self, rng: np.random.Generator, skin: Array, hair: Array, age: float, beard: float,
        made_up: bool,
    ) -> None:  # fmt: skip
        colour = cv2.exp(_tone(rng, age))

        def over(a: Array, c: Array) -> None:
            # The box that a patch fills is all that changes.
            rows, columns = np.flatnonzero(a.max(1) > 0.01), np.flatnonzero(a.max(0) > 0.01)
            if len(rows):
                box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                amount = np.minimum(a[box], 1)[..., None].astype(np.float32)
                colour[box] += amount * (np.asarray(c, np.float32) - colour[box])

        if made_up:
            over(_eyes(7.36, 0.16) * rng.uniform(0.1, 0.6), rng.random(3) * 0.3 / skin)
        for _ in range(rng.integers(0, 7)):
            x, y = rng.uniform(-0.6, 0.6), rng.uniform(6.3, 7.9)
            spot = np.exp(-((_X - x) ** 2 + (_Y - y) ** 2) / rng.uniform(0.006, 0.014) ** 2)
            over(spot * rng.uniform(0.3, 0.9), np.array((0.45, 0.3, 0.25)))
        if rng.random() < 0.25:
            grains = (rng.random((SIZE, SIZE), np.float32) > 0.985).astype(np.float32)
            dots = cv2.GaussianBlur(grains, (0, 0), 0.8) * np.exp(-(((_Y - 7.0) / 0.35) ** 2))
            over(dots * rng.uniform(0.4, 1.4), np.array((0.55, 0.4, 0.35)))
        if beard > 0:
            over(_beard(rng) * beard, hair * 1.1 / skin)
        self._colour, self._age, self._rng = colour, age, rng

    def paint(self, sides: dict[str, float]) -> Array:
        """(SIZE, SIZE, 4) float32, bottom row first, for slider values by side."""
        # A person's folds lie alike in every picture: each draws from the same state.
        groove, height = _relief(deepcopy(self._rng), sides, self._age)
        marks = np.empty((SIZE, SIZE, 4), np.float32)
        marks[..., :3] = 1 - groove[..., None] * np.array((0.40, 0.52, 0.55), np.float32)
        marks[..., :3] *= self._colour
        marks[..., 3] = height
        # Beyond its border the image goes on as it ends.
        inside, outside = _edge()
        marks *= inside
        marks += outside
        return np.ascontiguousarray(marks[::-1])


@cache
def _edge() -> tuple[Array, Array]:
    """How much of the marks (SIZE, SIZE, 1) is seen, and what is (SIZE, SIZE, 4) where they end."""
    inside = np.minimum(1, np.minimum(0.85 - np.abs(_X), _Y - 6.1) / 0.08)[..., None]
    return inside, (1 - inside) * np.array((1, 1, 1, 0), np.float32)


@cache
def _zones() -> tuple[Array, Array]:
    """Log colours (SIZE, SIZE, 3) of where all skin is dark or red: sockets; lower face."""
    socket = np.exp(-(((np.abs(_X) - 0.27) / 0.15) ** 2) - ((_Y - 7.24) / 0.09) ** 2)
    lower = np.exp(-((_X / 0.5) ** 4)) / (1 + np.exp((_Y - 6.85) / 0.06))
    return (
        (socket[..., None] * np.array((-0.32, -0.42, -0.36), np.float32)).astype(np.float32),
        (lower[..., None] * np.array((-0.16, -0.13, -0.06), np.float32)).astype(np.float32),
    )


def _cloud(rng: np.random.Generator, cells: int) -> Array:
    """(SIZE, SIZE) smooth noise of about unit variance."""
    coarse = rng.standard_normal((cells, cells), np.float32)
    return np.asarray(cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)) * 1.3


def _tone(rng: np.random.Generator, age: float) -> Array:
    """(SIZE, SIZE, 3) log of the skin's own unevenness: blood, pigment, sockets, shaven jaw."""
    sockets, lower = _zones()
    blood = _cloud(rng, 7) * rng.uniform(0.02, 0.10) + _cloud(rng, 48) * rng.uniform(0.02, 0.08)
    pigment = _cloud(rng, 11) * rng.uniform(0.0, 0.03) * (1 + age)
    pigment += _cloud(rng, 64) * rng.uniform(0.01, 0.05) * (1 + age)
    out = blood[..., None] * _BLOOD + pigment[..., None] * _PIGMENT
    out += sockets * rng.uniform(0, 1.1) + lower * rng.choice([0.0, rng.uniform(0.3, 2.0)])
    return np.asarray(out, np.float32)


def _relief(rng: np.random.Generator, sides: dict[str, float], age: float) -> tuple[Array, Array]:
    """How deep folds are (0..1) and the height (-1..1) they give the surface, each (SIZE, SIZE)."""
    folds = np.zeros((SIZE, SIZE), np.float32)
    # Some faces hardly fold, young ones above all; who learns by folds alone misses their smiles.
    depth = rng.uniform(0, 1.1) * (0.5 + 0.75 * age)
    for side, sign in (("L", 1), ("R", -1)):
        for (aus, strength, of_age, _), course in zip(FOLDS, _COURSES, strict=True):
            pull = max(sides.get(f"{au}.{side}", sides.get(au, 0.0)) for au in aus)
            value = pull * strength * rng.uniform(0.3, 1) + of_age * age * rng.uniform(0, 1)
            jitter = rng.normal(0, 0.01, 2)
            if value > 0.04:
                at = (course * (sign, 1) + jitter - (-0.85, 8.2)) / (1.7, -2.1) * SIZE
                line = (at * 16).astype(int).tolist()  # in sixteenths of a pixel
                for k, (start, end) in enumerate(pairwise(line), 1):  # deepest amid its course
                    here = min(1.0, value * depth) * np.sin(np.pi * (k + 0.5) / (len(line) + 1))
                    cv2.line(folds, start, end, float(here), 2, cv2.LINE_AA, 4)
    groove = np.minimum(cv2.GaussianBlur(folds, (0, 0), 1.6) * 1.7, 1)
    bulge = cv2.GaussianBlur(folds, (0, 0), 6.0) * 3.0
    height = 0.45 * bulge - groove
    dimpled = max(0.0, sides.get("AU17", 0.0) - 0.1)
    if dimpled:
        chin = np.exp(-((_X / 0.17) ** 4) - ((_Y - 6.36) / 0.09) ** 4) * dimpled * depth
        grain = _cloud(rng, 56) * chin
        height += 0.45 * grain
        groove = np.maximum(groove, np.clip(-0.5 * grain, 0, 1))
    return groove, height


def _eyes(height: float, width: float) -> Array:
    """(SIZE, SIZE) soft patches around both eyes."""
    x, y = (np.abs(_X) - 0.31) / width, (_Y - height) / 0.05
    return np.asarray(np.exp(-(x**2) - y**2))


def _beard(rng: np.random.Generator) -> Array:
    """Where a beard grows: full, moustache, or goatee, as a grain of hairs."""
    moustache = np.exp(-((_X / 0.27) ** 4) - ((_Y - 6.77) / 0.045) ** 4)
    jaw = 1 / (1 + np.exp((_Y - 6.60 - 0.55 * np.abs(_X) ** 1.5) / 0.03))
    jaw *= 1 - np.exp(-((_X / 0.2) ** 4) - ((_Y - 6.59) / 0.10) ** 4)
    goatee = np.exp(-((_X / 0.2) ** 4) - ((_Y - 6.36) / 0.17) ** 4)
    shape = (np.maximum(moustache, jaw), moustache, np.maximum(0.8 * moustache, goatee), jaw)
    grain = cv2.GaussianBlur(rng.random((SIZE, SIZE), np.float32), (0, 0), 0.8)
    grain = (grain - grain.min()) / np.ptp(grain)
    return np.asarray(shape[rng.integers(4)] * (0.3 + 1.1 * grain))
