"""How fast a face is followed: python tests/bench/following.py CLIP [WIDTH HEIGHT]

Frames a second of decoding, following, and refined landmarks, beside each other as in capture
(which looks at the mirror image as well, for the sake of the action units), over the whole clip,
the first search for the face included; then of decoding alone, and the same work one after the
other.  WIDTH and HEIGHT scale every frame, inside the time that is taken.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import models
from mien.core.ahead import ahead
from mien.core.frames import open_footage
from mien.core.tracking import Face, Tracker

Image = NDArray[Any]


def images(clip: Path, size: tuple[int, int] | None) -> Iterator[Image]:
    for frame in open_footage(clip).frames:
        yield np.asarray(cv2.resize(frame.image, size)) if size else frame.image


def beside(tracker: Tracker, clip: Path, size: tuple[int, int] | None) -> Iterator[list[Face]]:
    followed = ((image, tracker.follow(image)) for image in images(clip, size))
    for image, faces in ahead(followed):
        yield tracker.refine(image, faces)


def main() -> None:
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    clip = Path(sys.argv[1])
    size = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) == 4 else None
    loaded = models.load("cpu")
    for label, run in (
        ("beside each other", lambda: beside(Tracker(loaded, 1), clip, size)),
        ("decoding alone", lambda: images(clip, size)),
        ("one after the other", lambda: map(Tracker(loaded, 1).update, images(clip, size))),
    ):
        start = time.perf_counter()
        frames = sum(1 for _ in run())
        spent = time.perf_counter() - start
        print(f"{label:20} {frames / spent:6.1f} frames a second, {1000 * spent / frames:5.1f} ms")


if __name__ == "__main__":
    main()
