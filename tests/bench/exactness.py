"""What exact landmarks would give: python tests/bench/exactness.py PAIRS...

Of held-out people, as `mien evaluate pairs` sees them: how far landmarks are off by the part of the
face, and how well the estimator that ships reads action units where those of a part, of the face
and of the one at rest, are the true ones, features as they are.  What gains most is worth a
better look.  Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from mien.core import models
from mien.core.estimator import Estimator, Sample, sample
from mien.training.data import load_pairs
from mien.training.evaluate import held_out, said, see
from mien.training.metrics import estimator_scores

PARTS: Final = {
    "none": range(0), "jaw": range(17), "brows": range(17, 27), "nose": range(27, 36),
    "eyes": range(36, 48), "lips": range(48, 68), "all": range(68),
}  # fmt: skip


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
    print("| exact are | off now, % | ICC(3,1) | MAE, 0-5 | pose | side kept |")
    print("|---" * 6 + "|")
    for part, points in PARTS.items():
        given = {}
        for i, face in seen.items():
            marks = face.points.copy()
            marks[points] = true[i][points]
            given[i] = Sample(marks, face.features)
        scores = estimator_scores(said(pairs, held, given, estimator, True), pairs.values[held])
        icc, mae, pose, side = list(scores.values())[:4]
        error = f"{off[:, points].mean():.2f}" if points else ""
        print(f"| {part} | {error} | {icc:.3f} | {mae:.3f} | {pose:.2f} | {side:.3f} |")


if __name__ == "__main__":
    main()
