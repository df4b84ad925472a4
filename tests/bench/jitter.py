"""How still the landmarks are where a face is: python tests/bench/jitter.py [FOLDER]

Over every stretch that ``events.toml`` of the folder (or MIEN_MEDIA) calls neutral: the standard
deviation of the landmarks, averaged over the 68, in % of the eye corners' distance; then the same
less what all 68 move together, which is the head and not the network.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import numpy as np

from mien.core import models
from mien.core.frames import open_footage
from mien.core.tracking import Tracker


def main() -> None:
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MIEN_MEDIA", beside))
    loaded = models.load("cpu")
    for name, clip in tomllib.loads((folder / "events.toml").read_text("utf-8")).items():
        if not clip.get("neutral"):
            continue
        tracker, points = Tracker(loaded, 1), []
        for frame in open_footage(next(folder.glob(f"{name}.*"))).frames:
            faces = tracker.update(frame.image)
            points.append(faces[0].points if faces else np.full((68, 2), np.nan))
        track = np.array(points)
        corners = np.nanmean(np.linalg.norm(track[:, 36] - track[:, 45], axis=-1))
        for first, last in clip["neutral"]:
            still = track[first : last + 1] - track[first : last + 1].mean(0)
            alone = still - still.mean(1, keepdims=True)
            raw, own = (100 * np.sqrt((d**2).sum(-1).mean()) / corners for d in (still, alone))
            print(f"{name} {first}-{last}: {raw:.2f} %, without the head's own {own:.2f} %")


if __name__ == "__main__":
    main()
