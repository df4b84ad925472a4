"""From an aligned face, and the same face at rest, to named signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment, parameters

Array = NDArray[np.float64]

# FACS codes lips apart (AU 25) with every jaw drop that parts them; the face model's AU 25, which
# the network knows, is only what they part beyond that.
PARTED: Final = 0.3  # of AU 26 that AU 25 is at least
_BATCH: Final = 32
_LIPS, _JAW = parameters.INDEX["AU25"], parameters.INDEX["AU26"]
_LOW: Final = np.array([p.low for p in parameters.PARAMETERS])
_HIGH: Final = np.array([p.high for p in parameters.PARAMETERS])


@dataclass(frozen=True, slots=True)
class Sample:
    """What the estimator sees of a face: landmarks (68, 2) in 0..1 of the aligned crop, features
    (2, F) of the landmark network and the refiner, of the face and of its mirror image."""

    points: NDArray[np.float32]
    features: NDArray[np.float32]


def sample(points: Array, features: NDArray[np.float32]) -> tuple[Sample, float]:
    """(the aligned face, its roll in degrees) of landmarks (68, 2) and features in a frame."""
    matrix = alignment.aligned_matrix(points, 1)
    aligned = alignment.transform(matrix, points).astype(np.float32)
    return Sample(aligned, features), alignment.roll(matrix)


class Estimator:
    """Estimates with the network of an onnxruntime session; ``values`` names what comes out.

    A face and its mirror image are estimated each by itself, and the mean counts: the networks err
    in either by about as much, and not alike.
    """

    def __init__(self, session: Any, values: tuple[str, ...]) -> None:
        self._session = session
        self._values = values
        self._columns = [parameters.INDEX[name] for name in values]

    def __call__(self, samples: list[Sample], neutral: Sample | None = None) -> Array:
        """The vectors (N, 285) of :meth:`seen` with AU 25 as FACS codes it."""
        y = self.seen(samples, neutral)
        y[:, _LIPS] = np.maximum(y[:, _LIPS], PARTED * y[:, _JAW])
        return y

    def seen(self, samples: list[Sample], neutral: Sample | None = None) -> Array:
        """Parameter vectors (N, 285) of N samples of a performer, whose face at rest is
        ``neutral``, as the face model has them; what the network does not tell is neutral."""
        y = np.tile(parameters.neutral(), (len(samples), 1))
        for start in range(0, len(samples), _BATCH):
            part = samples[start : start + _BATCH]
            inputs = {**_inputs(part), **_neutral_inputs(part, neutral)}
            (values,) = self._session.run(["values"], inputs)
            said, mirrored = values[::2], parameters.mirror_values(values[1::2], self._values)
            y[start : start + len(part), self._columns] = (said + mirrored) / 2
        return np.clip(y, _LOW, _HIGH)


def _inputs(samples: list[Sample]) -> dict[str, NDArray[np.float32]]:
    """Of N samples and their mirror images, in turn."""
    points = np.stack([s.points for s in samples])
    both = np.stack([points, alignment.mirror_points(points, 1)], 1)
    return {
        "points": both.reshape(-1, *points.shape[1:]),
        "features": np.concatenate([s.features for s in samples]),
    }


def _neutral_inputs(
    samples: list[Sample], neutral: Sample | None
) -> dict[str, NDArray[np.float32]]:
    # A network that is told that there is no neutral does not look at the one it is given.
    given = _inputs([neutral or s for s in samples])
    known = np.full((2 * len(samples), 1), float(neutral is not None), np.float32)
    return {**{f"neutral_{name}": value for name, value in given.items()}, "has_neutral": known}
