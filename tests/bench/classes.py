"""How well F_seg parses faces: python tests/bench/classes.py PAIRS [PAIRS ...]

Of 200 pictures of rendered people by whom it was neither taught nor calibrated, as they were
rendered and as cameras would show them: the intersection over union of each class, and the mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mien.core import models
from mien.core.face_classes import CLASSES
from mien.training.calibrate_parser import spread
from mien.training.data import load_pairs
from mien.training.evaluate import held_out
from mien.training.shipped import parser_of
from mien.training.task_parser import ParserTask


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pairs = load_pairs(*map(Path, sys.argv[1:]), masks=True)
    some = spread(held_out(pairs, models.WEIGHTS, judged=("parser",)))
    scores = ParserTask(pairs).score(parser_of(None), some)
    print(f"{len(some)} pictures of {len(np.unique(pairs.person[some]))} people")
    for label in ("clean", "disturbed"):
        each = scores[f"{label}: IoU"]
        row = ", ".join(f"{name} {each[name]:.2f}" for name in CLASSES if name in each)
        print(f"{label}: mean {scores[f'{label}: mean IoU']:.3f}; {row}")


if __name__ == "__main__":
    main()
