"""How surely faces are told to be one person's: python tests/bench/recognition.py PAIRS [PAIRS ...]

Every two pictures of rendered people held out of training, whatever their pose, light and
expression, embedded where capture finds their landmarks; as they were rendered, and as cameras
would show them.  Prints the equal error rate, and how often one person's stay below the cosine at
which a tracker takes them for one, and two people's reach it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mien.core import models
from mien.core.people import SIMILAR
from mien.core.recognition import embedding
from mien.training import augment
from mien.training.data import load_pairs
from mien.training.evaluate import find, held_out, scene
from mien.training.task_recognizer import equal_error_rate


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pairs, nets = load_pairs(*map(Path, sys.argv[1:])), models.load("cpu")
    held = np.array(held_out(pairs))
    person = pairs.person[held]
    pair = np.triu_indices(len(held), 1)
    same = (person[:, None] == person)[pair]
    for label, disturbed in (("as rendered", False), ("disturbed", True)):
        seen = []
        for i in held.tolist():
            rng, image = np.random.default_rng([5, i]), scene(pairs, i, 11)
            image = augment.disturb(rng, image) if disturbed else image
            face = find(nets, image, pairs.landmarks[i], rng)
            seen.append(embedding(nets.recognizer, image, face.points))
        alike = (np.array(seen) @ np.array(seen).T)[pair]
        print(
            f"{label}: equal error rate {100 * equal_error_rate(alike[same], alike[~same]):.2f} % "
            f"of {len(np.unique(person))} people; at a cosine of {SIMILAR} one person's are "
            f"strangers in {100 * (alike[same] < SIMILAR).mean():.1f} %, strangers one person in "
            f"{100 * (alike[~same] >= SIMILAR).mean():.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
