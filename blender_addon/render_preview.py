# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of rendered pairs, their landmarks, face boxes and masks drawn on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.alignment import face_box
from mien.core.errors import UserError
from mien.core.face_classes import CLASSES, COLOURS
from mien.core.files import written_whole

from .render_shards import Pair, read_pairs

Array = NDArray[Any]

PAIRS: Final = 24
COLUMNS: Final = 4
TILE: Final = 240  # px
_BEHIND: Final = 128
_COLOURS: Final = COLOURS[:, ::-1]  # BGR
_GREEN, _RED, _BLUE, _WHITE = (90, 220, 60), (60, 60, 255), (230, 160, 40), (255, 255, 255)


def write_preview(folder: Path, path: Path) -> None:
    """Draws the first pairs of a folder into a PNG; UserError where there are none."""
    if path.suffix.lower() != ".png":
        raise UserError(f"--preview writes a PNG: give it a name that ends in .png, not {path}")
    tiles = [_tile(pair) for pair in islice(read_pairs(folder), PAIRS)]
    if not tiles:
        raise UserError(f"{folder} holds no pairs-*.tar: render some with --count first")
    tiles += [np.full_like(tiles[0], _BEHIND)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    with written_whole(path) as draft:
        done, data = cv2.imencode(".png", np.vstack([*rows, _legend(rows[0].shape[1])]))
        assert done, "OpenCV cannot write PNGs"
        draft.write_bytes(data.tobytes())


def _tile(pair: Pair) -> Array:
    """(TILE, 2 TILE, 3): the picture with its points, the picture under its mask."""
    image, mask = pair.picture(), pair.mask()
    scale = TILE / len(image)
    alpha = image[..., 3:] / 255
    plain = (image[..., :3] * alpha + _BEHIND * (1 - alpha)).astype(np.uint8)
    plain = cv2.resize(plain, (TILE, TILE), interpolation=cv2.INTER_AREA)
    drawn, covered = plain.copy(), plain
    if mask is not None:
        colours = cv2.resize(_COLOURS[mask], (TILE, TILE), interpolation=cv2.INTER_NEAREST)
        covered = cv2.addWeighted(plain, 0.4, colours, 0.6, 0)
    points = pair.array("landmarks")
    for x, y, visible in points:
        at = (round(x * scale * 16), round(y * scale * 16))  # in sixteenths of a pixel
        cv2.circle(drawn, at, 24, _GREEN if visible else _RED, -1, cv2.LINE_AA, 4)
    x, y, side = face_box(points[:, :2]) * scale
    corners = np.array([[x - side / 2, y - side / 2], [x + side / 2, y + side / 2]])
    first, last = np.rint(corners).astype(int).tolist()
    cv2.rectangle(drawn, first, last, _BLUE, 1)
    about = pair.about()
    label = f"{about['index']} person {about['identity']} {about['kind']}"
    cv2.putText(drawn, label, (5, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _WHITE, 1, cv2.LINE_AA)
    return np.hstack([drawn, covered])


def _legend(width: int) -> Array:
    """(24, width, 3) the classes' names in their colours."""
    strip = np.zeros((24, width, 3), np.uint8)
    for i, name in enumerate(CLASSES[1:]):
        at = (5 + i * width // (len(CLASSES) - 1), 16)
        colour = _COLOURS[i + 1].tolist()
        cv2.putText(strip, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return strip
