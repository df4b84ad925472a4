"""AU curves under film strips of real clips: python tests/bench/film_strips.py OUT_DIR [FOLDER]

The folder (or MIEN_MEDIA) holds clips and events.toml (see real_clips.py).  Writes one picture a
clip: twelve frames, and below them, in the same time, the curve of every AU that is marked, green
where a person sees it on, red where off, with the area under the ROC curve.  The curve is broken
where capture sees no face.  The curves of all clips, without their frames, go into curves.png.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from real_clips import frames, roc_area

from mien.core.capture import capture
from mien.core.frames import open_footage
from mien.core.take import Take
from mien.training.checkpoint import write_picture

SHOWN, TILE = 12, 150  # frames, and px of one
BAND, LABEL, GAP = 84, 160, 6  # px of a curve's height, of its name, below it
LINE = 40  # px of a clip's name
GREEN, RED, INK = (205, 236, 205), (246, 214, 210), (30, 70, 150)
Pixels = NDArray[np.uint8]


def strip(clip: Path, count: int) -> Pixels:
    """(h, SHOWN * TILE, 3) RGB: the frames in the middles of twelve equal parts of the clip."""
    wanted = set(((np.arange(SHOWN) + 0.5) / SHOWN * count).astype(int).tolist())
    tiles: list[Any] = []
    for i, frame in enumerate(open_footage(clip).frames):
        if i in wanted:
            height, width = frame.image.shape[:2]
            size = TILE - 2, round((TILE - 2) * height / width)
            small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
            tiles.append(cv2.copyMakeBorder(small, 2, 2, 1, 1, cv2.BORDER_CONSTANT))
    return np.hstack(tiles)


def curve(values: NDArray[np.float64], seen: NDArray[np.bool_], marked: dict[str, Any]) -> Pixels:
    """(BAND, SHOWN * TILE, 3) RGB of a signal (N,) in 0..1 over the frames marked on and off."""
    width, count = SHOWN * TILE, len(values)
    out = np.full((BAND, width, 3), 255, np.uint8)
    of = (np.arange(width) * count // width).clip(max=count - 1)
    for key, colour in (("on", GREEN), ("off", RED)):
        out[:, marked[key][of]] = colour
    for share in (0, 0.5, 1):
        y = round(4 + (BAND - 9) * (1 - share))
        cv2.line(out, (0, y), (width, y), (190,) * 3)
    x = (np.arange(count) + 0.5) / count * width
    points = np.stack([x, 4 + (BAND - 9) * (1 - values.clip(0, 1))], 1)
    for run in np.split(np.arange(count), np.flatnonzero(np.diff(seen)) + 1):
        if seen[run[0]]:
            line = np.round(points[run] * 16).astype(np.int32)
            cv2.polylines(out, [line], False, INK, 2, cv2.LINE_AA, 4)
    return out


def label(name: str, note: str, height: int) -> Pixels:
    out = np.full((height, LABEL, 3), 255, np.uint8)
    for text, y, size in ((name, height // 2 - 4, 0.55), (note, height // 2 + 16, 0.4)):
        cv2.putText(out, text, (8, y), cv2.FONT_HERSHEY_SIMPLEX, size, (40,) * 3, 1, cv2.LINE_AA)
    return out


def curves(take: Take, marks: dict[str, Any]) -> list[Pixels]:
    """A row of each marked AU."""
    rows = []
    for name, mark in marks.items():
        if name not in take.signals:
            continue
        values = take.signals[name]
        marked = {key: frames(take, mark[key]) for key in ("on", "off")}
        on, off = (values[where & take.success] for where in marked.values())
        note = f"ROC {roc_area(on, off):.3f}" if len(on) and len(off) else "no face"
        rows.append(np.hstack([label(name, note, BAND), curve(values, take.success, marked)]))
    return rows


def stacked(rows: list[Pixels]) -> Pixels:
    return np.vstack([cv2.copyMakeBorder(r, 0, GAP, 0, 0, 0, value=(255,) * 3) for r in rows])


def main() -> None:
    beside = Path(__file__).parents[2] / "../shared/media"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("MIEN_MEDIA", beside))
    out = Path(sys.argv[1])
    everything: list[Pixels] = []
    for name, marks in tomllib.loads((folder / "events.toml").read_text("utf-8")).items():
        marks = {key: mark for key, mark in marks.items() if isinstance(mark, dict)}
        for clip in sorted(folder.glob(f"{name}.*")) if any(k != "face" for k in marks) else []:
            take = capture(clip)[0]
            film, rows = strip(clip, len(take)), curves(take, marks)
            title = label(name, f"{len(take)} frames", len(film))
            write_picture(out / f"{name}.png", stacked([np.hstack([title, film]), *rows]))
            empty = np.full((LINE, SHOWN * TILE, 3), 255, np.uint8)
            everything += [np.hstack([label(name, "", LINE), empty]), *rows]
            print(out / f"{name}.png")
    write_picture(out / "curves.png", stacked(everything)[::2, ::2])


if __name__ == "__main__":
    main()
