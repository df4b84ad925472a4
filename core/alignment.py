"""Crops of a face: the square box for the landmarks, the five-point crop for the estimator.

Matrices are 2x3 and map image pixels to crop pixels; points are (..., 2) as x, y.
Landmarks are the 68 of iBUG: the subject's right eye, 36-41, is on the left of the image.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Image = NDArray[Any]

# Eyes, nose tip and mouth corners in 0..1 of the aligned crop.
TEMPLATE: Final = np.array([[0.34, 0.40], [0.66, 0.40], [0.50, 0.58], [0.38, 0.74], [0.62, 0.74]])
BOX_MARGIN: Final = 1.35  # side of a face box over the larger side of its landmarks' bounds


def five_points(points: ArrayLike) -> Array:
    """(5, 2) eyes' means, nose tip and mouth corners of landmarks (68, 2)."""
    p = np.asarray(points, float)
    return np.array([p[36:42].mean(0), p[42:48].mean(0), p[30], p[48], p[54]])


def face_box(points: ArrayLike) -> Array:
    """(3,) centre x, centre y and side of the square face box of landmarks (68, 2)."""
    p = np.asarray(points, float)
    return np.array([*p.mean(0), BOX_MARGIN * np.ptp(p, axis=0).max()])


def box_matrix(box: ArrayLike, size: int) -> Array:
    """The matrix that brings a face box onto a crop of size x size pixels."""
    x, y, side = np.asarray(box, float)
    scale = size / max(side, 1e-6)
    return np.array([[scale, 0, size / 2 - scale * x], [0, scale, size / 2 - scale * y]])


def aligned_matrix(points: ArrayLike, size: int) -> Array:
    """The :func:`similarity` from the five points of landmarks (68, 2) to the template in a crop of
    size x size pixels."""
    return similarity(five_points(points), TEMPLATE * size)


def similarity(points: ArrayLike, onto: ArrayLike) -> Array:
    """The 2x3 matrix that turns, resizes and shifts points (N, 2) onto others, of least squares."""
    source, target = (np.asarray(p, float) @ [1, 1j] for p in (points, onto))
    centred = source - source.mean()
    turn = np.vdot(centred, target) / max(np.vdot(centred, centred).real, 1e-9)
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def transform(matrix: Array, points: ArrayLike) -> Array:
    """Points (..., 2) in image pixels brought to crop pixels."""
    moved: Array = np.asarray(points, float) @ matrix[:, :2].T + matrix[:, 2]
    return moved


def inverse(matrix: Array) -> Array:
    """The matrix from crop pixels back to image pixels."""
    return np.asarray(cv2.invertAffineTransform(matrix), float)


def warp(image: Image, matrix: Array, size: int | tuple[int, int]) -> Image:
    """Crop of a side or (width, height) px of an image (H, W) or (H, W, C), whose edge is repeated
    outside.

    A large face is first shrunk by a whole number over its area, as bilinear sampling alone
    would alias; about the crop's middle, so that the mirror image has its pixels mirrored.
    """
    shrink = int(1 / max(np.hypot(matrix[0, 0], matrix[1, 0]), 1e-6))
    size = size if isinstance(size, tuple) else (size, size)
    if shrink > 1:
        half = np.array(size) / 2
        back = inverse(matrix)
        middle, reach = transform(back, half - 0.5), np.abs(back[:, :2]) @ half
        sides = image.shape[1::-1]
        (x0, x1, wide), (y0, y1, high) = map(_blocks, middle, reach, sides, (shrink, shrink))
        part = image[y0:y1, x0:x1]
        image = cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA)
        # Pixel centres lie at whole numbers: x = x0 + (x' + 1/2) * step - 1/2.
        step = np.array([(x1 - x0) / wide, (y1 - y0) / high])
        origin = np.array([x0, y0]) + step / 2 - 0.5
        matrix = np.column_stack([matrix[:, :2] * step, transform(matrix, origin)])
    crop: Image = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return crop


def _blocks(middle: float, reach: float, side: int, shrink: int) -> tuple[int, int, int]:
    """(first pixel, the one after the last, blocks) of what lies within ``reach`` of the middle.

    Whole blocks of pixels: OpenCV is ten times as fast there.
    """
    edge = min(max(0, round(middle + 0.5)), side)
    count = int(reach / shrink) + 2
    before, after = min(count, edge // shrink), min(count, (side - edge) // shrink)
    if not before + after:
        return 0, side, 1
    return edge - shrink * before, edge + shrink * after, before + after


def network_input(crops: Image) -> NDArray[np.float32]:
    """Crops (..., H, W, 3) of 0..255 as networks take them, (..., 3, H, W) in 0..1."""
    return np.moveaxis(crops, -1, -3).astype(np.float32) / np.float32(255)


def roll(matrix: Array) -> float:
    """Degrees by which the face in the image is tilted towards the subject's left shoulder."""
    return float(np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0])))


_PAIRED: Final = (
    *((i, 16 - i) for i in range(8)), *((17 + i, 26 - i) for i in range(5)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65),
)  # fmt: skip


def _mirror() -> NDArray[np.int64]:
    out = np.arange(68)
    for a, b in _PAIRED:
        out[a], out[b] = b, a
    return out


MIRROR: Final = _mirror()
"""(68,) for each landmark, the one that takes its place in the mirror image."""


def mirror_points(points: NDArray[Any], width: float) -> NDArray[Any]:
    """Landmarks (..., 68, 2) of the image turned left to right; its columns are 0..width."""
    out = points[..., MIRROR, :].copy()
    out[..., 0] = width - out[..., 0]
    return out
