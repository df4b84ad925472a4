"""Said against true: `mien evaluate pairs DIR --plots FOLDER`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.parameters import AUS, FACS_SCALE
from mien.training.data import Pixels
from mien.training.metrics import icc31
from mien.training.tables import figure
from mien.training.task import sheet

Array = NDArray[np.float64]

COLUMNS: Final = 6
PANEL: Final = 240  # px
_PLOT: Final = 192  # px of a panel that are plotted in
_LEFT: Final = 34
_TOP: Final = 28
_DOT: Final = np.array([20, 70, 160])
_RADIUS: Final = 2
_OPACITY: Final = 0.45  # of one dot


def scatters(said: Array, true: Array) -> Pixels:
    """RGB of intensities (N, 23) in 0..1, a panel for each AU on the scale of 0-5: true to the
    right, said upwards, and where the two are equal a line."""
    panels = [panel(au, said[:, i], true[:, i]) for i, au in enumerate(AUS)]
    panels.append(_legend())
    return sheet(panels, COLUMNS)


def panel(name: str, said: Array, true: Array) -> Pixels:
    """(PANEL, PANEL, 3) of the intensities (N,) of one AU."""
    out = np.full((PANEL, PANEL, 3), 255, np.uint8)
    left, right, top, bottom = _LEFT, _LEFT + _PLOT, _TOP, _TOP + _PLOT
    for degree in range(6):
        step = round(degree * _PLOT / FACS_SCALE)
        cv2.line(out, (left + step, top), (left + step, bottom), (226,) * 3)
        cv2.line(out, (left, top + step), (right, top + step), (226,) * 3)
        _write(out, str(degree), (left + step - 3, bottom + 13), 0.32, 120)
        _write(out, str(degree), (left - 12, bottom - step + 4), 0.32, 120)
    cv2.line(out, (left, bottom), (right, top), (150,) * 3, 1, cv2.LINE_AA)
    plot = out[top - _RADIUS : bottom + _RADIUS + 1, left - _RADIUS : right + _RADIUS + 1]
    plot[:] = _dotted(plot, _PLOT * np.stack([true, 1 - said], 1).clip(0, 1) + _RADIUS)
    icc, mae = icc31(np.stack([true, said], 1)), FACS_SCALE * np.abs(said - true).mean()
    _write(out, name, (left, top - 9), 0.5, 0)
    _write(out, f"ICC {figure(icc)}  MAE {figure(float(mae))}", (left + 70, top - 9), 0.4, 60)
    return out


def _dotted(plot: Pixels, places: Array) -> Pixels:
    """With a dot at each of places (N, 2) px; where many lie it is dark."""
    count = np.zeros(plot.shape[:2], np.float32)
    columns, rows = places.round().astype(int).T
    np.add.at(count, (rows, columns), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RADIUS + 1,) * 2).astype(np.float32)
    bare = (1 - _OPACITY) ** cv2.filter2D(count, -1, disc, borderType=cv2.BORDER_CONSTANT)
    mixed = bare[..., None] * plot + (1 - bare[..., None]) * _DOT
    return np.asarray(mixed.round(), np.uint8)


def _legend() -> Pixels:
    out = np.full((PANEL, PANEL, 3), 255, np.uint8)
    lines: Sequence[str] = ("to the right: true, 0-5", "upwards: said, 0-5", "MAE on this scale")
    for i, text in enumerate(lines):
        _write(out, text, (_LEFT, 90 + 22 * i), 0.4, 60)
    return out


def _write(out: Pixels, text: str, at: tuple[int, int], size: float, shade: int) -> None:
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (shade,) * 3, 1, cv2.LINE_AA)
