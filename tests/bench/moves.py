"""How far faces move in real clips, and in the face model: python tests/bench/moves.py [FOLDER]

For every mark of ``events.toml`` in the folder (or MIEN_MEDIA), how far points are in the frames
where the unit is on from where they are at rest, out and up in mm, if eyes are as far apart as the
face model's; under them the face model's, of units and of smiles.  What the clips do and the face
model cannot is read as other units.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import alignment, models, parameters
from mien.core.face_model import FaceModel
from mien.core.frames import open_footage
from mien.core.tracking import Tracker

Array = NDArray[Any]
STILL = [36, 39, 42, 45, 27, 28, 29, 30]  # corners of the eyes and the ridge of the nose
# On the left, right in the picture, and on the other side.
POINTS = (
    ("brow's head", 22, 21), ("brow's tail", 26, 17), ("upper lid", 43, 38),
    ("lower lid", 47, 40), ("nostril", 35, 31), ("corner", 54, 48), ("upper lip", 53, 49),
    ("its middle", 51, 51), ("lower lip", 55, 59), ("its middle", 57, 57),
    ("inside, above", 63, 61), ("its middle", 62, 62), ("inside, below", 65, 67),
    ("its middle", 66, 66), ("chin", 8, 8),
)  # fmt: skip
SHOWN = (
    *({au: 1.0} for au in ("AU06", "AU12", "AU15", "AU17", "AU25", "AU26", "AU43")),
    {"AU12": 0.8, "AU25": 0.8}, {"AU06": 0.5, "AU12": 0.8, "AU25": 0.8},
)  # fmt: skip


def laid_upon(points: Array, others: Array) -> Array:
    """Points (68, 2) turned, shifted and resized so that what keeps still lies as the others'."""
    return alignment.transform(alignment.similarity(points[STILL], others[STILL]), points)


def line(moves: Array) -> str:
    """Of moves (68, 2) mm, y up, the mean of both sides."""
    parts = []
    for name, left, right in POINTS:
        out, up = (moves[left] + moves[right] * (-1, 1)) / 2
        parts.append(f"{name} {out:+.1f} {up:+.1f}")
    return ", ".join(parts)


def main() -> None:
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MIEN_MEDIA", beside))
    model, loaded = FaceModel(), models.load("cpu")
    person = model.person(parameters.neutral()[parameters.IDENTITY])

    def shape(values: dict[str, float]) -> Array:
        vector = parameters.from_values(values)
        return 1000 * model.landmarks(model.pose(person, model.slider_values(vector)), person)

    rest = shape({})[:, :2]
    apart = np.linalg.norm(rest[36] - rest[45])
    for name, marks in tomllib.loads((folder / "events.toml").read_text("utf-8")).items():
        if not marks.get("neutral"):
            continue
        tracker, seen = Tracker(loaded, 1), {}
        for frame in open_footage(next(folder.glob(f"{name}.*"))).frames:
            if faces := tracker.update(frame.image):
                seen[frame.index] = faces[0].points
        still = [i for a, b in marks.pop("neutral") for i in range(a, b + 1) if i in seen]
        track = {i: laid_upon(points, seen[still[0]]) for i, points in seen.items()}
        calm = np.median([track[i] for i in still], 0)
        unit = apart / np.linalg.norm(calm[36] - calm[45]) * np.array([1, -1])
        print(name)
        for au, mark in marks.items():
            on = [track[i] for a, b in mark["on"] for i in range(a, b + 1) if i in track]
            print(f"  {au}: {line((np.mean(on, 0) - calm) * unit)}")
    print("the face model")
    for values in SHOWN:
        told = ", ".join(f"{au} {strength:g}" for au, strength in values.items())
        print(f"  {told}: {line(shape(values)[:, :2] - rest)}")


if __name__ == "__main__":
    main()
