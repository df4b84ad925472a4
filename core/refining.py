"""A second, closer look at the parts of a face, where the landmark network says they are.

A lid's whole travel is a tenth of the distance of the eyes: the landmark network, which sees the
face with all around it, is too far away for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
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
OVAL: Final = (*range(17), *range(27, 31))
POINTS: Final = (*RIGHT, *LEFT, *MOUTH, *OVAL)
"""The landmarks in the order in which the refiner says them."""

FACE: Final = 200  # px of the aligned crop
EYE: Final = (64, 48)  # px of a patch, width and height
LIPS: Final = (80, 64)
WHOLE: Final = (80, 64)
_COARSE: Final = 0.42  # px of the whole face's patch to one of the aligned crop
# Landmarks, size, and px to one of the aligned crop along x and y.
_GROUPS: Final = (
    (RIGHT, EYE, (1.0, 1.0)),
    (LEFT, EYE, (-1.0, 1.0)),
    (MOUTH, LIPS, (1.0, 1.0)),
    (OVAL, WHOLE, (_COARSE, _COARSE)),
)
SPLITS: Final = tuple(accumulate(len(group) for group, *_ in _GROUPS[:-1]))
"""Where in ``POINTS`` the second patch's begin, and the third's and the fourth's."""
SCALES: Final = np.concatenate([np.full(len(group), y) for group, _, (_, y) in _GROUPS])
"""(68,) px of a point's patch to one of the aligned crop."""


@dataclass(frozen=True, slots=True)
class Patches:
    """What the refiner sees of a face in an image: ``eyes`` (2, 48, 64, 3), the right one and the
    left one mirrored, ``mouth`` (64, 80, 3) and, coarser, ``oval`` (64, 80, 3)."""

    eyes: Image
    mouth: Image
    oval: Image
    _matrices: tuple[Array, ...]  # image px to px of each patch

    def inside(self, points: Array) -> Array:
        """(68, 2) where landmarks (68, 2) of the image lie in the patches, px, as ``POINTS``."""
        return np.concatenate(
            [
                alignment.transform(matrix, points[list(group)])
                for matrix, (group, *_) in zip(self._matrices, _GROUPS, strict=True)
            ]
        )

    def mirrored(self) -> tuple[Image, Image, Image]:
        """Eyes, mouth and oval of the mirror image: its right eye is the left one, mirrored."""
        return self.eyes[::-1], self.mouth[:, ::-1], self.oval[:, ::-1]

    def outside(self, found: Array) -> Array:
        """Landmarks (68, 2) of the image of those found in the patches (68, 2) px."""
        out = np.empty((len(POINTS), 2))
        parts = np.split(np.asarray(found, float), SPLITS)
        for matrix, (group, *_), part in zip(self._matrices, _GROUPS, parts, strict=True):
            out[list(group)] = alignment.transform(alignment.inverse(matrix), part)
        return out


def mirrored_back(found: Array) -> Array:
    """Landmarks (68, 2) px in the patches of those in the patches of the mirror image."""
    right, left, *others = np.split(np.asarray(found, float), SPLITS)
    out = [left, right]
    for points, (group, (width, _), _) in zip(others, _GROUPS[2:], strict=True):
        there = [group.index(int(alignment.MIRROR[p])) for p in group]
        out.append(points[there] * (-1, 1) + (width - 1, 0))
    return np.concatenate(out)


def cut(image: Image, points: Array) -> Patches:
    """The patches of a face with about these landmarks (68, 2) in an image (H, W, 3)."""
    aligned = alignment.aligned_matrix(points, FACE)
    parts, matrices = [], []
    for group, size, scale in _GROUPS:
        matrix = aligned * np.array(scale)[:, None]
        middle = alignment.transform(matrix, points[list(group)]).mean(0)
        matrix[:, 2] += (np.array(size) - 1) / 2 - middle
        parts.append(alignment.warp(image, matrix, size))
        matrices.append(matrix)
    right, left, mouth, oval = parts
    return Patches(np.stack([right, left]), mouth, oval, tuple(matrices))
