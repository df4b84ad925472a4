"""How surely capture finds faces in a frame: python tests/bench/finding.py PAIRS [PAIRS ...]

Frames of 1280x720 and 720x1280 with nobody to three people held out, from 40 px a box, drawn over
backgrounds, in any light, with a sensor's noise and JPEG.  A new tracker looks at each once, as at
the first frame of a clip.  Prints recall by size of the box, of faces of which a third or more is
behind a hand or a hat, and of the others, false faces in 100 frames, and the milliseconds of
a look.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.core import alignment, finder, models, parsing
from mien.core.tracking import Tracker
from mien.training import augment
from mien.training.data import Pixels, load_pairs
from mien.training.task import Task

FRAMES, MOST, SAME = 300, 3, 0.4
WIDE, HIGH = 1280, 720
HIDDEN: Final = 1 / 3  # of a face, of which little is left to be seen
SIDES: Final = (40, 60, 90, 150, 300, 640)  # px of a box

Array = NDArray[np.float64]


def frame(
    task: Task, rng: Generator, indices: NDArray[np.int64]
) -> tuple[Pixels, list[Array], list[int]]:
    """(frame RGB, the boxes (3,) of the people in it, and which samples they are)."""
    wide, high = (WIDE, HIGH) if rng.random() < 0.7 else (HIGH, WIDE)
    image = augment.background(rng, WIDE)[:high, :wide]
    boxes: list[Array] = []
    who: list[int] = []
    for i in indices[: rng.choice(MOST + 1, p=[0.25, 0.45, 0.2, 0.1])]:
        face, points = task.face(rng, int(i), rng.random() < 0.5, 10)
        box = alignment.face_box(points)
        side = np.exp(rng.uniform(np.log(SIDES[0]), np.log(SIDES[-1])))
        at = rng.uniform(side / 2, np.array([wide, high]) - side / 2)
        if any(np.hypot(*(at - b[:2])) < 0.75 * (side + b[2]) for b in boxes):
            continue
        scale = side / box[2]
        matrix = np.column_stack([np.eye(2) * scale, at - scale * box[:2]])
        image = augment.paste(face, matrix, np.ascontiguousarray(image))
        boxes.append(np.array([*at, side]))
        who.append(int(i))
    return augment.sensor(rng, augment.light(rng, image)), boxes, who


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cv2.setNumThreads(2)
    pairs, loaded = load_pairs(*map(Path, sys.argv[1:]), masks=True), models.load("cpu")
    assert pairs.masks is not None
    task, rng = Task(pairs), np.random.default_rng(12)
    held = rng.permutation(pairs.split()[1])
    seen: list[tuple[float, bool, float]] = []
    wrong, spent = 0, 0.0
    for k in range(FRAMES):
        image, boxes, who = frame(task, rng, np.roll(held, -MOST * k)[:MOST])
        start = time.perf_counter()
        faces = Tracker(loaded, MOST + 1).update(image)
        spent += time.perf_counter() - start
        found = np.array([alignment.face_box(f.points) for f in faces]).reshape(-1, 3)
        hits = [finder.overlap(box, found) >= SAME for box in boxes]
        seen += [
            (
                float(b[2]),
                bool(hit.any()),
                parsing.Parsed(pairs.masks[i], pairs.landmarks[i]).hidden(),
            )
            for b, hit, i in zip(boxes, hits, who, strict=True)
        ]
        wrong += len(found) - int(np.any(hits, axis=0).sum()) if boxes else len(found)
    side, hit, hidden = np.array(seen).T
    for low, high in pairwise(SIDES):
        here = (side >= low) & (side < high)
        print(f"{low:4}-{high:3} px: recall {hit[here].mean():.3f} of {here.sum()}")
    for label, some in (("hidden", hidden >= HIDDEN), ("others", hidden < HIDDEN)):
        print(f"{label}: recall {hit[some].mean():.3f} of {some.sum()}")
    print(f"all: recall {hit.mean():.3f} of {len(hit)}; {100 * wrong / FRAMES:.2f} false in 100 "
          f"frames; {1000 * spent / FRAMES:.0f} ms a look")  # fmt: skip


if __name__ == "__main__":
    main()
