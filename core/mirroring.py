"""A face turned left to right: what was said of its mirror image, said of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_PAIRED: Final = (
    *((i, 16 - i) for i in range(8)), *((17 + i, 26 - i) for i in range(5)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65),
)  # fmt: skip


def _landmarks() -> NDArray[np.int64]:
    out = np.arange(68)
    for a, b in _PAIRED:
        out[a], out[b] = b, a
    return out


LANDMARKS: Final = _landmarks()
"""(68,) for each landmark, the one that takes its place."""


def mirror_points(points: NDArray[Any], width: float) -> NDArray[Any]:
    """Landmarks (..., 68, 2) of the image turned left to right; its columns are 0..width."""
    out = points[..., LANDMARKS, :].copy()
    out[..., 0] = width - out[..., 0]
    return out


def mirror_values(values: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
    """Parameters (..., N) of these names, of the mirrored face: left and right are swapped and
    yaws turned round."""
    out = values.copy()
    for i, name in enumerate(names):
        if name.endswith(".asymmetry"):
            out[..., i] *= -1
        elif name.endswith(".yaw"):
            out[..., i] = 1 - values[..., i]
        elif name.endswith((".L", ".R")):
            other = name[:-1] + ("R" if name.endswith("L") else "L")
            out[..., i] = values[..., names.index(other)]
    return out
