"""What stands behind people: rooms, walls, foliage, sky, lights at night; drawn, nothing stored.

Every function draws a (size, size, 3) uint8 RGB image from a generator.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]


def _colour(rng: Generator, low: float, high: float, vivid: float = 0.07) -> Colour:
    """A mostly grey colour of a brightness between two values (0..255)."""
    value = rng.uniform(low, high)
    c = np.clip(value * np.exp(rng.normal(0, vivid, 3)), 0, 255)
    return int(c[0]), int(c[1]), int(c[2])


def _noise(rng: Generator, size: int, cells: int) -> NDArray[np.float32]:
    """(size, size) smooth, about -1..1."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _lit(rng: Generator, image: NDArray[Any], strength: float) -> Pixels:
    """The image in uneven light."""
    light = 1 + strength * _noise(rng, len(image), 3)
    return np.asarray(np.clip(image * light[..., None], 0, 255), np.uint8)


def wall(rng: Generator, size: int) -> Pixels:
    """Plaster, boards or bricks."""
    image = np.empty((size, size, 3), np.uint8)
    base = _colour(rng, 50, 235)
    image[:] = base
    kind, joint = rng.integers(3), tuple(int(0.75 * c) for c in base)
    high = int(rng.integers(6, 24)) * size // 200 + 3
    if kind == 1:
        image[::high] = joint
    elif kind == 2:
        wide = int(high * rng.uniform(1.8, 3.2))
        for i, y in enumerate(range(0, size, high)):
            for x in range(-(i % 2) * wide // 2, size, wide):
                tone = rng.uniform(0.85, 1.15)
                corner = (x + wide - 2, y + high - 2)
                shade = tuple(float(min(255, c * tone)) for c in base)
                cv2.rectangle(image, (x, y), corner, shade, -1)
                cv2.rectangle(image, (x - 1, y - 1), corner, joint, 1)
    rough = (1 + 0.06 * _noise(rng, size, 60))[..., None]
    return _lit(rng, image * rough, rng.uniform(0.05, 0.4))


def room(rng: Generator, size: int) -> Pixels:
    """A wall with a corner, a floor, and windows, pictures, shelves and doors."""
    image = np.empty((size, size, 3), np.uint8)
    plain = _colour(rng, 90, 230)
    image[:] = plain
    corner = int(rng.uniform(-0.5, 1.5) * size)
    floor = int(rng.uniform(0.7, 1.2) * size)
    if 0 < corner < size:
        image[:, corner:] = tuple(int(c * rng.uniform(0.75, 0.95)) for c in plain)
    if floor < size:
        image[floor:] = _colour(rng, 40, 150)
    for _ in range(rng.integers(1, 7)):
        x, y = rng.uniform(-0.1, 0.9, 2) * size
        w, h = rng.uniform(0.08, 0.45, 2) * size
        box = [(int(x), int(y)), (int(x + w), int(y + h))]
        kind = rng.integers(4)
        if kind == 0:  # a window, bright, with a bar
            cv2.rectangle(image, *box, _colour(rng, 190, 255, 0.05), -1)
            cv2.rectangle(image, *box, _colour(rng, 60, 230), max(1, size // 60))
            middle = int(x + w / 2)
            cv2.line(image, (middle, int(y)), (middle, int(y + h)), _colour(rng, 60, 230),
                     max(1, size // 80))  # fmt: skip
        elif kind == 1:  # a picture in its frame
            cv2.rectangle(image, *box, _colour(rng, 30, 220, 0.5), -1)
            cv2.rectangle(image, *box, _colour(rng, 10, 120), max(1, size // 50))
        elif kind == 2:  # a shelf of books
            cv2.rectangle(image, *box, _colour(rng, 20, 110), -1)
            at = x
            while at < x + w:
                thick = rng.uniform(0.015, 0.05) * size
                top = int(y + h * rng.uniform(0.05, 0.35))
                cv2.rectangle(image, (int(at), top), (int(at + thick) - 1, int(y + h)),
                              _colour(rng, 25, 200, 0.4), -1)  # fmt: skip
                at += thick
        else:  # a door, a cupboard, a curtain
            cv2.rectangle(image, (int(x), int(y)), (int(x + w), size), _colour(rng, 30, 200), -1)
    return _blurred(rng, _lit(rng, image, rng.uniform(0.1, 0.5)), 0.2)


def foliage(rng: Generator, size: int) -> Pixels:
    """Leaves over leaves, from dark to lit, with gaps of sky."""
    image = np.empty((size, size, 3), np.uint8)
    image[:] = _colour(rng, 15, 90)
    green = np.array([rng.uniform(0.4, 1.0), 1.0, rng.uniform(0.2, 0.6)])
    if rng.random() < 0.3:
        image[: int(size * rng.uniform(0.1, 0.6))] = _colour(rng, 170, 250, 0.08)
    count = int(rng.integers(80, 260))
    for x, y, turn, step in rng.random((count, 4)):
        tone = np.clip(rng.uniform(30, 110) * (0.4 + step) * green * np.exp(rng.normal(0, 0.15, 3)),
                       0, 255)  # fmt: skip
        axes = (1 + int(size * rng.uniform(0.01, 0.07)), 1 + int(size * rng.uniform(0.005, 0.025)))
        cv2.ellipse(image, (int(x * size), int(y * size)), axes, turn * 180, 0, 360,
                    tone.tolist(), -1, cv2.LINE_AA)  # fmt: skip
    return _blurred(rng, _lit(rng, image, rng.uniform(0.1, 0.6)), 0.1)


def horizon(rng: Generator, size: int) -> Pixels:
    """Sky over land, town or sea."""
    t = np.linspace(0, 1, size)[:, None, None]
    top, low = (np.array(_colour(rng, *span)) for span in ((110, 220), (170, 255)))
    image = np.broadcast_to(top * (1 - t) + low * t, (size, size, 3)).copy()
    image *= 1 + rng.uniform(0, 0.15) * _noise(rng, size, 6)[..., None]
    line = int(rng.uniform(0.3, 0.95) * size)
    image[line:] = _colour(rng, 40, 150, 0.25)
    image = np.clip(image, 0, 255).astype(np.uint8)
    x = 0.0
    while rng.random() < 0.97 and x < size:  # roofs or hills
        wide, high = rng.uniform(0.05, 0.25) * size, rng.uniform(0.02, 0.3) * size
        cv2.rectangle(image, (int(x), int(line - high)), (int(x + wide), line + 2),
                      _colour(rng, 40, 170), -1)  # fmt: skip
        x += wide * rng.uniform(0.7, 2.5)
    return _blurred(rng, _lit(rng, image, 0.1), 0.15)


def lights(rng: Generator, size: int) -> Pixels:
    """Lights out of focus in the dark."""
    image = np.empty((size, size, 3), np.uint8)
    image[:] = _colour(rng, 5, 70, 0.3)
    for x, y in rng.random((int(rng.integers(5, 40)), 2)):
        spot = np.zeros_like(image)
        cv2.circle(spot, (int(x * size), int(y * size)), 1 + int(size * rng.uniform(0.01, 0.06)),
                   _colour(rng, 50, 230, 0.5), -1, cv2.LINE_AA)  # fmt: skip
        image = cv2.add(image, spot)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 + size / 150), np.uint8)


def studio(rng: Generator, size: int) -> Pixels:
    """A plain screen, brighter around one place."""
    y, x = np.mgrid[0:size, 0:size] / size
    centre = rng.uniform(0.1, 0.9, 2)
    glow = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / rng.uniform(0.1, 1.0))
    base = np.array(_colour(rng, 20, 220, 0.25))
    image = base * (rng.uniform(0.4, 1.0) + rng.uniform(0, 0.6) * glow[..., None])
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def _blurred(rng: Generator, image: Pixels, sharp: float) -> Pixels:
    """Out of focus, as behind a person, but for a ``sharp`` share of images."""
    if rng.random() < sharp:
        return image
    sigma = len(image) * np.exp(rng.uniform(np.log(0.004), np.log(0.04)))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


KINDS: Final = {room: 0.35, wall: 0.15, foliage: 0.15, horizon: 0.12, studio: 0.15, lights: 0.08}


def backdrop(rng: Generator, size: int) -> Pixels:
    """One of `KINDS` by its share."""
    share = list(KINDS.values())
    return list(KINDS)[rng.choice(len(share), p=share)](rng, size)
