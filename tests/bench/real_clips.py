"""How well capture reads real clips: python tests/bench/real_clips.py [FOLDER]

The folder (or MIEN_MEDIA) holds clips and events.toml, which says in which frames an action unit
is plainly there (on) and plainly absent (off).  Prints, per clip, the share of frames with a face
and the speed with its split, and per mark the means over on and off frames and the area under the
ROC curve.  Frames without a face do not count towards a mark.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.capture import Progress, capture
from mien.core.take import Take

TARGETS = ("AU12", "AU25", "AU26", "AU43")  # must reach AREA in TARGET_CLIPS
TARGET_CLIPS = ("smile", "grin_greenscreen", "expressions")
AREA = 0.85


def frames(take: Take, spans: list[list[int]]) -> NDArray[np.bool_]:
    """(N,) True for the frames in [first, last] spans."""
    inside = np.zeros(len(take), bool)
    for first, last in spans:
        inside |= (take.frames >= first) & (take.frames <= last)
    return inside


def roc_area(on: NDArray[np.float64], off: NDArray[np.float64]) -> float:
    """Chance that a frame of ``on`` lies above one of ``off``, ties counting half."""
    difference = on[:, None] - off[None]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def face_line(take: Take, marks: dict[str, list[list[int]]]) -> str:
    parts = [f"face in {take.success.mean():.1%} of {len(take)} frames"]
    for key, spans in marks.items():
        parts.append(f"{take.success[frames(take, spans)].mean():.1%} of the '{key}' ones")
    return ", ".join(parts)


def report(clip: Path, marks: dict[str, dict[str, list[list[int]]]]) -> tuple[int, int]:
    """Print one clip; (targets met, targets)."""
    told: list[Progress] = []
    (take,) = capture(clip, progress=told.append)
    print(f"{clip.name}: {face_line(take, marks.get('face', {}))}")
    last = told[-1]
    split = ", ".join(
        f"{name} {1000 * s / max(last.done, 1):.1f}" for name, s in last.seconds.items()
    )
    print(f"  {last.fps:.1f} fps on {last.provider}; ms per frame: {split}")
    met = targets = 0
    for name, mark in marks.items():
        if name not in take.signals:
            continue
        on, off = (
            take.signals[name][frames(take, mark[key]) & take.success] for key in ("on", "off")
        )
        if not (len(on) and len(off)):
            print(f"  {name}: no face in the marked frames")
            area, above = 0.0, False
        else:
            area, above = roc_area(on, off), bool(on.mean() > off.mean())
        is_target = name in TARGETS and clip.stem in TARGET_CLIPS
        good = area >= AREA and above
        verdict = ("  ok" if good else "  MISSED") if is_target else ""
        if len(on) and len(off):
            print(f"  {name}: ROC {area:.3f}, on {on.mean():.3f}, off {off.mean():.3f}{verdict}")
        targets += is_target
        met += is_target and good
    return met, targets


def main() -> int:
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MIEN_MEDIA", beside))
    if not (folder / "events.toml").exists():
        print(f"Skipped: no events.toml in {folder}; name the folder of the clips.")
        return 0
    events = tomllib.loads((folder / "events.toml").read_text("utf-8"))
    met = targets = 0
    for name, marks in events.items():
        for clip in sorted(folder.glob(f"{name}.*")):
            good, all_ = report(clip, {k: v for k, v in marks.items() if isinstance(v, dict)})
            met, targets = met + good, targets + all_
    print(f"{met} of {targets} targets met.")
    return 0 if met == targets else 1


if __name__ == "__main__":
    sys.exit(main())
