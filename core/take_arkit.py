"""Takes from plain CSV of ARKit's blend shapes: a column of time and one for each shape.

Shapes are found in any spelling (eyeBlinkLeft, EyeBlinkLeft, eyeBlink_L).  Time is in seconds, or
in milliseconds where the column's name ends so (time_ms) or the frames would lie more than a
second apart.  Columns HeadYaw, LeftEyeYaw, ... are understood as in ``take_livelink``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from . import arkit, take_livelink
from .table import Rows, chosen

EXPECTED: Final = "a time and ARKit's blend shapes (time, eyeBlinkLeft, jawOpen, ...)"
_SECONDS: Final = ("time", "timestamp", "time_s", "seconds", "t")
_MILLISECONDS: Final = ("time_ms", "timestamp_ms", "milliseconds", "ms")


def fits(header: list[str]) -> bool:
    """Whether a column holds a blend shape."""
    return bool(arkit.find_shapes(tuple(header)))


def fields(header: list[str], rows: Rows) -> dict[str, Any]:
    """The fields of a take; ValueError says why the table holds none."""
    names = [name.lower() for name in header]
    clock = next((name for name in (*_SECONDS, *_MILLISECONDS) if name in names), None)
    if clock is None:
        raise ValueError(f"it has blend shapes but no column of time; it should have {EXPECTED}")
    found = arkit.find_shapes(tuple(header)).values()
    known = {*take_livelink.ANGLES, *(name for columns in found for name in columns)}
    keep = [names.index(clock), *(i for i, name in enumerate(header) if name in known)]
    columns, table = chosen(header, rows, keep)
    times = table[:, 0]
    apart = np.median(np.diff(times)) if len(times) > 1 else 0.0
    if clock in _MILLISECONDS or apart > 1:
        times = times / 1000
    return take_livelink.take_fields(columns[1:], table[:, 1:], times)
