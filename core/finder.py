"""Where the faces are in a frame."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIZE: Final = 192  # side of the network's input in pixels
STRIDE: Final = 8  # pixels of the input per cell
SIDE: Final = 24.0  # pixels of the input of a box whose log2 side is 0
THRESHOLD: Final = 0.5
OVERLAP: Final = 0.4  # of two boxes that overlap more, the better one stays


def letterbox(image: NDArray[Any]) -> tuple[NDArray[np.float32], float, Array]:
    """(input (1, 3, 192, 192) in 0..1, scale, (2,) margin): x in the frame is x * scale + margin
    in the input."""
    height, width = image.shape[:2]
    scale = SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    margin = (SIZE - np.array(size)) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((SIZE, SIZE, 3), np.float32)
    x, y = margin
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=method)
    return canvas.transpose(2, 0, 1)[None] / np.float32(255), scale, margin.astype(float)


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


class Finder:
    """Finds faces with the network of an onnxruntime session."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, image: NDArray[Any]) -> Array:
        """Face boxes (K, 3) in pixels of the frame (H, W, 3) RGB, the best first: square, as centre
        x, centre y and side."""
        network_input, scale, margin = letterbox(image)
        (cells,) = self._session.run(["cells"], {"image": network_input})
        boxes = suppress(decode(cells)[0])
        boxes[:, :2] -= margin
        return boxes / scale
