"""How near the estimated identities are to the true ones, on rendered people held out of training.

    python tests/bench/identity.py PAIRS...

The root mean square distance of the 68 landmarks at rest, brought upon each other, in mm: for the
mean face, and for the person estimated from the neutral picture and from all pictures of a person,
by the shipped networks; the share of people to whom the estimate is nearer than the mean face; and
how often the brows have the true one of six shapes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core import identity, models, parameters
from mien.core.estimator import Estimator
from mien.core.sparse_model import sparse_model
from mien.training.data import load_pairs
from mien.training.evaluate import held_out, see

Array = NDArray[np.float64]
SHAPES = 6  # of brows, see tools/brow_styles.py


def apart(one: Array, other: Array) -> float:
    """mm between landmarks (68, 3) after the best turn, scale and shift (Umeyama 1991)."""
    a, b = one - one.mean(0), other - other.mean(0)
    left, strength, right = np.linalg.svd(a.T @ b)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    scale = (strength * sign).sum() / (a**2).sum()
    return float(1000 * np.sqrt(((scale * a @ (left * sign) @ right - b) ** 2).sum(1).mean()))


def main(folders: list[Path]) -> None:
    """Prints the figures."""
    pairs, nets, model = load_pairs(*folders, vectors=True), models.load("cpu"), sparse_model()
    estimator = Estimator(nets.estimator, nets.values)
    held = np.array(held_out(pairs))
    seen = see(pairs, held.tolist(), nets).samples

    def landmarks(who: Array) -> Array:
        person = model.person(who)
        return model.landmarks(person.rest, person)

    def estimate(rows: Array) -> Array:
        vectors = [estimator([seen[i]], seen.get(int(pairs.neutral[i])))[0] for i in rows]
        return identity.estimate(np.stack([seen[i].points for i in rows]), np.stack(vectors))

    nobody = landmarks(parameters.neutral()[parameters.IDENTITY])
    rows: dict[str, list[tuple[float, float, bool]]] = {"neutral picture": [], "all pictures": []}
    for first in held[pairs.neutral[held] == held]:
        assert pairs.vectors is not None
        true = pairs.vectors[first, parameters.IDENTITY].astype(float)
        everything = held[pairs.person[held] == pairs.person[first]]
        for row, views in zip(rows.values(), (held[held == first], everything), strict=True):
            found = estimate(views)
            there, brows = landmarks(true), (found[208:].argmax(), true[208:].argmax())
            same = brows[0] % SHAPES == brows[1] % SHAPES
            row.append((apart(nobody, there), apart(landmarks(found), there), same))
    for name, row in rows.items():
        before, after, brows_right = np.array(row).T
        print(
            f"{name}: {len(row)} people, mean face {before.mean():.2f} mm, estimate"
            f" {after.mean():.2f} mm, nearer {np.mean(after < before):.2f}, shape of brows"
            f" {brows_right.mean():.2f}"
        )


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
