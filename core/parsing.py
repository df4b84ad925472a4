"""What F_seg sees in a face: whether it is one, and how much of it something hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import alignment
from .face_classes import CLASSES, FACE

Array = NDArray[np.float64]

SIZE: Final = 320  # px of the aligned face that F_seg reads: it was taught at 256 to 590
_STEP: Final = 2  # px of it to a px that is judged: F_seg's own cells are 8 px wide
# What lies before a face and is none of it.  Hair is: a beard or a fringe hides nothing that is
# there a moment later.
HIDING: Final = ("background", "cloth", "hat")
# Groups of parts, each as the landmarks that outline them and the classes that they show.
PARTS: Final = (
    ((slice(36, 42), slice(42, 48)), ("l_eye", "r_eye", "eye_g")),
    ((slice(27, 36),), ("nose",)),
    ((slice(48, 68),), ("mouth", "u_lip", "l_lip")),
)
WHOLE: Final = (slice(0, 68),)
IN_VIEW: Final = 0.05  # of a face may be hidden where all of it counts as seen


@dataclass(frozen=True, slots=True)
class Parsed:
    """The classes (H, W) of an aligned face, and its landmarks (68, 2) there."""

    classes: NDArray[np.int64]
    points: Array

    def hidden(self) -> float:
        """The share, 0..1, of what the landmarks enclose that is not face."""
        return self._share(WHOLE, HIDING)

    def likeness(self) -> float:
        """How much, 0..1, eyes, nose and mouth are where the landmarks say, the mean of the three,
        or, where that is less, how much of all that the landmarks enclose is face: what only
        resembles one to the other networks, a word in fat letters, has too little of either."""
        parts = float(np.mean([self._share(*part) for part in PARTS]))
        return min(parts, self._share(WHOLE, FACE))

    def _share(self, outlines: tuple[slice, ...], names: tuple[str, ...]) -> float:
        inside = np.zeros(self.classes.shape, np.uint8)
        for outline in outlines:
            hull = cv2.convexHull(self.points[outline].round().astype(np.int32))
            cv2.fillConvexPoly(inside, hull, 1)
        found = np.isin(CLASSES, names)[self.classes[inside > 0]]
        return float(found.mean()) if len(found) else 0.0


def parse(session: Any, image: NDArray[Any], points: ArrayLike) -> Parsed:
    """A frame (H, W, 3) RGB around landmarks (68, 2) in it; ``session`` is F_seg's."""
    matrix = alignment.aligned_matrix(points, SIZE)
    crop = alignment.network_input(alignment.warp(image, matrix, SIZE)[None])
    (logits,) = session.run(["logits"], {"image": crop})
    classes = logits[0, :, ::_STEP, ::_STEP].argmax(0)
    return Parsed(classes, alignment.transform(matrix, points) / _STEP)
