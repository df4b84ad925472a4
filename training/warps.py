"""Other poses and expressions of a face in a picture, from its 68 landmarks alone.

The data sets are frontal and mostly calm; section 3.1 turns their faces after HPEN (Zhu et al.
2015, High-Fidelity Pose and Expression Normalization) and warps them by their landmarks.  Depth is
that of mien's own face model at rest.  Pictures are (H, W) or (H, W, C) uint8, landmarks (68, 2)
in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import parameters
from mien.core.face_model import FaceModel, Person, head_rotation

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_JAW: Final = slice(1, 16)
_EARS: Final = (0, 16)
_EDGE: Final = 4  # anchors to a side of the frame


@lru_cache(maxsize=1)
def _nobody() -> tuple[FaceModel, Person, Array]:
    """The model, its mean person, and the centre of that person's landmarks."""
    model = FaceModel()
    person = model.person(parameters.neutral()[parameters.IDENTITY])
    still = model.pose(person, model.slider_values(parameters.from_values({})), np.eye(3))
    return model, person, model.landmarks(still, person).mean(0)


def head(values: Mapping[str, float]) -> Array:
    """(83, 3) m of the mean person with these parameters: landmarks, and above them the jaw line
    mirrored at the ears, which is about where a forehead ends.  x to the subject's left, y up."""
    model, person, centre = _nobody()
    sliders = model.slider_values(parameters.from_values(values))
    marks = model.landmarks(model.pose(person, sliders, np.eye(3)), person) - centre
    crown = marks[_JAW] * (1, -1, 1)
    crown[:, 1] += 2 * marks[list(_EARS), 1].mean()
    return np.concatenate([marks, crown])


def camera(points: Array) -> Array:
    """s R (3, 3), from metres of the head to pixels of the picture with y up and z to the viewer:
    the scaled orthographic camera nearest to the affine one of least squares."""
    there = head({})[: len(points)]
    seen = points * (1, -1)
    affine = np.linalg.lstsq(there, seen - seen.mean(0), rcond=None)[0].T
    u, scales, v = np.linalg.svd(affine, full_matrices=False)
    x, y = u @ v
    return np.asarray(scales.mean() * np.stack([x, y, np.cross(x, y)]))


def warped(
    image: Image, points: Array, yaw: float, pitch: float, change: Mapping[str, float]
) -> tuple[Image, Array]:
    """The picture and its landmarks with the head turned by degrees more, in the project's signs,
    and a face that moves by ``change``, parameters by name, more.

    What comes into sight was never photographed: beyond some 30 degrees a cheek is smeared, a mouth
    that opens shows no teeth and a smile no fold.
    """
    view = camera(points)
    before = head({}) @ view.T
    after = head(change) @ (head_rotation(yaw, pitch) @ view).T
    origin = points.mean(0) - before[: len(points), :2].mean(0) * (1, -1)
    source = np.concatenate([points, before[len(points) :, :2] * (1, -1) + origin])
    target = source + (after - before)[:, :2] * (1, -1)
    height, width = image.shape[:2]
    both = np.concatenate([source, target, [[0, 0], [width - 1, height - 1]]])
    frame = _frame(both.min(0), both.max(0))
    depth = np.r_[after[:, 2], np.full(len(frame), after[:, 2].min())]
    old, new = (np.concatenate([part, frame]) for part in (source, target))
    return piecewise(image, old, new, depth), target[: len(points)]


def _frame(low: Array, high: Array) -> Array:
    """(4 _EDGE, 2) points around a rectangle."""
    share = np.arange(_EDGE) / _EDGE
    square = [(share, 0 * share), (1 + 0 * share, share), (1 - share, 1 + 0 * share),
              (0 * share, 1 - share)]  # fmt: skip
    return low + (high - low) * np.concatenate([np.stack(side, 1) for side in square])


def triangles(points: Array) -> NDArray[np.int64]:
    """(T, 3) indices of the Delaunay triangles of points (N, 2)."""
    exact = points.astype(np.float32)
    low = np.floor(exact.min(0)).astype(int) - 1
    wide, high = np.ceil(exact.max(0)).astype(int) - low + 2
    plane = cv2.Subdiv2D((int(low[0]), int(low[1]), int(wide), int(high)))
    plane.insert(exact)
    place = {tuple(p): i for i, p in enumerate(exact.tolist())}
    corners = plane.getTriangleList().reshape(-1, 3, 2).tolist()
    return np.array([[place[tuple(corner)] for corner in triangle] for triangle in corners])


def piecewise(image: Image, source: Array, target: Array, depth: Array) -> Image:
    """The picture with points ``source`` (N, 2) at ``target``, affine in each triangle between
    them; where triangles come to lie on each other the one of greater ``depth`` (N,) is seen.

    What no triangle reaches stays as it is.
    """
    corners = triangles(source)
    corners = corners[np.argsort(depth[corners].mean(1), kind="stable")]
    there = np.concatenate([target[corners], np.ones((*corners.shape, 1))], 2)  # (T, 3, 3)
    solid = np.abs(np.linalg.det(there)) > 0.1  # twice the area, px
    height, width = image.shape[:2]
    at = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    for triangle, new in zip(corners[solid], there[solid], strict=True):
        (x0, y0), (x1, y1) = (
            np.clip(edge, 0, (width, height)).astype(int)
            for edge in (np.floor(new[:, :2].min(0)), np.ceil(new[:, :2].max(0)) + 1)
        )
        y, x = np.mgrid[y0:y1, x0:x1]
        share = np.stack([x, y, np.ones(x.shape)], -1) @ np.linalg.inv(new)  # barycentric
        inside = (share > -1e-6).all(-1)
        at[y0:y1, x0:x1][inside] = share[inside] @ source[triangle]
    how = {"interpolation": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    return np.asarray(cv2.remap(image, at, None, **how), np.uint8)
