# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks on the skin of one picture: wrinkles that AUs make, beard, make-up, spots, freckles.

Painted into an RGBA image over the front plane of the face (the mesh's UV layer "Front"); its
alpha also presses folds into the surface.  Positions are in dm of the neutral base head.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SIZE = 384
_X, _Y = np.meshgrid(np.linspace(-0.85, 0.85, SIZE), np.linspace(8.2, 6.1, SIZE))


def _stroke(points: list[tuple[float, float]], width: int, blur: float) -> Array:
    """(SIZE, SIZE) soft line through up to three points."""
    p = np.array(points)
    t, u = np.linspace(0, 1, len(p)), np.linspace(0, 1, 12)
    k = min(2, len(p) - 1)
    x, y = (np.polyval(np.polyfit(t, p[:, i], k), u) for i in (0, 1))
    px = np.stack([(x + 0.85) / 1.7 * SIZE, (8.2 - y) / 2.1 * SIZE], -1) * 16
    image = np.zeros((SIZE, SIZE), np.float32)
    cv2.polylines(image, [px.astype(np.int32)], False, 1.0, width, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), blur))


# (AU by side, strength, points on the left): folds of FACS, and which age alone brings.
FOLDS = (
    (("AU01", "AU02"), 0.9, 0.25, ((0.0, 7.60), (0.2, 7.63), (0.42, 7.60))),
    (("AU01", "AU02"), 0.9, 0.25, ((0.0, 7.70), (0.2, 7.73), (0.42, 7.69))),
    (("AU01", "AU02"), 0.7, 0.2, ((0.0, 7.80), (0.2, 7.83), (0.40, 7.79))),
    (("AU04",), 0.9, 0.2, ((0.045, 7.50), (0.05, 7.40), (0.035, 7.30))),
    (("AU09",), 1.0, 0.0, ((0.0, 7.27), (0.1, 7.25))),
    (("AU09",), 0.8, 0.0, ((0.02, 7.20), (0.11, 7.13))),
    (("AU09",), 0.9, 0.0, ((0.14, 7.05), (0.19, 6.95))),
    (("AU12", "AU10", "AU09"), 0.9, 0.4, ((0.18, 6.92), (0.27, 6.80), (0.33, 6.62))),
    (("AU12",), 0.5, 0.1, ((0.34, 6.62), (0.36, 6.50))),
    (("AU06",), 0.8, 0.2, ((0.50, 7.25), (0.58, 7.19), (0.62, 7.15))),
    (("AU06",), 0.8, 0.2, ((0.50, 7.28), (0.59, 7.27), (0.64, 7.26))),
    (("AU06",), 0.6, 0.2, ((0.50, 7.30), (0.58, 7.34), (0.62, 7.36))),
    (("AU06", "AU07"), 0.8, 0.4, ((0.20, 7.19), (0.31, 7.16), (0.44, 7.20))),
    (("AU15", "AU17"), 0.7, 0.2, ((0.27, 6.57), (0.31, 6.45), (0.30, 6.33))),
    (("AU14",), 0.9, 0.0, ((0.33, 6.66), (0.345, 6.61), (0.33, 6.56))),
)


def paint(
    rng: np.random.Generator, sides: dict[str, float], skin: Array, hair: Array, age: float,
    beard: float, made_up: bool,
) -> Array:  # fmt: skip
    """(SIZE, SIZE, 4) float32, bottom row first, for slider values by side.

    ``age`` and ``beard`` in 0..1; ``skin`` and ``hair`` linear colours (3,).
    """
    marks = np.zeros((SIZE, SIZE, 4), np.float32)  # premultiplied while they pile up

    def over(a: Array, c: Array) -> None:
        a = np.clip(a, 0, 1).astype(np.float32)[..., None]
        marks[:] = marks * (1 - a) + a * np.append(c, 1).astype(np.float32)

    over(_eyes(7.18, 0.14) * rng.uniform(0, 0.4), skin * (0.62, 0.5, 0.5))
    if made_up:
        over(_eyes(7.36, 0.16) * rng.uniform(0.1, 0.6), rng.random(3) * 0.3)
    for _ in range(rng.integers(0, 7)):
        x, y = rng.uniform(-0.6, 0.6), rng.uniform(6.3, 7.9)
        spot = np.exp(-((_X - x) ** 2 + (_Y - y) ** 2) / rng.uniform(0.006, 0.014) ** 2)
        over(spot * rng.uniform(0.3, 0.9), skin * (0.45, 0.3, 0.25))
    if rng.random() < 0.25:
        grains = (rng.random((SIZE, SIZE)) > 0.988).astype(np.float32)
        dots = cv2.GaussianBlur(grains, (0, 0), 0.9) * np.exp(-(((_Y - 7.0) / 0.35) ** 2))
        over(dots * rng.uniform(0.4, 1.5), skin * (0.55, 0.4, 0.35))
    if beard > 0:
        over(_beard(rng) * beard, hair * 1.1)
    lines = np.zeros((SIZE, SIZE), np.float32)
    depth = rng.uniform(0.25, 1.0) * (0.6 + 0.6 * age)
    for side, sign in (("L", 1), ("R", -1)):
        for aus, strength, of_age, points in FOLDS:
            pull = max(sides.get(f"{au}.{side}", sides.get(au, 0.0)) for au in aus)
            value = pull * strength * rng.uniform(0.5, 1) + of_age * age * rng.uniform(0, 1)
            if value > 0.05:
                jitter = rng.normal(0, 0.01, 2)
                mine = [(sign * x + jitter[0], y + jitter[1]) for x, y in points]
                line = _stroke(mine, 2, rng.uniform(0.8, 2.0))
                lines = np.maximum(lines, line * min(1.0, value) * 1.3)
    dimpled = sides.get("AU17", 0.0)
    if dimpled > 0.1:
        grain = cv2.GaussianBlur((rng.random((SIZE, SIZE)) > 0.55).astype(np.float32), (0, 0), 2)
        chin = np.exp(-((_X / 0.16) ** 2) - ((_Y - 6.36) / 0.1) ** 2)
        lines = np.maximum(lines, dimpled * 0.8 * chin * grain)
    over(np.clip(lines * depth, 0, 1) * 0.75, skin * (0.50, 0.36, 0.32))
    marks[..., :3] /= np.maximum(marks[..., 3:], 1e-4)
    return marks[::-1]


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
    grain = cv2.GaussianBlur(rng.random((SIZE, SIZE)).astype(np.float32), (0, 0), 0.8)
    grain = (grain - grain.min()) / np.ptp(grain)
    return np.asarray(shape[rng.integers(4)] * (0.3 + 1.1 * grain))
