"""What makes a render look like any footage: backgrounds, light, lenses, sensors, codecs.

Images are (H, W, 3) uint8 RGB.  Everything is drawn from the generator that is handed in.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.training.backdrop import backdrop
from mien.training.data import Pixels

Array = NDArray[np.float64]

# Landmarks that a real tracker loses together: jaw, brows, nose, eyes, mouth.
REGIONS: Final = (
    range(0, 6), range(6, 11), range(11, 17), range(17, 22), range(22, 27), range(27, 36),
    range(36, 42), range(42, 48), range(48, 68),
)  # fmt: skip
FAR: Final = 0.25  # of all crops have more pixels than the camera saw there


def _cloud(rng: Generator, size: int, cells: int) -> Pixels:
    colours = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    if rng.random() < 0.6:  # rooms are mostly grey
        colours = (0.8 * colours.mean(-1, keepdims=True) + 0.2 * colours).astype(np.uint8)
    mode = cv2.INTER_CUBIC if rng.random() < 0.8 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(colours, (size, size), interpolation=mode), np.uint8)


def background(rng: Generator, size: int) -> Pixels:
    """A scene without a face: a place, or plain, gradient or noise at several scales with shapes
    in it."""
    if rng.random() < 0.4:
        return backdrop(rng, size)
    image = _cloud(rng, size, int(rng.choice([1, 2, 2, 3, 4])))
    for cells in (8, 24, 64):
        if rng.random() < 0.35:
            share = rng.uniform(0.1, 0.5)
            image = cv2.addWeighted(image, 1 - share, _cloud(rng, size, cells), share, 0)
    image = np.ascontiguousarray(image)
    for _ in range(rng.integers(0, 7)):
        x, y, a, b = (int(v) for v in rng.integers(-size // 8, size + size // 8, 4))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        kind = rng.integers(4)
        if kind == 0:
            cv2.rectangle(image, (x, y), (a, b), colour, -1)
        elif kind == 1:
            cv2.line(image, (x, y), (a, b), colour, int(rng.integers(1, 1 + size // 12)))
        else:  # heads, lamps, balls: what a finder must not take for a face
            axes = (1 + abs(a - x) // 3, 1 + abs(b - y) // 3)
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(image, (x, y), axes, turn, 0, 360, colour, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, size / 24))
    return lettered(rng, image) if rng.random() < 0.25 else np.asarray(image, np.uint8)


def lettered(rng: Generator, image: Pixels) -> Pixels:
    """Titles, signs and subtitles, some outlined: small round things in rows, as eyes are."""
    size, image = image.shape[1], np.ascontiguousarray(image)
    for _ in range(rng.integers(1, 4)):
        text = "".join(chr(c) for c in rng.integers(97 if rng.random() < 0.5 else 33, 123, 12))
        text = text[: int(rng.integers(1, 13))]
        font, scale = int(rng.integers(0, 8)), float(np.exp(rng.uniform(-1, 1.1)) * size / 192)
        wide = int(rng.integers(1, 3 + int(6 * scale)))
        x, y = int(rng.integers(-size // 4, size)), int(rng.integers(0, size + size // 8))
        colours = rng.integers(0, 256, (2, 3)).tolist()
        if rng.random() < 0.6:
            cv2.putText(image, text, (x, y), font, scale, colours[0], 2 * wide + 1, cv2.LINE_AA)
        cv2.putText(image, text, (x, y), font, scale, colours[1], wide, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


def title(rng: Generator, image: Pixels, x: float, y: float, height: float) -> Pixels:
    """A word in fat outlined letters, as logos and cartoons have, in the middle of (x, y) px; the
    bowls of its letters look out of it like eyes."""
    text = "".join(chr(c) for c in rng.integers(97, 123, int(rng.integers(2, 9))))
    if rng.random() < 0.5:  # those with bowls
        text = "".join(rng.choice(list("aeobdpqgcs"), len(text)))
    font = int(rng.choice([0, 2, 3, 4]))
    thick = max(2, int(height * rng.uniform(0.12, 0.3)))
    scale = cv2.getFontScaleFromHeight(font, max(4, int(height)), thick)
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    at = int(x - rng.uniform(0.2, 0.8) * wide), int(y + high / 2)
    rows = np.linspace(-1, 1, len(image))[:, None, None]
    out = image.astype(np.float32)
    for grown, vivid in ((rng.uniform(0.5, 0.9), 0.6), (rng.uniform(0.2, 0.5), 1.0), (0.0, 1.0)):
        mask = np.zeros(image.shape[:2], np.uint8)
        wider = thick + int(grown * thick)
        cv2.putText(mask, text, at, font, scale, 255, wider, cv2.LINE_AA)
        colour = rng.integers(0, 256, 3) * vivid
        shade = colour * (1 + rng.uniform(-0.6, 0.6) * rows)
        share = mask[..., None].astype(np.float32) / 255
        out = out * (1 - share) + np.clip(shade, 0, 255) * share
    return np.asarray(out, np.uint8)


def scrambled(rng: Generator, face: Pixels) -> Pixels:
    """A face whose parts are everywhere but where they belong: skin, hair, cloth, and no face."""
    count = int(rng.integers(3, 6))
    side = face.shape[0] // count
    out = np.zeros_like(face)
    for to, at in enumerate(rng.permutation(count * count)):
        (a, b), (c, d) = divmod(int(at), count), divmod(to, count)
        part = face[a * side : (a + 1) * side, b * side : (b + 1) * side]
        out[c * side : (c + 1) * side, d * side : (d + 1) * side] = part[:, :: rng.choice([-1, 1])]
    return out


def paste(face: Pixels, matrix: Array, behind: Pixels) -> Pixels:
    """A premultiplied RGBA face, moved by ``matrix`` (2x3), over a background."""
    height, width = behind.shape[:2]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:  # bilinear sampling alone would alias
        side = max(1, int(face.shape[1] * scale * 1.5))
        step = face.shape[1] / side  # pixel centres lie at whole numbers
        face = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        origin = matrix[:, 2] + matrix[:, :2] @ np.full(2, step / 2 - 0.5)
        matrix = np.column_stack([matrix[:, :2] * step, origin])
    over = cv2.warpAffine(face, matrix, (width, height), flags=cv2.INTER_LINEAR)
    rest = (255 - over[..., 3:]).astype(np.uint16)
    return np.asarray(cv2.add(over[..., :3], ((behind * rest + 127) // 255).astype(np.uint8)))


def light(rng: Generator, image: Pixels) -> Pixels:
    """Exposure, contrast, gamma, white balance and saturation, in one table per channel."""
    ramp = np.arange(256) / 255
    gamma, gain, lift = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.04)
    balance = np.exp(rng.normal(0, 0.1, 3))
    table = np.clip(ramp[:, None] ** gamma * gain * balance + lift, 0, 1) * 255
    image = cv2.LUT(image, table.astype(np.uint8)[:, None])
    if rng.random() < 0.5:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        share = 1.0 if rng.random() < 0.2 else float(rng.uniform(-0.3, 0.9))
        image = cv2.addWeighted(grey, share, image, 1 - share, 0)
    if rng.random() < 0.4:  # a window at one side, the shadow of a hat
        size = image.shape[1], image.shape[0]
        shade = cv2.resize(rng.uniform(0.35, 1.4, (2, 2)).astype(np.float32), size)
        image = np.clip(image * shade[..., None], 0, 255).astype(np.uint8)
    return np.asarray(image, np.uint8)


def _lens(rng: Generator, image: Pixels) -> Pixels:
    """Out of focus or moving."""
    width = image.shape[1]
    kind = rng.random()
    if kind < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, max(0.3, width / 70)))
    elif kind < 0.42:
        length = int(rng.integers(3, 4 + width // 24))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        turn = cv2.getRotationMatrix2D(((length - 1) / 2,) * 2, float(rng.uniform(0, 180)), 1)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-6))
    return np.asarray(image, np.uint8)


def sensor(rng: Generator, image: Pixels) -> Pixels:
    """Noise, and what JPEG or a video leaves."""
    if rng.random() < 0.5:
        noise = np.empty(image.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        cv2.randn(noise, 0, rng.uniform(1, 14))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    kind = rng.random()
    if kind < 0.3:
        image = _compressed(image, int(rng.integers(20, 90)))
    elif kind < 0.5:
        # A video's blocks are larger, of 16 px, coarser, and smoothed where they meet.
        height, width = image.shape[:2]
        small = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(_compressed(small, int(rng.integers(15, 70))), (width, height))
        image = cv2.addWeighted(coarse, share := float(rng.uniform(0.5, 1)), image, 1 - share, 0)
        image = cv2.GaussianBlur(image, (0, 0), 0.5)
    return np.asarray(image, np.uint8)


def _compressed(image: Pixels, quality: int) -> Pixels:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def occlude(rng: Generator, image: Pixels, pieces: bool = True) -> Pixels:
    """Something before the face, a hand's, a microphone's or a frame edge's worth; and with
    ``pieces`` a piece cut out of the square picture, and another of it put there."""
    size = image.shape[1]
    image = image.copy()
    for _ in range(rng.integers(1, 3)):
        x, y = (int(v) for v in rng.integers(0, size, 2))
        if pieces and rng.random() < 0.3:
            side = int(rng.integers(size // 10, size // 3))
            a, b = (int(v) for v in rng.integers(0, size - side, 2))
            hole = image[y : y + side, x : x + side]
            hole[:] = image[a : a + side, b : b + side][: hole.shape[0], : hole.shape[1]].copy()
            continue
        axes = tuple(int(v) for v in rng.integers(size // 20, size // 5, 2))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return image


def _afar(rng: Generator, image: Pixels) -> Pixels:
    """Few pixels, enlarged, and what lens, sensor and codec do as large as these."""
    height, width = image.shape[:2]
    share = rng.uniform(0.25, 0.9)
    small = cv2.resize(image, (int(width * share), int(height * share)), None, 0, 0, 3)
    small = sensor(rng, _lens(rng, np.asarray(small, np.uint8)))
    enlarged = cv2.resize(small, (width, height), interpolation=int(rng.integers(1, 3)))
    return np.asarray(enlarged, np.uint8)


def disturb(rng: Generator, image: Pixels, cover: float = 0.15) -> Pixels:
    """The image as some camera, in some light, through some codec would show it."""
    image = light(rng, image)
    if rng.random() < cover:
        image = occlude(rng, image)
    return _afar(rng, image) if rng.random() < FAR else sensor(rng, _lens(rng, image))


def jitter(rng: Generator, shift: float, scale: float, turn: float) -> Array:
    """A random similarity (2x3) about the centre of the unit square.

    ``shift`` is a standard deviation in 0..1, ``scale`` one of the logarithm, ``turn`` in degrees.
    """
    angle, size = np.radians(rng.normal(0, turn)), np.exp(rng.normal(0, scale))
    c, s = size * np.cos(angle), size * np.sin(angle)
    dx, dy = 0.5 + rng.normal(0, shift, 2)
    return np.array([[c, s, dx - 0.5 * (c + s)], [-s, c, dy - 0.5 * (c - s)]])


def loosened(rng: Generator, box: Array) -> Array:
    """A face box (3,) beside where it should be, as tracking places it."""
    x, y = box[:2] + box[2] * rng.normal(0, 0.03, 2)
    return np.array([x, y, box[2] * np.exp(rng.normal(0, 0.06))])


def misplacement(rng: Generator, amount: Array | float, count: int) -> Array:
    """(count, 68, 2) errors of a tracker's landmarks in face units: regions go astray together.

    ``amount``, or each landmark's (68, 1), is about the mean error; some faces are harder than
    others.
    """
    out = rng.normal(0, 0.45, (count, 68, 2)) + rng.normal(0, 0.3, (count, 1, 2))
    for region in REGIONS:
        out[:, list(region)] += rng.normal(0, 0.5, (count, 1, 2))
    return np.asarray(out * amount * np.exp(rng.normal(0, 0.4, (count, 1, 1))))


def face_unit(points: NDArray[Any]) -> Array:
    """(...) the distance of the eyes' centres of landmarks (..., 68, 2), as if face on."""
    eyes = points[..., 36:42, :].mean(-2) - points[..., 42:48, :].mean(-2)
    return np.maximum(np.linalg.norm(eyes, axis=-1), 0.3 * np.ptp(points[..., 1], axis=-1))
