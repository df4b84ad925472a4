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
    """A face in an image: landmarks (68, 2) in pixels, confidence in 0..1, and what was seen, (F,)
    or of the face and of its mirror image (2, F)."""

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
    networks: Models,
    image: Image,
    faces: Sequence[Seen],
    about: list[Array] | None = None,
    mirror: bool = False,
) -> list[Seen]:
    """The same faces with refined landmarks, and with the features (F,) of both networks.

    Patches are cut ``about`` where these landmarks (68, 2) are, or where a first such look, at
    patches about the faces' own, finds them: where the parts lie the same in their patches, their
    landmarks are most exact.  With ``mirror`` their mirror images are seen as well, in as much time
    again: the landmarks are the mean, and the features (2, F) those of the face and of its mirror
    image.
    """
    if not faces:
        return []
    if about is None:
        first = look_closer(networks, image, faces, [face.points for face in faces], mirror)
        about = [face.points for face in first]
    cuts = [refining.cut(image, points) for points in about]
    patches = [(cut.eyes, cut.mouth, cut.oval) for cut in cuts]
    patches += [cut.mirrored() for cut in cuts] if mirror else []
    inputs = {
        name: alignment.network_input(np.stack(parts))
        for name, parts in zip(("eyes", "mouth", "oval"), zip(*patches, strict=True), strict=True)
    }
    points, closer = networks.refiner.run(["points", "features"], inputs)
    afar = np.stack([face.features for face in faces])
    if mirror:
        boxes = [alignment.box_matrix(alignment.face_box(p), SIZE) for p in about]
        crops = np.stack([alignment.warp(image, box, SIZE)[:, ::-1] for box in boxes])
        (turned,) = networks.landmarks.run(["features"], {"image": alignment.network_input(crops)})
        afar = np.concatenate([afar, turned])
        here, there = np.split(points, 2)
        points = (here + np.stack([refining.mirrored_back(p) for p in there])) / 2
    features = np.c_[afar, closer]
    if mirror:
        features = np.stack(np.split(features, 2), 1)
    return [
        Seen(cut.outside(p), face.confidence, seen)
        for cut, face, p, seen in zip(cuts, faces, points, features, strict=True)
    ]
