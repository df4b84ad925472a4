"""Fewer keys for the same curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def reduce(times: Array, values: Array, bound: float) -> NDArray[np.intp]:
    """The keys to keep, of (N,), so that straight lines between them pass every other key within
    ``bound``, in the units of the values.

    Ramer 1972, Douglas and Peucker 1973, with the distance along the value's axis: a curve over
    time is off by that much, whatever its slope.
    """
    keep = np.zeros(len(values), bool)
    keep[[0, -1]] = True
    while True:  # all stretches between kept keys at once
        kept = np.flatnonzero(keep)
        off = np.abs(values - np.interp(times, times[kept], values[kept]))
        stretch = np.cumsum(keep) - 1
        worst = np.maximum.reduceat(off, kept)
        furthest = np.flatnonzero((off == worst[stretch]) & (off > bound))
        if not len(furthest):
            return kept
        keep[furthest[np.diff(stretch[furthest], prepend=-1) > 0]] = True  # the first of each
