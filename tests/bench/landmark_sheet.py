"""Landmarks drawn on frames of real clips: python tests/bench/landmark_sheet.py OUT.png [FOLDER]

Follows the faces of every clip of the folder (or MIEN_MEDIA), and draws what it follows on frames
spread over each clip, cropped around the face.  Prints how much the landmarks of neighbouring
frames differ, in % of the eye corners' distance: jitter and movement together.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import alignment, models
from mien.core.frames import open_footage
from mien.core.tracking import Face, Tracker

TILE, PER_CLIP = 240, 8
WEIGHTS = Path(os.environ.get("MIEN_WEIGHTS", models.WEIGHTS))


def tile(image: NDArray[Any], face: Face | None) -> NDArray[np.uint8]:
    """(TILE, TILE, 3) RGB around the face, or the whole frame where none is seen."""
    height, width = image.shape[:2]
    box = alignment.face_box(face.points) if face else (width / 2, height / 2, min(height, width))
    matrix = alignment.box_matrix(box, TILE)
    out = np.ascontiguousarray(alignment.warp(image, matrix, TILE))
    if face is None:
        return np.asarray(out // 2, np.uint8)
    for x, y in alignment.transform(matrix, face.points):
        cv2.circle(out, (round(x), round(y)), 2, (0, 255, 0), -1, cv2.LINE_AA)
    text = f"{face.confidence:.2f}"
    cv2.putText(out, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0), 1)
    return np.asarray(out, np.uint8)


def main() -> None:
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("MIEN_MEDIA", beside))
    loaded, rows = models.load("cpu", WEIGHTS), []
    for clip in sorted(p for p in folder.glob("*") if p.suffix in (".mp4", ".mov", ".webm")):
        tracker, seen = Tracker(loaded, 1), []
        for frame in open_footage(clip).frames:
            faces = tracker.update(frame.image)
            seen.append((frame.image, faces[0] if faces else None))
        points = [face.points for _, face in seen if face]
        steps = [
            100 * np.linalg.norm(b - a, axis=1).mean() / np.linalg.norm(b[36] - b[45])
            for a, b in itertools.pairwise(points)
        ]
        share = np.mean([face is not None for _, face in seen])
        print(f"{clip.name}: face in {share:.1%}, median step {np.median(steps or [0]):.2f} %")
        chosen = np.linspace(0, len(seen) - 1, PER_CLIP).astype(int)
        rows.append(np.hstack([tile(*seen[i]) for i in chosen]))
    cv2.imwrite(sys.argv[1], np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
