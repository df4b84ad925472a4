"""Who is who: F_reg's embedding of a face, by which somebody who comes back is known again."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import alignment

Array = NDArray[np.float64]

SIZE: Final = 128  # px of the crop
LIT: Final = 120  # of 255, the light parts of a face; a darker one is looked at brighter
# Heights of the eyes and the mouth in the crop that LightCNN's published weights know: 40 and 88
# of 128.
_EYES, _MOUTH = 40 / SIZE, 88 / SIZE


def _crop() -> tuple[float, float, float]:
    eyes, mouth = alignment.TEMPLATE[:2, 1].mean(), alignment.TEMPLATE[3:, 1].mean()
    side = (mouth - eyes) / (_MOUTH - _EYES)
    return float(0.5 - side / 2), float(eyes - _EYES * side), float(side)


CROP: Final = _crop()
"""Left, top and side of F_reg's crop in the aligned crop of core.alignment, as shares of it."""


def crop_matrix(points: ArrayLike) -> Array:
    """The matrix from an image with landmarks (68, 2) to F_reg's crop, which is 0..1."""
    left, top, side = CROP
    matrix = alignment.aligned_matrix(points, 1)
    matrix[:, 2] -= left, top
    return matrix / side


def embedding(session: Any, image: NDArray[Any], points: ArrayLike) -> Array:
    """(256,) of length 1, of a face in a frame (H, W, 3) RGB around landmarks (68, 2) and of its
    mirror image together; two of one person have a large cosine.  ``session`` is F_reg's."""
    crop = alignment.warp(image, SIZE * crop_matrix(points), SIZE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    light = float(np.percentile(grey, 99))
    if light < LIT:
        grey = cv2.convertScaleAbs(grey, alpha=LIT / max(light, 1))
    both = alignment.network_input(np.stack([grey, grey[:, ::-1]])[..., None])
    (seen,) = session.run(["embedding"], {"image": both})
    seen = seen.astype(float) / np.linalg.norm(seen, axis=1, keepdims=True)
    total = seen.sum(0)
    return np.asarray(total / np.linalg.norm(total))
