"""The classes that F_seg finds, on frames of real clips: python tests/bench/mask_sheet.py OUT.png
[FOLDER]

Follows the face of every clip of the folder (or MIEN_MEDIA), aligns it on frames spread over each
clip, and lays the class of every pixel over it in the colours of core.face_classes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import alignment, models
from mien.core.face_classes import CLASSES, COLOURS
from mien.core.frames import open_footage
from mien.core.parsing import SIZE
from mien.core.tracking import Tracker
from mien.training.task import compose, zoomed

PER_CLIP, ZOOM, SHARE = 8, 0.75, 0.5
WEIGHTS = Path(os.environ.get("MIEN_WEIGHTS", models.WEIGHTS))

Pixels = NDArray[np.uint8]


def overlaid(session: Any, images: list[Pixels]) -> list[Pixels]:
    """Aligned faces (SIZE, SIZE, 3), their classes' colours over them."""
    batch = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    found = session.run(["logits"], {"image": batch})[0].argmax(1)
    return [
        np.asarray(cv2.addWeighted(image, 1 - SHARE, COLOURS[classes], SHARE, 0), np.uint8)
        for image, classes in zip(images, found, strict=True)
    ]


def legend(width: int) -> Pixels:
    """The classes' names on their colours."""
    out = np.zeros((2 * 22, width, 3), np.uint8)
    columns = (len(CLASSES) + 1) // 2
    for i, name in enumerate(CLASSES):
        x, y = i % columns * width // columns, i // columns * 22
        out[y : y + 22, x : x + 18] = COLOURS[i]
        cv2.putText(out, name, (x + 24, y + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3, 1)
    return out


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("MIEN_MEDIA", beside))
    loaded, rows = models.load("cpu", WEIGHTS), []
    for clip in sorted(p for p in folder.glob("*") if p.suffix in (".mp4", ".mov", ".webm")):
        tracker, seen = Tracker(loaded, 1), []
        for frame in open_footage(clip).frames:
            for face in tracker.update(frame.image):
                matrix = SIZE * compose(zoomed(ZOOM), alignment.aligned_matrix(face.points, 1))
                seen.append(np.asarray(alignment.warp(frame.image, matrix, SIZE), np.uint8))
        if seen:
            chosen = np.linspace(0, len(seen) - 1, PER_CLIP).astype(int)
            rows.append(np.hstack(overlaid(loaded.parser, [seen[i] for i in chosen])))
    cv2.imwrite(sys.argv[1], np.vstack([*rows, legend(rows[0].shape[1])])[..., ::-1])


if __name__ == "__main__":
    main()
