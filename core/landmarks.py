"""Landmarks of faces: a look at each box, then a closer one at the parts of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment, refining
from .models import Models

Array = NDArray[np.float64]
Image = NDArray[Any]

SIZE: Final = 128  # side of the landmark network's input in pixels


@dataclass(frozen=True, slots=True)
class Seen:
    """A face in an image: landmarks (68, 2) in pixels, confidence in 0..1, and what was seen: (F,)
    by the landmark network; after a closer look (2, F) by both networks, of the face and of its
    mirror image."""

    points: Array
    confidence: float
    features: NDArray[np.float32]


def look(networks: Models, image: Image, boxes: list[Array]) -> list[Seen]:
    """The face in each box (centre x, centre y, side) of an image (H, W, 3) RGB."""
    if not boxes:
        return []
    matrices = [alignment.box_matrix(box, SIZE) for box in boxes]
    crops = [alignment.warp(image, matrix, SIZE) for matrix in matrices]
    points, logits, features = networks.landmarks.run(
        ["points", "score", "features"], {"image": alignment.network_input(np.stack(crops))}
    )
    scores = 1 / (1 + np.exp(-logits.reshape(-1).astype(float)))
    return [
        Seen(alignment.transform(alignment.inverse(m), p * SIZE), float(score), seen)
        for m, p, score, seen in zip(matrices, points, scores, features, strict=True)
    ]


def look_closer(
    networks: Models, image: Image, faces: Sequence[Seen], about: list[Array] | None = None
) -> list[Seen]:
    """The same faces with refined landmarks, and with the features of both networks and of their
    mirror images.

    Patches are cut where their landmarks are, or ``about`` where these landmarks (68, 2) are.
    """
    if not faces:
        return []
    about = about or [face.points for face in faces]
    cuts = [refining.cut(image, points) for points in about]
    inputs = {
        name: alignment.network_input(np.stack([getattr(cut, name) for cut in cuts]))
        for name in ("eyes", "mouth", "oval")
    }
    points, closer = networks.refiner.run(["points", "features"], inputs)
    boxes = [alignment.box_matrix(alignment.face_box(p), SIZE) for p in about]
    mirrored = np.stack([alignment.warp(image, box, SIZE)[:, ::-1] for box in boxes])
    (afar,) = networks.landmarks.run(["features"], {"image": alignment.network_input(mirrored)})
    return [
        Seen(cut.outside(p), face.confidence, np.c_[np.stack([face.features, turned]), seen])
        for cut, face, p, turned, seen in zip(cuts, faces, points, afar, closer, strict=True)
    ]
