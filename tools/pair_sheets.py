"""Pictures of rendered pairs for docs/: faces at full size, a thousand thumbnails, distributions.

    python tools/pair_sheets.py faces FOLDER OUT.jpg
    python tools/pair_sheets.py thumbnails FOLDER OUT.jpg
    python tools/pair_sheets.py distribution FOLDER OUT.png

``FOLDER`` holds shards of `mien render-pairs`; in the first two, faces stand before the trainer's
backdrops and are otherwise as rendered.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from contact_sheets import grid
from numpy.typing import NDArray

from mien.blender_addon.render_shards import Pair, read_pairs
from mien.core import parameters
from mien.training.backdrop import backdrop

Array = NDArray[Any]

FACES, FACE_COLUMNS = 60, 10
THUMBNAILS, THUMBNAIL, THUMBNAIL_COLUMNS = 1000, 32, 40
QUALITY = 80
BLACK = (0, 0, 0)
PLOT = (230, 120)  # px of one histogram
INK, BAR = (60, 60, 60), (180, 120, 60)  # BGR


def tiles(pairs: Iterator[Pair], size: int | None) -> Iterator[Array]:
    """(size, size, 3) BGR pictures before backdrops; ``size`` None: as rendered."""
    for pair in pairs:
        picture = pair.picture()
        rng = np.random.default_rng(pair.about()["index"])
        behind = backdrop(rng, len(picture))[..., ::-1]
        alpha = picture[..., 3:] / 255
        tile = (picture[..., :3] * alpha + behind * (1 - alpha)).astype(np.uint8)
        if size:
            tile = cv2.resize(tile, (size, size), interpolation=cv2.INTER_AREA)
        yield tile


def distribution(pairs: Iterator[Pair]) -> Array:
    """Histograms of what varies, in a picture."""
    vectors, abouts = [], []
    for pair in pairs:
        vectors.append(pair.array("parameters"))
        abouts.append(pair.about())
    signals = parameters.signals(np.array(vectors))
    numbers = {name: signals[name] for name in ("head.yaw", "head.pitch", "gaze.yaw", "gaze.pitch")}
    numbers["head.roll"] = np.array([a["roll"] for a in abouts])
    numbers["camera, m"] = np.array([a["camera"]["position"][2] for a in abouts])
    numbers["exposure, stops"] = np.array([a["exposure"] for a in abouts])
    numbers["skin, linear red"] = np.array([a["person"]["skin"][0] for a in abouts])
    numbers["age marks"] = np.array([a["person"]["age"] for a in abouts])
    numbers |= {au: signals[au][signals[au] > 0.05] for au in (*parameters.AUS, "AD34", "AU29")}
    plots = [_bars(name, np.histogram(v, 24)[0], f"{v.min():.2g}", f"{v.max():.2g}", len(v))
             for name, v in numbers.items()]  # fmt: skip
    people = {a["identity"]: a["person"] for a in abouts}.values()
    styles = Counter(p["hair"] for p in people)
    worn = Counter({"beard": sum(p["beard"] > 0 for p in people)})
    for name in ("made_up", "glasses", "earrings", "necklace"):
        worn[name.replace("_", " ")] = sum(p[name] for p in people)
    worn += Counter(p["hat"] for p in people if p["hat"])
    held = Counter(f"held: {a['held']}" for a in abouts if a["held"])
    wide = 6 * PLOT[0]
    return np.vstack([
        grid(plots, 6, (255, 255, 255)),
        _shares(f"hair of {len(people)} people", styles, len(people), wide),
        _shares("worn", worn, len(people), wide),
        _shares(f"of {len(abouts)} pictures", held, len(abouts), wide),
    ])  # fmt: skip


def _text(image: Array, text: str, x: int, y: int, scale: float = 0.38) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)


def _bars(name: str, counts: Array, low: str, high: str, n: int) -> Array:
    """A histogram with its name, number and ends."""
    wide, high_px = PLOT
    image = np.full((high_px, wide, 3), 255, np.uint8)
    step = (wide - 20) / len(counts)
    for i, count in enumerate(counts / max(counts.max(), 1)):
        x = 10 + i * step
        cv2.rectangle(image, (int(x), int(high_px - 18 - 78 * count)),
                      (int(x + step) - 1, high_px - 18), BAR, -1)  # fmt: skip
    _text(image, f"{name}  (n {n})", 10, 14)
    _text(image, low, 10, high_px - 5, 0.33)
    _text(image, high, wide - 45, high_px - 5, 0.33)
    return image


def _shares(title: str, counts: Counter[str], n: int, wide: int) -> Array:
    """Names with the share of each as bars, in columns."""
    columns, row = 5, 17
    rows = -(-len(counts) // columns)
    image = np.full((rows * row + 30, wide, 3), 255, np.uint8)
    _text(image, title, 10, 16, 0.45)
    most = max(counts.values(), default=1)
    for k, (name, count) in enumerate(sorted(counts.items())):
        x, y = 10 + k // rows * (wide // columns), 36 + k % rows * row
        length = int(70 * count / most)
        cv2.rectangle(image, (x + 165, y - 9), (x + 165 + length, y), BAR, -1)
        _text(image, f"{name}  {count / n:.1%}", x, y)
    return image


def main() -> None:
    """The command."""
    what, folder, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    pairs = read_pairs(folder)
    if what == "faces":
        image = grid(list(islice(tiles(pairs, None), FACES)), FACE_COLUMNS, BLACK)
    elif what == "thumbnails":
        image = grid(list(islice(tiles(pairs, THUMBNAIL), THUMBNAILS)), THUMBNAIL_COLUMNS, BLACK)
    else:
        image = distribution(pairs)
    cv2.imwrite(out, image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
