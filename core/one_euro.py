"""The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012) on real time stamps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def one_euro(
    values: ArrayLike,
    times: ArrayLike,
    min_cutoff: float,
    beta: float,
    derivative_cutoff: float = 1.0,
) -> Array:
    """values (N, ...) low-passed at min_cutoff + beta * speed, Hz; speed in values per second.

    times (N,) are seconds, strictly increasing, as irregular as they come.
    """
    x, t = np.asarray(values, float), np.asarray(times, float)
    out = x.copy()
    speed = np.zeros(x.shape[1:])
    for i in range(1, len(x)):
        step = t[i] - t[i - 1]
        speed += _share(derivative_cutoff, step) * ((x[i] - x[i - 1]) / step - speed)
        out[i] += (1 - _share(min_cutoff + beta * np.abs(speed), step)) * (out[i - 1] - x[i])
    return out


def zero_phase(values: ArrayLike, times: ArrayLike, min_cutoff: float, beta: float) -> Array:
    """The mean of a pass forwards and one backwards: footage need not lag behind itself."""
    x, t = np.asarray(values, float), np.asarray(times, float)
    forwards = one_euro(x, t, min_cutoff, beta)
    backwards = one_euro(x[::-1], -t[::-1], min_cutoff, beta)[::-1]
    return np.asarray((forwards + backwards) / 2)


def _share(cutoff: ArrayLike, step: float) -> Array:
    """How much of a new value gets through a first-order low pass after ``step`` seconds."""
    rate = 2 * np.pi * step * np.asarray(cutoff, float)
    return np.asarray(rate / (rate + 1))
