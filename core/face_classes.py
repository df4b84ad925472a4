"""The classes of a face's mask: CelebAMask-HQ's 19, in the order of face-parsing.PyTorch."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

# The index is the pixel's value.
CLASSES: Final = (
    "background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r",
    "nose", "mouth", "u_lip", "l_lip", "neck", "necklace", "cloth", "hair", "hat",
)  # fmt: skip
INDEX: Final = {name: i for i, name in enumerate(CLASSES)}
# What a face is made of, without ears and what grows on it.
FACE: Final = (
    "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "nose", "mouth", "u_lip", "l_lip",
)  # fmt: skip


def _colours() -> NDArray[np.uint8]:
    count = len(CLASSES)
    hsv = np.full((1, count, 3), 235, np.uint8)
    hsv[0, :, 0] = np.arange(count) * 7 % count * 180 // count
    hsv[0, 1, 1] = 40
    hsv[0, 0] = 0
    rgb: NDArray[Any] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.asarray(rgb[0], np.uint8)


# (19, 3) RGB for pictures: black for the background, pale for skin, far hues for neighbours.
COLOURS: Final = _colours()
