# SPDX-License-Identifier: GPL-3.0-or-later
"""Class masks: which of CelebAMask-HQ's 19 classes the ray through each pixel's centre meets first.

The geometry is what Blender renders (its evaluated meshes in its own triangles), and a z-buffer in
numpy reads it off: no second render, no graphics card, the same bytes on every machine.
Left and right (``l_``, ``r_``) are the subject's, as everywhere in this project; CelebAMask-HQ does
not say whose its own are, so flip 2/3, 4/5 and 7/8 for a parser that means the image's sides.
Glasses are their frames, and lashes, which cover no pixel whole, are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.face_classes import INDEX as _INDEX
from mien.core.face_model import FaceModel, Person

from .render_scene import Camera

Array = NDArray[Any]
# A name, vertices (V, 3) in the model's axes, triangles (T, 3) and their material slots (T,).
Piece = tuple[str, Array, Array, Array]

_OBJECTS: Final = {
    "hair": "hair",
    "glasses": "eye_g",
    "clothes": "cloth",
    "hat": "hat",
    "earrings": "ear_r",
    "necklace": "necklace",
    "held": "background",
}  # all of the scene but the face
_PARTS: Final = {
    "skin": "skin", "eye_l": "l_eye", "eye_r": "r_eye", "teeth": "mouth", "tongue": "mouth",
}  # fmt: skip
BROW_GAP: Final = 0.002  # m, half of what may lie between two strands of one brow
HIDDEN: Final = 0.008  # m that something lies in front of a landmark to hide it
# What lies on the skin, later over earlier; each vertex has a value for each, its border is at .5.
ON_SKIN: Final = ("neck", "l_ear", "r_ear", "nose", "u_lip", "l_lip", "mouth", "hair", "cloth")
_NOSE: Final = ((0.0085, 0.728), (0.0095, 0.712), (0.0195, 0.697), (0.0195, 0.6865),
                (0.0135, 0.6815), (0.0, 0.6795))  # fmt: skip  # its left half from the front, m


def skin_values(model: FaceModel) -> Array:
    """(V, 9) of every base vertex: how far it is within each of `ON_SKIN`, nothing worn."""
    d = model.data
    base = d["base"]
    x, y, z = base.T
    half = np.array(_NOSE)
    outline = (np.concatenate([half, half[::-1] * (-1, 1)]) * 1e3).astype(np.float32)
    nose = np.array([cv2.pointPolygonTest(outline, (px * 1e3, py * 1e3), True) for px, py in
                     base[:, :2]]) / 1e3  # fmt: skip
    # The contour of the jaw lies in a plane: what is behind it and below the ears is the neck.
    jaw = base[d["landmarks"][1:16]]
    ahead = np.linalg.svd(jaw - jaw.mean(0))[2][2]
    behind = (base - jaw.mean(0)) @ (ahead * -np.sign(ahead[2]))
    upper = y > y[d["landmarks"][60:68]].mean()
    values = {
        "l_ear": np.where(x > 0, d["ears"] + 0.1, 0),
        "r_ear": np.where(x < 0, d["ears"] + 0.1, 0),
        "nose": 0.5 + np.where(z > 0.11, nose, -0.004) / 0.008,
        "mouth": d["inside_mouth"],
        "u_lip": np.where(upper, d["lips"], 0),
        "l_lip": np.where(upper, 0, d["lips"]),
        "neck": 0.5 + np.minimum(behind, 0.70 - y) / 0.02,
    }
    values |= dict.fromkeys(("hair", "cloth"), np.zeros(len(base)))
    return np.stack([np.clip(values[name], 0, 1) for name in ON_SKIN], -1).astype(np.float32)


def nearest(
    pixels: Array, depth: Array, triangles: Array, size: int
) -> tuple[Array, Array, Array, Array]:
    """What the rays through the pixels' centres meet first.

    Of vertices at ``pixels`` (V, 2) with ``depth`` (V,) from the camera in m and ``triangles``
    (T, 3): the (K,) flat pixels that meet any, row by row, the triangle each meets, the (K, 3)
    weights of its vertices there and the (K,) depth.
    """
    corners, near = pixels[triangles], (depth[triangles] > 0.02).all(1)
    top, low = corners[..., 1].min(1), corners[..., 1].max(1)
    first = np.ceil(np.clip(top, 0, size) - 0.5).astype(int)
    count = np.floor(np.clip(low, 0, size) - 0.5).astype(int) - first + 1
    near &= (count > 0) & (top < low)
    triangles, corners, first, count = triangles[near], corners[near], first[near], count[near]
    # From the top corner (0) to the lowest (2): one long edge, and two short ones opposite.
    order = np.argsort(corners[..., 1], axis=1)
    corners = np.take_along_axis(corners, order[..., None], 1)
    near_by = 1 / np.take_along_axis(depth[triangles], order, 1)
    (x0, y0), (x1, y1), (x2, y2) = np.moveaxis(corners, 0, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        long, upper, lower = (x2 - x0) / (y2 - y0), (x1 - x0) / (y1 - y0), (x2 - x1) / (y2 - y1)
        # 1 / depth is a plane over the picture: its slopes along x and y.
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        d1, d2 = near_by[:, 1] - near_by[:, 0], near_by[:, 2] - near_by[:, 0]
        along_x = (d1 * (y2 - y0) - d2 * (y1 - y0)) / area
        along_y = (d2 * (x1 - x0) - d1 * (x2 - x0)) / area
    # Every row of every triangle, and the pixels between its edges there.
    of, step = _runs(np.arange(len(first)), count)
    y = first[of] + step
    down = y + 0.5 - y0[of]
    with np.errstate(invalid="ignore"):
        one = x0[of] + down * long[of]
        short = np.where(y + 0.5 < y1[of], x0[of] + down * upper[of],
                         x1[of] + (y + 0.5 - y1[of]) * lower[of])  # fmt: skip
    short = np.where(np.isfinite(short), short, x1[of])
    start = np.ceil(np.clip(np.minimum(one, short), 0, size) - 0.5).astype(int)
    count = np.floor(np.clip(np.maximum(one, short), 0, size) - 0.5).astype(int) - start + 1
    met = count > 0
    of, y, down, start, count = of[met], y[met], down[met], start[met], count[met]
    with np.errstate(invalid="ignore"):  # of triangles seen from their edge
        slope = along_x[of]
        closeness = near_by[of, 0] + slope * (start + 0.5 - x0[of]) + along_y[of] * down
    rows = np.flatnonzero(np.isfinite(closeness))
    run, step = _runs(rows, count[rows])
    pixel, closeness = (y * size + start)[run] + step, closeness[run] + slope[run] * step
    closest = np.zeros(size * size)
    np.maximum.at(closest, pixel, closeness)
    winner = np.full(size * size, -1)
    wins = np.flatnonzero(closeness == closest[pixel])
    winner[pixel[wins]] = wins  # of equal ones the last
    hit = np.flatnonzero(winner >= 0)
    won = of[run[winner[hit]]]
    # Barycentric weights are planes too; divided by depth they are true in space.
    px, py = hit % size + 0.5 - x0[won], hit // size + 0.5 - y0[won]
    second = (px * (y2 - y0)[won] - py * (x2 - x0)[won]) / area[won]
    third = (py * (x1 - x0)[won] - px * (y1 - y0)[won]) / area[won]
    weights = np.stack([1 - second - third, second, third], -1).clip(0, 1) * near_by[won]
    whole = weights.sum(1, keepdims=True)
    back = np.argsort(order[won], axis=1)
    weights = np.take_along_axis(weights / whole, back, 1)
    return hit, np.flatnonzero(near)[won], weights, 1 / whole[:, 0]


def _runs(items: Array, counts: Array) -> tuple[Array, Array]:
    """Each of some items as many times as its count says, and which time it is."""
    ends = np.cumsum(counts, dtype=np.int32)
    step = np.arange(ends[-1] if len(ends) else 0, dtype=np.int32)
    step -= np.repeat(ends - counts.astype(np.int32), counts)
    return np.repeat(items.astype(np.int32), counts), step


@dataclass(frozen=True, slots=True)
class Seen:
    """What a camera sees of a scene, pixel by pixel."""

    camera: Camera
    classes: Array  # (size, size) uint8, brows as single strands
    depth: Array  # (size, size) m along the camera's axis, inf where there is nothing
    normals: Array | None = None  # (size, size, 3) unit, towards the camera; 0 where nothing is

    def mask(self) -> Array:
        """(size, size) uint8: the classes, brows as the regions that their strands cover."""
        out = self.classes.copy()
        distance = self.depth.min()
        if np.isfinite(distance):
            radius = round(BROW_GAP * len(out) * self.camera.focal / distance)
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
            for name in ("l_brow", "r_brow"):
                strands = (self.classes == _INDEX[name]).astype(np.uint8)
                covered = cv2.morphologyEx(strands, cv2.MORPH_CLOSE, kernel) > 0
                out[covered & (self.classes == _INDEX["skin"])] = _INDEX[name]
        return out

    def visible(self, points: Array) -> Array:
        """(N,) whether points (N, 3) on a surface lie in the picture and nothing hides them.

        What hides a point lies in front of it in its pixel and all around.
        """
        size = len(self.depth)
        column, row = np.floor(self.camera.project(points, size)).astype(int).T
        inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
        around = cv2.dilate(self.depth, np.ones((3, 3)))
        there = around[row.clip(0, size - 1), column.clip(0, size - 1)]
        return inside & (self.camera.position[2] - points[:, 2] < there + HIDDEN)


class Masks:
    """Looks at a scene's geometry."""

    def __init__(self, model: FaceModel) -> None:
        self._brow = model.parts.index("brow")
        self._skin = skin_values(model)
        self._parts = np.array([_INDEX.get(_PARTS.get(part, ""), -1) for part in model.parts])

    def look(
        self, pieces: list[Piece], person: Person, camera: Camera, size: int,
        worn: Mapping[str, Array], normals: bool = False,
    ) -> Seen:  # fmt: skip
        """What the camera sees of a scene's ``pieces`` with the face of ``person``; Blender is not
        asked, so any thread may.

        ``worn`` is what is painted on the skin, "hair" or "cloth": (V,) from 0, bare, to 1.
        """
        points, triangles, classes, start = [], [], [], 0
        for name, vertices, corners, part in pieces:
            if name.startswith("face"):
                face = start
                right = person.rest[corners[:, 0], 0] < 0
                kind = np.where(part == self._brow, _INDEX["l_brow"] + right, self._parts[part])
                corners, kind = corners[kind >= 0], kind[kind >= 0]
            else:
                kind = np.full(len(corners), _INDEX[_OBJECTS[name]])
            points.append(vertices)
            triangles.append(corners + start)
            classes.append(kind)
            start += len(vertices)
        where, corners, kind = (np.concatenate(part) for part in (points, triangles, classes))
        away = camera.position[2] - where[:, 2]
        hit, triangle, weights, depth = nearest(camera.project(where, size), away, corners, size)
        out, distance = np.zeros(size * size, np.uint8), np.full(size * size, np.inf)
        out[hit], distance[hit] = kind[triangle], depth
        skin = np.flatnonzero(out[hit] == _INDEX["skin"])
        values = self._skin.copy()
        for name, amount in worn.items():
            values[:, ON_SKIN.index(name)] = amount
        values = values[corners[triangle[skin]] - face]
        within = np.einsum("kc,kcv->kv", weights[skin], values) > 0.5
        for column, name in enumerate(ON_SKIN):
            out[hit[skin[within[:, column]]]] = _INDEX[name]
        seen = Seen(camera, out.reshape(size, size), distance.reshape(size, size))
        if not normals:
            return seen
        smooth = np.einsum("kc,kcd->kd", weights, _normals(where, corners)[corners[triangle]])
        right, up = (hit % size + 0.5) / size - 0.5, 0.5 - (hit // size + 0.5) / size
        ray = np.stack([right, up, np.full(len(hit), -camera.focal)], 1)
        smooth *= -np.sign((smooth * ray).sum(1, keepdims=True))
        smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
        whole = np.zeros((size * size, 3))
        whole[hit] = smooth
        return replace(seen, normals=whole.reshape(size, size, 3))


def _normals(points: Array, triangles: Array) -> Array:
    """(V, 3) of vertices: the sums of their triangles' normals by area."""
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    area = np.repeat(np.cross(b - a, c - a), 3, axis=0)
    axes = [np.bincount(triangles.ravel(), area[:, k], len(points)) for k in range(3)]
    return np.stack(axes, -1)


def geometry(objects: Any) -> list[Piece]:
    """The pieces of a scene: every object that is rendered."""
    graph = bpy.context.evaluated_depsgraph_get()
    out = []
    for shown in objects:
        if shown.hide_render or shown.type not in ("MESH", "CURVE"):
            continue
        evaluated = shown.evaluated_get(graph)
        mesh = evaluated.to_mesh()
        mesh.calc_loop_triangles()
        points = np.empty((len(mesh.vertices), 3), np.float32)
        mesh.vertices.foreach_get("co", points.ravel())
        corners = np.empty((len(mesh.loop_triangles), 3), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners.ravel())
        slots = np.empty(len(corners), np.int32)
        mesh.loop_triangles.foreach_get("material_index", slots)
        evaluated.to_mesh_clear()
        x, y, z = points.astype(float).T
        out.append((shown.name, np.stack([x, z, -y], -1), corners, slots))
    return out
