"""What keeps action units from being read better: python tests/bench/exactness.py PAIRS...

Of held-out people, as `mien evaluate pairs` sees them, two Markdown tables.  The first: how far
landmarks are off by the part of the face, and how well the estimator that ships reads action units
where those of a part, of the face and of the one at rest, are the true ones or nearer to them,
features as they are.  What gains most is worth a better look.  The second: how well faces are read
that nothing hides, and those of them that look ahead.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core import models, parameters
from mien.core.estimator import Estimator, Sample, sample
from mien.training.data import Pairs, load_pairs
from mien.training.evaluate import held_out, said, see
from mien.training.metrics import Scores, estimator_scores
from mien.training.networks import VALUES


class Part(NamedTuple):
    """Landmarks whose errors are made smaller: what is left of them, and whether that is so of
    hidden ones too."""

    landmarks: range
    left: float = 0
    hidden: bool = True


LIPS: Final = range(48, 68)
PARTS: Final = {
    "none": Part(range(0)), "jaw": Part(range(17)), "brows": Part(range(17, 27)),
    "nose": Part(range(27, 36)), "eyes": Part(range(36, 48)), "lips": Part(LIPS),
    "lips that are seen": Part(LIPS, 0, False), "these by half": Part(LIPS, 0.5, False),
    "these by a tenth": Part(LIPS, 0.9, False), "all": Part(range(68)),
}  # fmt: skip
OPEN: Final = 0.9  # of the landmarks from brows to lips are seen of a face that nothing hides
TURNED: Final = (30, 20)  # degrees of yaw that heads have at most, which look ahead


def kinds(pairs: Pairs, held: list[int]) -> dict[str, NDArray[np.bool_]]:
    """Which (N,) of the held-out faces are of a kind, as is the same person's face at rest."""
    both = np.stack([np.array(held), pairs.neutral[held]])
    seen = (pairs.visible[both, 17:].mean(2) >= OPEN).all(0)
    yaw = parameters.angle("head.yaw", pairs.values[both, VALUES.index("head.yaw")])
    turned = np.abs(yaw).max(0)
    ahead = {f"turned by less than {most} degrees": seen & (turned < most) for most in TURNED}
    return {"all": np.ones(len(held), bool), "hidden by nothing": seen, **ahead}


def row(*cells: str | int, scores: Scores) -> str:
    icc, mae, pose, side = list(scores.values())[:4]
    figures = f"{icc:.3f}", f"{mae:.3f}", f"{pose:.2f}", f"{side:.3f}"
    return f"| {' | '.join(map(str, (*cells, *figures)))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    pairs, nets = load_pairs(*parser.parse_args().pairs), models.load("cpu")
    held = pairs.acting(np.array(held_out(pairs, models.WEIGHTS))).tolist()
    seen = see(pairs, held, nets).samples
    true = {i: sample(pairs.landmarks[i], face.features)[0].points for i, face in seen.items()}
    off = np.stack([np.linalg.norm(seen[i].points - true[i], axis=1) for i in seen])
    off *= 100 / np.array([[np.linalg.norm(p[36] - p[45])] for p in true.values()])
    estimator = Estimator(nets.estimator, nets.values)
    print(f"{len(held)} faces")
    head = "ICC(3,1) | MAE, 0-5 | pose | side kept |\n" + "|---" * 6 + "|"
    print(f"| exact are | off now, % | {head}")
    visible = pairs.visible[list(seen)]
    for label, (part, left, hidden) in PARTS.items():
        given, judged = {}, visible | hidden
        for (i, face), which in zip(seen.items(), judged, strict=True):
            points = [p for p in part if which[p]]
            marks = face.points.copy()
            marks[points] = true[i][points] + left * (marks[points] - true[i][points])
            given[i] = Sample(marks, face.features)
        found = said(pairs, held, given, estimator, True)
        error = f"{off[:, part][judged[:, part]].mean():.2f}" if part else ""
        print(row(label, error, scores=estimator_scores(found, pairs.values[held])))
    print(f"\n| of these | faces | {head}")
    found = said(pairs, held, seen, estimator, True)
    for kind, which in kinds(pairs, held).items():
        scores = estimator_scores(found[which], pairs.values[held][which])
        print(row(kind, int(which.sum()), scores=scores))


if __name__ == "__main__":
    main()
