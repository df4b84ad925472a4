"""How much of a face something hides, a hand or a microphone, as F_seg sees it."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import alignment
from .face_classes import CLASSES

SIZE: Final = 256  # px of the aligned face that F_seg reads
# What lies before a face and is none of it.  Hair is: a beard or a fringe hides nothing that is
# there a moment later.
_HIDING: Final = np.isin(CLASSES, ("background", "cloth", "hat"))


def hidden(session: Any, image: NDArray[Any], points: ArrayLike) -> float:
    """The share, 0..1, of what landmarks (68, 2) enclose in a frame (H, W, 3) RGB that is not face.

    ``session`` is F_seg's.
    """
    matrix = alignment.aligned_matrix(points, SIZE)
    crop = alignment.warp(image, matrix, SIZE).transpose(2, 0, 1)[None]
    (logits,) = session.run(["logits"], {"image": crop.astype(np.float32) / np.float32(255)})
    inside = np.zeros((SIZE, SIZE), np.uint8)
    outline = cv2.convexHull(alignment.transform(matrix, points).round().astype(np.int32))
    cv2.fillConvexPoly(inside, outline, 1)
    classes = logits[0].argmax(0)
    return float(_HIDING[classes[inside > 0]].mean()) if inside.any() else 0.0
