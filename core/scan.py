"""Where the faces are in a frame: the landmark network looked through windows of many sizes.

Its score says whether a window holds a face where it should.  Slow beside following (some 0.3 s a
look on two cores), and needed only when a face appears or was lost.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment
from .finder import overlap

Array = NDArray[np.float64]

SIZE: Final = 128  # side of the network's input in pixels
SHARES: Final = (0.95, 0.68, 0.48, 0.34)  # window sides of the frame's shorter one
STEP: Final = 0.25  # of a window's side, from one to the next
BATCH: Final = 32
SURE: Final = 4.0  # logit of the best window on a face
NEAR: Final = 0.25  # two windows that overlap more mean one face


class Scanner:
    """``scanner(image)``: boxes (3,) as centre x, centre y and side in pixels, surest first."""

    def __init__(self, landmarks: Any) -> None:
        self._session = landmarks

    def __call__(self, image: NDArray[Any], wanted: int = 1) -> list[Array]:
        """Boxes of the faces in a frame (H, W, 3) RGB; ends early once ``wanted`` are found."""
        boxes, scores = np.zeros((0, 3)), np.zeros(0)
        found: list[Array] = []
        for share in SHARES:
            more = windows(image.shape[0], image.shape[1], share)
            boxes = np.concatenate([boxes, more])
            scores = np.concatenate([scores, self._score(image, more)])
            found = gather(boxes, scores)
            if len(found) >= wanted:
                break
        return found

    def _score(self, image: NDArray[Any], boxes: Array) -> Array:
        out = []
        for start in range(0, len(boxes), BATCH):
            crops = np.stack([
                alignment.warp(image, alignment.box_matrix(box, SIZE), SIZE)
                for box in boxes[start : start + BATCH]
            ])  # fmt: skip
            data = crops.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
            out.append(self._session.run(["score"], {"image": data})[0].reshape(-1))
        return np.concatenate(out).astype(float)


def windows(height: int, width: int, share: float) -> Array:
    """(K, 3) boxes of one size over a frame, reaching a little beyond its edges."""
    side = share * min(height, width)
    spread = [
        np.linspace(
            side * 0.4,
            length - side * 0.4,
            max(1, round((length - side * 0.8) / (STEP * side)) + 1),
        )
        for length in (width, height)
    ]
    x, y = np.meshgrid(*spread)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, side)], 1)


def gather(boxes: Array, scores: Array) -> list[Array]:
    """The best box of every group of windows that agree on a face."""
    found: list[Array] = []
    left = scores > 0
    while left.any():
        best = int(np.where(left, scores, -np.inf).argmax())
        if scores[best] < SURE:
            break
        found.append(boxes[best])
        left &= overlap(boxes[best], boxes) <= NEAR
    return found
