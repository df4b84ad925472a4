"""What is said of faces at rest: python tests/bench/resting.py PAIRS [PAIRS ...]

Of rendered people whom no network was taught, at rest, as cameras show them, without a neutral:
the root mean square of each AU, and how far they are from none in these (``REST`` and ``UNLIKE`` of
core/capture.py), after what capture has now.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from mien.core import models, parameters
from mien.core.capture import unlike_rest
from mien.core.estimator import Estimator, sample
from mien.training import augment
from mien.training.data import load_pairs
from mien.training.evaluate import find, held_out, scene


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cv2.setNumThreads(1)
    pairs, loaded = load_pairs(*map(Path, sys.argv[1:])), models.load("cpu")
    estimator = Estimator(loaded.estimator, loaded.values)
    resting = [i for i in held_out(pairs, models.WEIGHTS) if pairs.neutral[i] == i]
    vectors = []
    for i in resting:
        rng = np.random.default_rng(i)
        image = augment.disturb(rng, scene(pairs, i, 11), cover=0)
        face = find(loaded, image, pairs.landmarks[i], rng)
        vectors.append(estimator([sample(face.points, face.features)[0]])[0])
    aus = np.array(vectors)[:, parameters.group("au")]
    for name, spread in zip(parameters.AUS, np.sqrt(np.square(aus).mean(0)), strict=True):
        print(f"{name:7s} {spread:.3f}")
    middle, rare, most = np.percentile(unlike_rest(aus), [50, 99, 100])
    print(f"{len(aus)} faces; from none: median {middle:.1f}, 99 % {rare:.1f}, most {most:.1f}")


if __name__ == "__main__":
    main()
