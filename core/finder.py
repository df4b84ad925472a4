"""Face boxes: what the cells of the finder network say, and how boxes overlap."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STRIDE: Final = 8  # pixels of the input per cell
SIDE: Final = 24.0  # pixels of the input of a box whose log2 side is 0
THRESHOLD: Final = 0.5
OVERLAP: Final = 0.4  # of two boxes that overlap more, the better one stays


def decode(cells: NDArray[Any]) -> tuple[Array, Array]:
    """Boxes (K, 3) as centre x, centre y and side in pixels of the input, and scores (K,) in 0..1
    of the network's output (1, 4, 24, 24), best first."""
    logit, dx, dy, log_side = cells[0].astype(float)
    score = 1 / (1 + np.exp(-logit))
    row, column = np.nonzero(score >= THRESHOLD)
    at = row, column
    boxes = np.stack(
        [
            (column + 0.5 + dx[at]) * STRIDE,
            (row + 0.5 + dy[at]) * STRIDE,
            SIDE * 2 ** np.clip(log_side[at], -4, 4),
        ],
        axis=1,
    )
    order = np.argsort(-score[at], kind="stable")
    return boxes[order], score[at][order]


def overlap(box: Array, boxes: Array) -> Array:
    """(K,) intersection over union of a square box (3,) with square boxes (K, 3)."""
    half, halves = box[2] / 2, boxes[:, 2] / 2
    low = np.maximum(box[:2] - half, boxes[:, :2] - halves[:, None])
    high = np.minimum(box[:2] + half, boxes[:, :2] + halves[:, None])
    common = np.clip(high - low, 0, None).prod(axis=1)
    return np.asarray(common / (box[2] ** 2 + boxes[:, 2] ** 2 - common))


def suppress(boxes: Array) -> Array:
    """The boxes (K, 3), best first, without those that overlap a better one."""
    kept = []
    while len(boxes):
        kept.append(boxes[0])
        boxes = boxes[1:][overlap(boxes[0], boxes[1:]) <= OVERLAP]
    return np.array(kept).reshape(-1, 3)
