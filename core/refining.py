"""A second, closer look at eyes, brows and mouth, where the landmark network says they are.

A lid's whole travel is a tenth of the distance of the eyes: the landmark network, which sees the
face with all around it, is too far away for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment

Array = NDArray[np.float64]
Image = NDArray[Any]

# The left eye's patch is mirrored, its points in the order of the right one's.
RIGHT: Final = (*range(17, 22), *range(36, 42))
LEFT: Final = (26, 25, 24, 23, 22, 45, 44, 43, 42, 47, 46)
MOUTH: Final = (*range(31, 36), *range(48, 68))
POINTS: Final = (*RIGHT, *LEFT, *MOUTH)
"""The landmarks that are refined, in the order in which the network says them."""

FACE: Final = 200  # px of the aligned crop out of which the patches are cut
EYE: Final = (64, 48)  # px of a patch, width and height
LIPS: Final = (80, 64)
_AROUND: Final = 24  # px about the aligned crop, for what lies at its edge
_GROUPS: Final = ((RIGHT, EYE), (LEFT, EYE), (MOUTH, LIPS))
_LEFT_ROWS: Final = slice(len(RIGHT), len(RIGHT) + len(LEFT))  # of what the network says


@dataclass(frozen=True, slots=True)
class Patches:
    """What the refiner sees of a face in an image: ``eyes`` (2, 48, 64, 3), the right one and the
    left one mirrored, and ``mouth`` (64, 80, 3)."""

    eyes: Image
    mouth: Image
    _matrix: Array  # image px to px of the crop that they were cut out of
    _corners: Array  # (47, 2) of each point's patch in that crop

    def inside(self, points: Array) -> Array:
        """(47, 2) where landmarks (68, 2) of the image lie in the patches, px."""
        moved = alignment.transform(self._matrix, points)
        return _turned(moved[list(POINTS)] - self._corners)

    def outside(self, found: Array, points: Array) -> Array:
        """Landmarks (68, 2) of the image with those found in the patches (47, 2) px."""
        moved, out = _turned(np.array(found, float)) + self._corners, np.array(points, float)
        out[list(POINTS)] = alignment.transform(alignment.inverse(self._matrix), moved)
        return out


def _turned(points: Array) -> Array:
    """Points (47, 2) px of the patches with the left eye's mirrored, or mirrored back; in place."""
    points[_LEFT_ROWS, 0] = EYE[0] - 1 - points[_LEFT_ROWS, 0]
    return points


def cut(image: Image, points: Array) -> Patches:
    """The patches of a face with about these landmarks (68, 2) in an image (H, W, 3)."""
    matrix = alignment.aligned_matrix(points, FACE)
    matrix[:, 2] += _AROUND
    side = FACE + 2 * _AROUND
    face, moved = alignment.warp(image, matrix, side), alignment.transform(matrix, points)
    parts, corners = [], []
    for group, size in _GROUPS:
        middle = moved[list(group)].mean(0)
        x, y = np.clip(np.round(middle - np.array(size) / 2), 0, side - np.array(size)).astype(int)
        parts.append(face[y : y + size[1], x : x + size[0]])
        corners.append(np.tile([x, y], (len(group), 1)))
    right, left, mouth = parts
    return Patches(np.stack([right, left[:, ::-1]]), mouth, matrix, np.concatenate(corners))
