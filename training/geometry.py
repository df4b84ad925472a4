"""Faces without a picture: landmarks of the face model for random people, poses and expressions.

A thousand times cheaper than rendering, and all that the points can tell is in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mien.core import parameters, sampling
from mien.core.alignment import TEMPLATE, mirror_points
from mien.core.face_model import PATH, head_rotation
from mien.core.files import written_whole
from mien.core.sparse_model import sparse_model
from mien.training import augment
from mien.training.data import Floats, mirror_values
from mien.training.networks import COLUMNS, VALUES

Array = NDArray[np.float64]
EXPRESSIONS: Final = 12  # of every person, after the neutral face


@dataclass(frozen=True)
class Geometry:
    """P people with K faces each, the neutral one first."""

    points: Floats  # (P, K, 68, 2), seen by a camera, y down, of any unit
    values: Floats  # (P, K, 41)


def make_geometry(people: int, seed: int) -> Geometry:
    """Landmarks and values of random people, some 5 ms a face."""
    rng, model = np.random.default_rng([seed, 99]), sparse_model()
    points = np.empty((people, EXPRESSIONS + 1, 68, 2), np.float32)
    values = np.empty((people, EXPRESSIONS + 1, len(VALUES)), np.float32)
    for p in range(people):
        identity = model.sample_identity(rng, 0.6)
        person = model.person(identity, 0.8 * rng.standard_normal(len(model.data["extra"])))
        distance = np.exp(rng.uniform(np.log(0.4), np.log(1.6)))
        for k in range(EXPRESSIONS + 1):
            y = sampling.vector(rng, identity, expression=k > 0)
            s = parameters.signals(y)
            turn = head_rotation(float(s["head.yaw"]), float(s["head.pitch"]))
            marks = model.landmarks(model.pose(person, model.slider_values(y), turn), person)
            shift = rng.normal(0, 0.02, 2)
            x, up, z = (marks - (marks.max(0) + marks.min(0)) / 2).T
            depth = distance + z.max() - z
            points[p, k] = np.stack([(x + shift[0]) / depth, -(up + shift[1]) / depth], -1)
            values[p, k] = y[COLUMNS]
    return Geometry(points, values)


def load_geometry(cache: Path, people: int) -> Geometry:
    """:func:`make_geometry` of about this many people, kept in a file until the model changes, or
    what is sampled."""
    made_of = PATH, Path(sampling.__file__)
    if cache.exists() and cache.stat().st_mtime > max(p.stat().st_mtime for p in made_of):
        with np.load(cache) as stored:
            kept = Geometry(stored["points"], stored["values"])
        if 2 * len(kept.values) >= people:
            return kept
    made = make_geometry(people, seed=0)
    with written_whole(cache) as draft:
        np.savez(draft, points=made.points, values=made.values)
    return made


def aligned(points: Tensor) -> Tensor:
    """Landmarks (N, 68, 2) brought onto the template, in 0..1; as core.alignment, all at once, and
    what is wrong with them can be traced back through it."""
    five = torch.stack(
        [
            points[:, 36:42].mean(1), points[:, 42:48].mean(1),
            points[:, 30], points[:, 48], points[:, 54],
        ],
        1,
    )  # fmt: skip
    source, target, every = map(torch.view_as_complex, (five, points.new_tensor(TEMPLATE), points))
    middle = source.mean(1, keepdim=True)
    centred = source - middle
    power = centred.abs().square().sum(1, keepdim=True).clamp(min=1e-12)
    turn = (centred.conj() * target).sum(1, keepdim=True) / power
    return torch.view_as_real((every - middle) * turn + target.mean())


def geometry_batch(
    geometry: Geometry, rng: Generator, count: int, neutral: float, error: Array | float
) -> tuple[Floats, Floats, Floats, Floats]:
    """(points, neutral points (N, 68, 2), has_neutral (N, 1), values (N, 41)).

    Landmarks are off as a tracker's, each by some ``error`` (68, 1) of the eyes' distance; a share
    ``neutral`` of the samples knows its neutral face.
    """
    people, faces = geometry.values.shape[:2]
    p, k = rng.integers(people, size=count), rng.integers(faces, size=count)
    now, rest = geometry.points[p, k].astype(float), geometry.points[p, 0].astype(float)
    values = geometry.values[p, k]
    mirrored = rng.random(count) < 0.5
    now[mirrored], rest[mirrored] = (
        mirror_points(now[mirrored], 0),
        mirror_points(rest[mirrored], 0),
    )
    values[mirrored] = mirror_values(values[mirrored])
    personal = augment.misplacement(rng, 0.7 * error, count)
    shown = []
    for face in (now, rest):
        off = personal + augment.misplacement(rng, 0.5 * error, count)
        unit = augment.face_unit(face)[:, None, None]
        shown.append(aligned(torch.from_numpy(face + off * unit)).numpy().astype(np.float32))
    given = (rng.random((count, 1)) < neutral).astype(np.float32)
    return shown[0], shown[1] * given[..., None], given, values
