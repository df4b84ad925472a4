"""What tasks on aligned faces share: crops of pairs, scores and labels of what is said of them."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mien.core import alignment, parameters
from mien.training import augment
from mien.training.data import Floats, Pixels
from mien.training.metrics import Scores, estimator_scores
from mien.training.networks import COLUMNS, VALUES
from mien.training.task import Array, Task, compose, to_tensor

JUDGES: Final = 1000  # at most


class AlignedTask(Task):
    """Lessons on faces as capture aligns them."""

    def judges(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these samples by which such networks are scored, as ``mien evaluate pairs``
        does: what people do, all of them alike."""
        acting = self.pairs.acting(indices)
        some = acting if len(acting) else indices
        return some[:: max(1, -(-len(some) // JUDGES))]

    def crops(
        self, rng: Generator, indices: NDArray[np.int64], size: int, disturbed: bool
    ) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
        """Faces (B, 3, size, size) over backgrounds as a camera shows them, the same as they are,
        and which of them (B,) are mirrored."""
        shown, plain, mirrored = [], [], disturbed & (rng.random(len(indices)) < 0.5)
        for i, turned in zip(indices, mirrored, strict=True):
            face, points = self.face(rng, int(i), bool(turned), 0)
            if disturbed:
                face, points = self.varied(rng, face, points)
            matrix = alignment.aligned_matrix(points, 1)
            if disturbed:  # a tracker's landmarks are not quite the true ones
                matrix = compose(augment.jitter(rng, 0.01, 0.02, 1), matrix)
            image = augment.paste(face, size * matrix, augment.background(rng, size))
            plain.append(image)
            shown.append(augment.disturb(rng, image, cover=0.05) if disturbed else image)
        return to_tensor(shown), to_tensor(plain), mirrored

    def varied(self, rng: Generator, face: Pixels, points: Array) -> tuple[Pixels, Array]:
        """The face and its landmarks with more poses and expressions than the pairs have; as they
        are where values are taught."""
        return face, points


def judged(y: Floats, values: Floats) -> Scores:
    """Scores of parameter vectors (N, n), n of 285, the paper's 269 or their first, against values
    (N, 41)."""
    said = np.tile(parameters.neutral(), (len(y), 1))
    said[:, : y.shape[1]] = y
    return estimator_scores(said[:, COLUMNS], values)


def labelled(tile: NDArray[Any], said: Floats, truth: Floats) -> Pixels:
    """A face (S, S, 3) in 0..1, or several in a row, with its strongest units written below: said
    (23,) / true (41,)."""
    height = 192
    image = (tile * 255).round().astype(np.uint8)
    image = cv2.resize(image, (height * tile.shape[1] // tile.shape[0], height))
    image = cv2.copyMakeBorder(image, 0, 64, 0, 0, cv2.BORDER_CONSTANT)
    for k, j in enumerate(np.argsort(-truth[: len(parameters.AUS)])[:4]):
        text = f"{VALUES[j]} {said[j]:.2f} / {truth[j]:.2f}"
        at = (4, height + 14 + 15 * k)
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,) * 3, 1)
    return np.asarray(image, np.uint8)
