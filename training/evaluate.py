"""The shipped networks on held-out people of pairs folders: `mien evaluate pairs DIR`.

The whole way of capture is run: landmarks from a loosely placed box, alignment by these landmarks,
estimation beside the neutral face of the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import alignment, models
from mien.core.errors import UserError
from mien.core.estimator import Estimator, Sample, sample
from mien.core.parameters import AUS
from mien.training import augment
from mien.training.checkpoint import write_picture
from mien.training.data import Pairs, Pixels, load_pairs
from mien.training.metrics import Scores, estimator_scores, landmark_error
from mien.training.networks import COLUMNS, LANDMARKS_SIZE
from mien.training.plots import scatters
from mien.training.task import compose

Array = NDArray[np.float64]


def scene(pairs: Pairs, i: int, seed: int) -> Pixels:
    """The sample over a background of its own."""
    image = pairs.images[i]
    behind = augment.background(np.random.default_rng([seed, i]), image.shape[1])
    return augment.paste(image, np.eye(2, 3), behind)


def find_landmarks(
    session: Any, image: Pixels, truth: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Landmarks (68, 2) px and features, in a box beside the true one, as tracking would."""
    wobble = augment.jitter(np.random.default_rng(seed), 0.03, 0.06, 0)
    matrix = LANDMARKS_SIZE * compose(wobble, alignment.box_matrix(alignment.face_box(truth), 1))
    crop = alignment.warp(image, matrix, LANDMARKS_SIZE)
    pixels = crop.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
    points, features = session.run(["points", "features"], {"image": pixels})
    back = alignment.inverse(matrix)
    return alignment.transform(back, points[0] * LANDMARKS_SIZE), features[0]


def look(
    pairs: Pairs, indices: Sequence[int], nets: models.Models
) -> tuple[dict[int, Sample], Array]:
    """What the estimator sees of these samples and of their people's neutral ones, by index, and
    the landmark errors (N,) of all of them in %."""
    seen: dict[int, Sample] = {}
    errors = []
    neutrals = (int(n) for n in pairs.neutral[list(indices)] if n >= 0)
    for i in sorted({*indices, *neutrals}):
        image, truth = scene(pairs, i, 11), pairs.landmarks[i]
        points, features = find_landmarks(nets.landmarks, image, truth, i)
        errors.append(landmark_error(points[None], truth[None])[0])
        seen[i] = sample(points, features)[0]
    return seen, np.array(errors)


def held_out(pairs: Pairs) -> list[int]:
    """Indices of the samples of people that training never sees; UserError where there are none."""
    _, held = pairs.split()
    if not len(held):
        raise UserError("No identity in these pairs ends in 9: render at least 10 people.")
    return [int(i) for i in held]


def evaluate_pairs(
    folders: Sequence[Path],
    device: str = "auto",
    weights: Path = models.WEIGHTS,
    plots: Path | None = None,
) -> Scores:
    """Scores on the identities of pairs folders that end in 9, which training never sees.

    Into a folder ``plots`` go pictures of what is said of each AU against what is true.
    """
    pairs = load_pairs(*folders)
    held = held_out(pairs)
    nets = models.load(device, weights)
    estimator = Estimator(nets.estimator, nets.values)
    seen, errors = look(pairs, held, nets)
    out: Scores = {
        "samples": len(held),
        "people": len(np.unique(pairs.person[held])),
        "provider": nets.provider,
        "landmarks: mean error, % of the eye corners' distance": float(errors.mean()),
        "landmarks: faces within 8 %": float((errors < 8).mean()),
    }
    for label, given in (("with neutral", True), ("without neutral", False)):
        found = []
        for i in held:
            neutral = seen.get(int(pairs.neutral[i])) if given else None
            found.append(estimator([seen[i]], neutral)[0][COLUMNS])
        said, true = np.array(found), pairs.values[held].astype(float)
        out[label] = estimator_scores(said, true)
        if plots is not None:
            units = slice(len(AUS))
            picture = scatters(said[:, units], true[:, units])
            write_picture(plots / f"{label.replace(' ', '_')}.png", picture)
    return out
