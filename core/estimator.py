"""From an aligned face, and the same face at rest, to named signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from . import alignment, parameters

Array = NDArray[np.float64]

SIZE: Final = 96  # side of the network's input in pixels
_BATCH: Final = 32
_LOW: Final = np.array([p.low for p in parameters.PARAMETERS])
_HIGH: Final = np.array([p.high for p in parameters.PARAMETERS])


@dataclass(frozen=True, slots=True)
class Sample:
    """What the estimator sees of a face: grey crop (96, 96), landmarks (68, 2) in 0..1 of it."""

    image: NDArray[np.uint8]
    points: NDArray[np.float32]


def sample(image: NDArray[Any], points: Array) -> tuple[Sample, float]:
    """(the aligned face, its roll in degrees) of a frame (H, W, 3) RGB and landmarks (68, 2)."""
    crop, matrix = alignment.align(image, points, SIZE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    inside = alignment.transform(matrix, points) / SIZE
    return Sample(grey, inside.astype(np.float32)), alignment.roll(matrix)


class Estimator:
    """Estimates with the network of an onnxruntime session; ``values`` names what comes out."""

    def __init__(self, session: Any, values: tuple[str, ...]) -> None:
        self._session = session
        self._columns = [parameters.INDEX[name] for name in values]

    def __call__(self, samples: list[Sample], neutral: Sample | None = None) -> Array:
        """Parameter vectors (N, 285) of N samples of a performer, whose face at rest is
        ``neutral``; what the network does not tell is neutral."""
        y = np.tile(parameters.neutral(), (len(samples), 1))
        for start in range(0, len(samples), _BATCH):
            part = samples[start : start + _BATCH]
            rest = [neutral] * len(part) if neutral else []
            inputs = {**_inputs(part), **_neutral_inputs(rest, len(part))}
            (values,) = self._session.run(["values"], inputs)
            y[start : start + len(part), self._columns] = values
        return np.clip(y, _LOW, _HIGH)


def _inputs(samples: list[Sample]) -> dict[str, NDArray[np.float32]]:
    images = np.stack([s.image for s in samples])[:, None].astype(np.float32) / np.float32(255)
    return {"image": images, "points": np.stack([s.points for s in samples])}


def _neutral_inputs(rest: list[Sample], count: int) -> dict[str, NDArray[np.float32]]:
    if not rest:
        return {
            "neutral_image": np.zeros((count, 1, SIZE, SIZE), np.float32),
            "neutral_points": np.zeros((count, 68, 2), np.float32),
            "has_neutral": np.zeros((count, 1), np.float32),
        }
    known = {f"neutral_{name}": value for name, value in _inputs(rest).items()}
    return {**known, "has_neutral": np.ones((count, 1), np.float32)}
