"""36 brow styles as strands of hair: 6 shapes x 3 thicknesses x 2 densities, both sides."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ARCH: Final = (0.0, 0.030, 0.050, 0.020, -0.010, 0.040)  # dm, height of the bend
TAIL: Final = (0.0, -0.02, -0.045, -0.06, 0.015, 0.02)  # dm, where the tail ends
PEAK: Final = (0.5, 0.6, 0.65, 0.4, 0.5, 0.75)  # along the brow, 0 at the nose
THICKNESS: Final = (0.022, 0.036, 0.052)  # dm, half height
STRANDS: Final = (130, 240)  # of one side
LANDMARKS_AT: Final = (0.03, 0.27, 0.52, 0.76, 0.98)  # iBUG 22-26 along the brow


def style(number: int, line: Array) -> tuple[Array, Array]:
    """Strands (N, 3 rows, 2 edges, 2) of the left brow in the front plane, and its 5 landmarks.

    ``line`` (K, 2) is the middle of the bone's brow ridge from the nose outwards, dm.
    """
    rng = np.random.default_rng(number)
    shape, thick, dense = number % 6, THICKNESS[number // 6 % 3], STRANDS[number // 18]

    def middle(t: Array) -> Array:
        x = line[0, 0] + (line[-1, 0] - line[0, 0]) * t
        y = np.interp(x, line[:, 0], line[:, 1])
        bend = ARCH[shape] * np.exp(-(((t - PEAK[shape]) / 0.28) ** 2))
        return np.stack([x, y + bend + TAIL[shape] * np.clip(t - 0.6, 0, 1) / 0.4], -1)

    t = rng.random(dense) ** 0.92
    width = thick * (1 - 0.78 * t**3) * (0.55 + 0.45 * np.minimum(1, t * 5))
    across = np.clip(rng.standard_normal(dense) * 0.5, -1, 1)
    root = middle(t) + np.stack([np.zeros(dense), across * width], -1)
    # Hairs stand up at the nose and lie along the brow at the tail; the upper ones lean down.
    lean = np.radians(74 - 68 * np.minimum(1, t * 1.5) - 24 * across * (t > 0.25))
    lean += np.radians(rng.standard_normal(dense) * 7)
    length = (0.045 + 0.030 * rng.random(dense)) * (1 - 0.35 * t)
    along = np.stack([np.cos(lean), 0.75 * np.sin(lean)], -1)
    side = np.stack([-along[:, 1], along[:, 0]], -1)
    thickness = 0.0021 + 0.0016 * rng.random(dense)
    rows = []
    for reach, droop, taper in ((0.0, 0.0, 1.0), (0.55, 0.0, 0.8), (1.0, -0.12, 0.12)):
        centre = root + along * (length * reach)[:, None]
        centre[:, 1] += droop * length
        rows.append([centre - side * (thickness * taper)[:, None],
                     centre + side * (thickness * taper)[:, None]])  # fmt: skip
    strands = np.array(rows).transpose(2, 0, 1, 3)
    return strands, middle(np.array(LANDMARKS_AT))
