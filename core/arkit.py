"""Between action units and ARKit's 52 blend shapes, by the arkit preset of ``rig_mappings``.

Forwards, a shape is b = clip(G s): G (shapes, signals) holds gain * weight of the preset.
Backwards, signals are the least squares s = clip(pinv(A) b) over the columns A of G.  Nearly all
are one to one; what several shapes show (AU17, AU24, AU28) becomes their weighted mean.  Two
groups ask for more:

- Gaze.  Looking left and right are two shapes of which one is always 0, so that only half of the
  rows speak: g = 2 pinv(A) b.
- Lips.  Parted lips (AU25) have no shape; the preset writes (AU25 - AU26) into the shapes of AU10
  and AU16.  What all four of those have in common counts as lips that part further than the jaw
  drops, d = min(b_i / w_i), and the rest as AU10 and AU16:
  AU26 = jawOpen, AU25 = clip(AU26 + d - mouthClose), A s = b - w d.
  So AU10 and AU16 at the same time come back as AU25 in part, with the same shapes.

ARKit measures nothing of a signal whose shapes a file lacks: it stays out of the take.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mien.rig_mappings import load

from .names import find
from .parameters import SIDED_AUS

Array = NDArray[np.float64]
_GAZE = ("gaze.yaw", "gaze.pitch")


@lru_cache(maxsize=1)
def _preset() -> tuple[tuple[str, ...], tuple[str, ...], Array]:
    """Shapes, signals and G."""
    channels = load("arkit").channels
    names = tuple(dict.fromkeys(name for c in channels for name in c.signals))
    weights = [[c.gain * c.signals.get(name, 0.0) for name in names] for c in channels]
    return tuple(c.target for c in channels), names, np.array(weights)


def shapes(signals: Mapping[str, Array], count: int) -> dict[str, Array]:
    """All 52 shapes, (count,) in 0..1, of signals (count,); a signal that is missing is 0."""
    targets, names, weights = _preset()
    still = np.zeros(count)
    values = np.stack([signals.get(name, still) for name in names])
    return dict(zip(targets, np.clip(weights @ values, 0, 1), strict=True))


def find_shapes(columns: tuple[str, ...]) -> dict[str, list[str]]:
    """The columns that hold a shape, by the shape: one, or the two sides of one that has none."""
    found = {shape: find(shape, columns) for shape in _preset()[0]}
    return {shape: names for shape, names in found.items() if names}


def signals(found: Mapping[str, Array]) -> dict[str, Array]:
    """AUs in 0..1 and gaze in degrees, (N,), of the shapes (N,) that a file has."""
    targets, names, weights = _preset()
    rows = [i for i, target in enumerate(targets) if target in found]
    at = {name: k for k, name in enumerate(names)}
    given = weights[rows]
    b = np.stack([np.clip(found[targets[i]], 0, 1) for i in rows])
    out: dict[str, Array] = {}

    gaze = [at[g] for g in _GAZE if given[:, at[g]].min() < 0 < given[:, at[g]].max()]
    for k, angle in zip(gaze, 2 * np.linalg.pinv(given[:, gaze]) @ b, strict=True):
        out[names[k]] = angle

    if "jawOpen" in found:
        parted = given[:, at["AU25"]]
        beyond = np.zeros(b.shape[1])
        if np.count_nonzero(parted) == np.count_nonzero(weights[:, at["AU25"]]):
            beyond = (b[parted > 0] / parted[parted > 0, None]).min(axis=0)
        out["AU26"] = np.clip(found["jawOpen"], 0, 1)
        beyond = np.minimum(beyond, 1 - out["AU26"])
        out["AU25"] = np.clip(out["AU26"] + beyond - found.get("mouthClose", 0.0), 0, 1)
        b = b - np.outer(parted, beyond)

    rest = [k for name, k in at.items() if name not in (*_GAZE, "AU25", "AU26")]
    rest = [k for k in rest if given[:, k].any()]
    for k, au in zip(rest, np.clip(np.linalg.pinv(given[:, rest]) @ b, 0, 1), strict=True):
        out[names[k]] = au
    for au_name in SIDED_AUS:
        sides = [out[f"{au_name}.{side}"] for side in "LR" if f"{au_name}.{side}" in out]
        if sides:
            out[au_name] = np.max(sides, axis=0)
    return out
