"""The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012) on real time stamps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class OneEuro:
    """The filter one sample at a time, for footage that is not over yet.

    A sample (...) is low-passed at min_cutoff + beta * speed, Hz, where speed is in values per
    second; min_cutoff and the times may be arrays that broadcast with the sample.
    """

    def __init__(self, min_cutoff: ArrayLike, beta: float, derivative_cutoff: float = 1.0) -> None:
        self._cutoff, self._beta = np.asarray(min_cutoff, float), beta
        self._derivative_cutoff = derivative_cutoff
        self._time: Array | None = None
        self._raw = self._out = self._speed = np.zeros(())

    def __call__(self, sample: ArrayLike, time: ArrayLike) -> Array:
        """The filtered sample of ``time`` seconds, which must be later than the last."""
        x, time = np.asarray(sample, float), np.asarray(time, float)
        if self._time is None:
            self._out, self._speed = x.copy(), np.zeros(x.shape)
        else:
            step = time - self._time
            share = _share(self._derivative_cutoff, step)
            self._speed = self._speed + share * ((x - self._raw) / step - self._speed)
            share = _share(self._cutoff + self._beta * np.abs(self._speed), step)
            self._out = x + (1 - share) * (self._out - x)
        self._raw, self._time = x, time
        return self._out


def one_euro(
    values: ArrayLike,
    times: ArrayLike,
    min_cutoff: ArrayLike,
    beta: float,
    derivative_cutoff: float = 1.0,
) -> Array:
    """values (N, ...) at times (N,) s, strictly increasing, as irregular as they come, each row
    through one :class:`OneEuro`, many times faster; times may be (N, ...) too."""
    x, t = np.asarray(values, float), np.asarray(times, float)
    t = t.reshape(t.shape + (1,) * (x.ndim - t.ndim))
    if len(x) < 2:
        return x.copy()
    step = np.diff(t, axis=0)
    slope = np.diff(x, axis=0) / step
    speed = _low_pass(np.zeros(x.shape[1:]), slope, _share(derivative_cutoff, step))
    share = _share(np.asarray(min_cutoff, float) + beta * np.abs(speed), step)
    return np.concatenate([x[:1], _low_pass(x[0], x[1:], share)])


def _low_pass(start: Array, values: Array, shares: Array) -> Array:
    """(N, ...): each the one before, moved by its share towards its value."""
    out = shares * values
    kept = np.broadcast_to(1 - shares, out.shape)
    last = start
    for i, keep in enumerate(kept):
        out[i] += keep * last
        last = out[i]
    return np.asarray(out)


def zero_phase(values: ArrayLike, times: ArrayLike, min_cutoff: ArrayLike, beta: float) -> Array:
    """The mean of a pass forwards and one backwards: footage need not lag behind itself."""
    x, t = np.asarray(values, float), np.asarray(times, float)
    x, t = np.stack([x, x[::-1]], -1), np.stack([t, -t[::-1]], -1)
    t = t.reshape(len(t), *[1] * (x.ndim - 2), 2)
    cutoff = np.expand_dims(np.asarray(min_cutoff, float), -1)
    both = one_euro(x, t, cutoff, beta)  # two passes for the price of one
    return np.asarray((both[..., 0] + both[::-1, ..., 1]) / 2)


def _share(cutoff: ArrayLike, step: ArrayLike) -> Array:
    """How much of a new value gets through a first-order low pass after ``step`` seconds."""
    rate = 2 * np.pi * np.multiply(step, cutoff)
    return np.asarray(rate / (rate + 1))
