# SPDX-License-Identifier: GPL-3.0-or-later
"""CARD.md beside the shards: how many pairs, of whom, and how everything is spread."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from mien.core import parameters
from mien.core.alignment import face_box
from mien.core.files import written_whole

from .render_picture import SAMPLES
from .render_shards import read_pairs

Array = NDArray[Any]

NAME: Final = "CARD.md"
ON: Final = 0.05  # an AU above this is on
_BARS: Final = "▁▂▃▄▅▆▇█"
_LUMINANCE: Final = (0.2126, 0.7152, 0.0722)  # of linear sRGB


def write_card(folder: Path) -> None:
    """Counts all pairs of a folder and writes the card."""
    vectors, abouts, boxes, visible, size = [], [], [], [], 0
    for pair in read_pairs(folder):
        if not size:
            size = len(pair.picture())
        points = pair.array("landmarks")
        vectors.append(pair.array("parameters"))
        abouts.append(pair.about())
        boxes.append(face_box(points[:, :2])[2] / size)
        visible.append(points[:, 2].mean())
    lines = _head(abouts, size)
    lines += _tables(np.array(vectors), abouts, np.array(boxes), np.array(visible))
    with written_whole(folder / NAME) as draft:
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _head(abouts: list[dict[str, Any]], size: int) -> list[str]:
    seed, flavour = abouts[0]["seed"], abouts[0]["flavour"]
    samples = abouts[0]["samples"]
    rays = f" --samples {samples}" if samples != SAMPLES else ""
    indices = [about["index"] for about in abouts]
    people = len({about["identity"] for about in abouts})
    kinds = Counter(about["kind"] for about in abouts)
    return [
        f"# Rendered pairs: {flavour}, seed {seed}", "",
        f"- {len(abouts)} pairs of {people} people, {size} x {size} px: "
        + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())),
        f"- indices {min(indices)} to {max(indices)}; the same pictures come anywhere from"
        f" `mien render-pairs --flavour {flavour} --seed {seed} --size {size}{rays}"
        f" --count {max(indices) + 1} --out DIR`",
        f"- made from CC0 head data with Blender {bpy.app.version_string}; nobody in them exists",
        "", "Histograms run from the lowest to the highest value in ten steps.", "",
    ]  # fmt: skip


def _tables(
    vectors: Array, abouts: list[dict[str, Any]], boxes: Array, visible: Array
) -> list[str]:
    signals = parameters.signals(vectors)
    rows = {f"{name}, degrees": signals[name] for name in signals if name.split(".")[0] in
            ("head", "gaze")}  # fmt: skip
    rows["head.roll, degrees"] = _column(abouts, "roll")
    rows["focal length, picture widths"] = np.array([about["camera"]["focal"] for about in abouts])
    rows["exposure, stops"] = _column(abouts, "exposure")
    rows["lamps"] = np.array([len(about["lights"]) for about in abouts if "lights" in about])
    rows["face box, of the picture"] = boxes
    rows["landmarks seen, of 1"] = visible
    someone = [about["person"] for about in abouts if "person" in about]
    if someone:
        skin = np.array([person["skin"] for person in someone]) @ _LUMINANCE
        rows["skin, linear luminance"] = skin
        rows["age marks, 0 to 1"] = _column(someone, "age")
    out = ["| | lowest | mean | highest | histogram |", "|---|---|---|---|---|"]
    for name, v in rows.items():
        if len(v):  # what older pairs do not tell stays out
            out.append(
                f"| {name} | {v.min():.3g} | {v.mean():.3g} | {v.max():.3g} | {histogram(v)} |"
            )
    out += ["", f"Action units, on above {ON:g}; the histogram is of those, from 0 to 1.", ""]
    out += ["| | meaning | on | mean | one-sided | histogram |", "|---|---|---|---|---|---|"]
    for au in (*parameters.AUS, "AD34", "AU29"):
        values = signals[au]
        on = values > ON
        mean = f"{values[on].mean():.2f}" if on.any() else ""
        sided = ""
        if au in parameters.SIDED_AUS and on.any():
            gap = np.abs(signals[f"{au}.L"] - signals[f"{au}.R"])[on] / values[on]
            sided = f"{(gap > 0.5).mean():.0%}"
        meaning = parameters.PARAMETERS[parameters.INDEX[au]].meaning.split(";")[0]
        bars = histogram(values[on], (0, 1))
        out.append(f"| {au} | {meaning} | {on.mean():.0%} | {mean} | {sided} | {bars} |")
    if someone:
        out += ["", "| | share of pairs |", "|---|---|"]
        for style, n in sorted(Counter(person["hair"] for person in someone).items()):
            out.append(f"| hair: {style} | {n / len(someone):.0%} |")
        for key in ("beard", "made_up", "glasses", "earrings", "necklace"):
            name = key.replace("_", " ")
            out.append(f"| {name} | {np.mean([bool(p.get(key)) for p in someone]):.0%} |")
        worn = Counter(p["hat"] for p in someone if p.get("hat"))
        held = Counter(about["held"] for about in abouts if about.get("held"))
        for name, n in (*sorted(worn.items()), *((f"before the face: {h}", k) for h, k in
                        sorted(held.items()))):  # fmt: skip
            out.append(f"| {name} | {n / len(someone):.0%} |")
    return out


def _column(records: list[dict[str, Any]], key: str) -> Array:
    return np.array([record[key] for record in records if key in record], float)


def histogram(values: Array, bounds: tuple[float, float] | None = None) -> str:
    """Ten bars, the highest as high as a letter."""
    counts, _ = np.histogram(values, 10, bounds)
    heights = np.ceil(counts / max(counts.max(), 1) * (len(_BARS) - 1)).astype(int)
    return "".join(_BARS[h] for h in heights)
