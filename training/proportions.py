"""Other people's proportions for a rendered face: wider jaws, longer noses, higher brows.

Pairs show each person a few times, and what is taught by them long enough knows these people.  A
warp that is smooth, and alike on both sides of the face, makes somebody else of a picture; made
of the neutral one as well, it leaves all that the face does as it was.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.core import alignment
from mien.training.data import Pixels

Array = NDArray[np.float64]

HEIGHTS: Final = np.linspace(0.15, 0.95, 6)
"""Where a face is changed, of the aligned crop: from the forehead to the chin."""
_REACH: Final = 0.14  # of each height
_SPREAD: Final = np.array([[0.05], [0.01], [0.2]])
_MIDDLE: Final = [27, 28, 33, 51, 57, 8]  # landmarks that no unit moves sideways on both sides
_GRID: Final = 24  # places a side at which the warp is computed; between them it is smooth enough


def another(rng: Generator) -> Array:
    """(3, 6) at each of ``HEIGHTS``: by how much a face is wider (its share), lies lower (of the
    aligned crop's side), and is bent down at both sides (by the square of the distance)."""
    return np.asarray(rng.normal(0, 1, (3, len(HEIGHTS))) * _SPREAD)


def _pull(proportions: Array, places: Array, middle: float) -> Array:
    """(..., 2) from places (..., 2) in the aligned crop, 0..1, to where they lay before."""
    near = np.exp(-(((places[..., 1:] - HEIGHTS) / _REACH) ** 2) / 2)
    wider, lower, bent = np.moveaxis(near @ proportions.T, -1, 0)
    off = places[..., 0] - middle
    return np.stack((off * wider, lower + bent * np.minimum(off**2, 0.1)), -1)


def reshaped(image: Pixels, points: Array, turn: Array, proportions: Array) -> tuple[Pixels, Array]:
    """(image, landmarks (68, 2) px) of a face with other proportions, then moved by ``turn``, a
    matrix (2x3) of the image's pixels."""
    to_crop = alignment.aligned_matrix(points, 1)
    aligned = alignment.transform(to_crop, points)
    middle = float(aligned[_MIDDLE, 0].mean())
    moved = aligned.copy()
    for _ in range(6):  # the warp says whence a pixel comes, landmarks ask where they go
        moved = aligned - _pull(proportions, moved, middle)
    moved = alignment.transform(alignment.inverse(to_crop), moved)
    height, width = image.shape[:2]
    back = alignment.inverse(turn)
    # The middles of equal cells, as resizing understands them.
    cells = [(np.arange(_GRID) + 0.5) * side / _GRID - 0.5 for side in (width, height)]
    grid = alignment.transform(back, np.stack(np.meshgrid(*cells), -1))
    pulled = (
        _pull(proportions, alignment.transform(to_crop, grid), middle)
        @ alignment.inverse(to_crop)[:, :2].T
    )
    whence = cv2.resize(pulled.astype(np.float32), (width, height))
    whence += back[:, 0] * np.arange(width, dtype=np.float32)[:, None]
    whence += back[:, 1] * np.arange(height, dtype=np.float32)[:, None, None] + back[:, 2]
    out = cv2.remap(np.ascontiguousarray(image), whence, None, cv2.INTER_LINEAR)
    return np.asarray(out, np.uint8), alignment.transform(turn, moved)
