# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower teeth stay behind the chin, however far a jaw drops and a chin recedes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.core.face_model import FaceModel

Array = NDArray[Any]

THICKNESS: Final = 0.004  # m of lip and chin before the teeth


class LowerTeeth:
    """Which vertices they are, and those of the skin before them."""

    def __init__(self, model: FaceModel) -> None:
        d, base = model.data, model.data["base"]
        teeth = np.unique(d["faces"][d["face_part"] == model.parts.index("teeth")])
        self._teeth = teeth[base[teeth, 1] < np.median(base[teeth, 1])]
        skin = np.unique(d["faces"][d["face_part"] == 0])
        x, y, z = base[skin].T
        lip, chin = base[d["landmarks"][[57, 8]], 1]
        before = (np.abs(x) < 0.02) & (y < lip) & (y > chin - 0.004) & (z > 0.115)
        self._chin = skin[before & (d["inside_mouth"][skin] < 0.1)]

    def seat(self, vertices: Array, turn: Array) -> None:
        """Moves the teeth of posed ``vertices`` back, in place, where they come through the skin
        of a head turned by ``turn`` (3, 3)."""
        teeth, chin = vertices[self._teeth] @ turn, vertices[self._chin] @ turn
        # Of every tooth's point, the skin next to it as one sees it from the front.
        gap = np.linalg.norm(teeth[:, None, :2] - chin[None, :, :2], axis=-1)
        near = gap < 0.006
        skin = np.where(near, chin[None, :, 2], np.inf).min(1)
        through = (teeth[:, 2] - skin + THICKNESS).max()
        if np.isfinite(through) and through > 0:
            vertices[self._teeth] -= turn[:, 2] * through
