"""What tracking sees: a small picture of the face with its landmarks."""

from __future__ import annotations

import base64
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from . import alignment

SIDE: Final = 128  # px
INTERVAL: Final = 0.2  # s between two
_GREEN: Final = (90, 255, 120)


def picture(image: NDArray[np.uint8], points: NDArray[np.float64]) -> str:
    """The face with landmarks (68, 2) in a frame (H, W, 3) RGB: SIDE x SIDE RGBA, the lowest row
    first as Blender has it, in base64."""
    matrix = alignment.box_matrix(alignment.face_box(points), SIDE)
    crop = np.ascontiguousarray(alignment.warp(image, matrix, SIDE))
    for x, y in alignment.transform(matrix, points).round().astype(int).tolist():
        cv2.circle(crop, (x, y), 1, _GREEN, cv2.FILLED)
    whole = cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA)[::-1]
    return base64.b64encode(whole.tobytes()).decode("ascii")
