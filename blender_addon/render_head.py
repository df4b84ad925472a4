# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of a person's head, which hair and headgear lie on: a radius for every direction."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from mien.core.face_model import FaceModel, Person

Array = NDArray[Any]

CENTRE: Final = np.array([0.0, 0.745, 0.05])  # m, amid the base head's skull
_AZIMUTHS, _ELEVATIONS = 72, 36
_LOWEST: Final = np.radians(-55)  # the neck's foot


def directions(azimuth: Array, elevation: Array) -> Array:
    """(..., 3) unit vectors; azimuth 0 is the face's front, positive to the subject's left."""
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], -1)


class Skull:
    """Where rays from the head's centre leave the base mesh; any person's outline follows."""

    def __init__(self, model: FaceModel) -> None:
        data = model.data
        quads = data["faces"][data["face_part"] == 0]
        triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
        bare = triangles[~(data["ears"][triangles] > 0.4).any(1)]
        azimuth = np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS - np.pi
        elevation = np.linspace(_LOWEST, np.pi / 2, _ELEVATIONS)
        ways = directions(*np.meshgrid(azimuth, elevation))
        self._over_ears = _leave(data["base"], triangles, ways)
        self._under_ears = _leave(data["base"], bare, ways)
        _, y, z = data["base"].T
        self._scalp = np.flatnonzero((z < 0.03) & (y > 0.75))  # no expression moves it
        self._base = data["base"]

    def outline(self, person: Person, over_ears: bool) -> Outline:
        """The outline of a person at rest, over the ears or through them."""
        vertices, weights = self._over_ears if over_ears else self._under_ears
        moved = (person.rest[self._scalp] - self._base[self._scalp]).mean(0)
        points = np.einsum("ijk,ijkd->ijd", weights, person.rest[vertices])
        centre = CENTRE + moved
        return Outline(centre, np.linalg.norm(points - centre, axis=-1))

    def follow(self, points: Array, person: Person, vertices: Array, turn: Array) -> Array:
        """Points (..., 3) fixed to the head at rest, where posed ``vertices`` have it."""
        at = vertices[self._scalp].mean(0) - turn @ person.rest[self._scalp].mean(0)
        return np.asarray(points @ turn.T + at)


class Outline:
    """A radius (m) for every direction from a centre (3,)."""

    def __init__(self, centre: Array, radius: Array) -> None:
        self.centre, self._radius = centre, radius

    def narrowed(self, most: float) -> Outline:
        """The same with no radius above ``most`` (m): without chin and shoulders."""
        return Outline(self.centre, np.minimum(self._radius, most))

    def radius(self, way: Array) -> Array:
        """(...,) of unit vectors (..., 3), bilinear."""
        u = (np.arctan2(way[..., 0], way[..., 2]) / (2 * np.pi) + 0.5) * _AZIMUTHS
        elevation = np.arcsin(np.clip(way[..., 1], -1, 1))
        v = (elevation - _LOWEST) / (np.pi / 2 - _LOWEST) * (_ELEVATIONS - 1)
        v = np.clip(v, 0, _ELEVATIONS - 1.001)
        i, j = np.floor(v).astype(int), np.floor(u).astype(int)
        a, b = v - i, u - j
        j0, j1 = j % _AZIMUTHS, (j + 1) % _AZIMUTHS
        r = self._radius
        low = r[i, j0] * (1 - b) + r[i, j1] * b
        high = r[i + 1, j0] * (1 - b) + r[i + 1, j1] * b
        return np.asarray(low * (1 - a) + high * a)

    def point(self, way: Array, height: Array | float = 0.0) -> Array:
        """(..., 3) so far above the surface (m) in directions (..., 3)."""
        return np.asarray(self.centre + way * (self.radius(way) + height)[..., None])

    def above(self, points: Array, height: Array | float) -> Array:
        """Points (..., 3) pushed out to at least this height (m) above the surface."""
        offset = points - self.centre
        distance = np.linalg.norm(offset, axis=-1, keepdims=True)
        way = offset / distance
        least = (self.radius(way) + height)[..., None]
        return np.asarray(self.centre + way * np.maximum(distance, least))


def _leave(base: Array, triangles: Array, ways: Array) -> tuple[Array, Array]:
    """(..., 3) vertices and weights of where rays from `CENTRE` along ``ways`` leave the mesh."""
    tree = BVHTree.FromPolygons(base.tolist(), triangles.tolist())
    vertices = np.zeros((*ways.shape[:2], 3), int)
    weights = np.zeros((*ways.shape[:2], 3))
    for i, j in reversed(list(np.ndindex(*ways.shape[:2]))):
        far = CENTRE + ways[i, j] * 0.4
        point, _, face, _ = tree.ray_cast(Vector(far), Vector(-ways[i, j]), 0.4)
        if face is None:  # below the cut of the mesh: as just above
            vertices[i, j], weights[i, j] = vertices[i + 1, j], weights[i + 1, j]
            continue
        corners = triangles[face]
        solved = np.linalg.lstsq(
            np.vstack([base[corners].T, np.ones(3)]), np.append(point, 1.0), rcond=None
        )
        vertices[i, j], weights[i, j] = corners, solved[0]
    return vertices, weights
