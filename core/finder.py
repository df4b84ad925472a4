"""Where the faces are in a frame: candidates, which the landmark network and F_seg then judge."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIZES: Final = (192, 384, 768, 2048)  # sides of the network's input; larger for smaller faces
STRIDE: Final = 8  # pixels of the input per cell
SIDE: Final = 24.0  # pixels of the input of a box whose log2 side is 0
THRESHOLD: Final = 0.3  # as low as a candidate may be; others judge it again
OVERLAP: Final = 0.4  # of two boxes that overlap more, the better one stays


def letterbox(image: NDArray[Any], size: int) -> tuple[NDArray[np.float32], float, Array]:
    """(input (1, 3, size, size) in 0..1, scale, margin (2,)) of a frame (H, W, 3): x in the frame
    is x * scale + margin in the input."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    fitted = max(1, round(width * scale)), max(1, round(height * scale))
    margin = (size - np.array(fitted)) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((size, size, 3), np.float32)
    x, y = margin
    canvas[y : y + fitted[1], x : x + fitted[0]] = cv2.resize(image, fitted, interpolation=method)
    return canvas.transpose(2, 0, 1)[None] / np.float32(255), scale, margin.astype(float)


def decode(cells: NDArray[Any]) -> tuple[Array, Array]:
    """Boxes (K, 3) as centre x, centre y and side in pixels of the input, and scores (K,) in 0..1
    of the network's output (1, 4, H, W), best first."""
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


def suppress(boxes: Array, scores: Array) -> tuple[Array, Array]:
    """The boxes (K, 3) and scores (K,), best first, without those that overlap a better one."""
    left, kept = np.arange(len(boxes)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlap(boxes[best], boxes[left]) <= OVERLAP]
    return boxes[kept], scores[kept]


class Finder:
    """Candidates; boxes (3,) are centre x, centre y and side in pixels, scores 0..1."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, image: NDArray[Any], size: int) -> list[tuple[Array, float]]:
        """Boxes that may be faces of a frame (H, W, 3) RGB, looked at in one of `SIZES`, and their
        scores, best first."""
        network_input, scale, margin = letterbox(image, size)
        (cells,) = self._session.run(["cells"], {"image": network_input})
        boxes, scores = suppress(*decode(cells))
        boxes[:, :2] -= margin
        return list(zip(boxes / scale, scores.tolist(), strict=True))
