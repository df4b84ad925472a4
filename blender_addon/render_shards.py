# SPDX-License-Identifier: GPL-3.0-or-later
"""WebDataset shards of rendered pairs: written whole or not at all.

Of each pair KEY a shard holds, all in pixels with the centre of the first at (.5, .5):
KEY.png             RGBA, sRGB, alpha 0 where the background goes
KEY.mask.png        class of every pixel, see render_masks
KEY.parameters.npy  (285,) float32, see mien.core.parameters
KEY.landmarks.npy   (68, 3) float32: x, y, 1 where it lies in the picture and nothing hides it
KEY.json            seed, index, identity, kind, face box (centre x, y, side), camera, light, person
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UserError

from .render_picture import SAMPLES, PairRenderer, quiet

Array = NDArray[Any]

PER_SHARD: Final = 100
PART: Final = ".part-"  # how the folder of a shard in the making begins
_PNG_END: Final = b"IEND\xaeB`\x82"
_END: Final = 32768  # bytes that hold a JSON and the padding of a tar


def _key(index: int) -> str:
    return f"{index:07d}"


def _npy(values: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def write_shard(
    renderer: PairRenderer, path: Path, indices: range, tick: Callable[[], None]
) -> None:
    """Renders a shard beside its place and moves it there when whole; OSError when it cannot."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=PART) as scratch:
        picture, part = Path(scratch) / "picture.png", Path(scratch) / path.name
        with tarfile.open(part, "w") as tar:
            for index in indices:
                picture.unlink(missing_ok=True)
                with quiet():
                    truth = renderer.pair(index, picture)
                image = picture.read_bytes()
                if not image.endswith(_PNG_END):  # Blender says nothing when a disk is full
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                members = {
                    "png": image,
                    "mask.png": cv2.imencode(".png", truth["mask"])[1].tobytes(),
                    **_geometry(truth),
                    "parameters.npy": _npy(truth["parameters"]),
                    "landmarks.npy": _npy(truth["landmarks"]),
                    "json": json.dumps(truth["json"]).encode(),
                }
                for suffix, data in members.items():
                    info = tarfile.TarInfo(f"{_key(index)}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                tick()
        part.replace(path)


def _geometry(truth: dict[str, Any]) -> dict[str, bytes]:
    """The files of depth and normals, where there are any; PNGs hold normals as R, G, B."""
    if "depth" not in truth:
        return {}
    normals = np.ascontiguousarray(truth["normals"][..., ::-1])
    images = {"depth.png": truth["depth"], "normals.png": normals}
    return {name: cv2.imencode(".png", image)[1].tobytes() for name, image in images.items()}


def last_index(path: Path) -> int:
    """The index of a shard's last pair; -1 where there is no shard or it is torn.

    Its end tells all, as the JSON of the last pair comes last: thousands of shards open in no time.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _END))
            end = file.read()
    except OSError:
        return -1
    names = re.findall(rb"(\d{7})\.json\0", end)
    return int(names[-1]) if names and end.endswith(bytes(2 * tarfile.BLOCKSIZE)) else -1


def remove_leftovers(folder: Path, age: float = 3600.0) -> None:
    """Removes what killed runs left behind; younger than ``age`` seconds it may be a live one's."""
    for part in folder.glob(f"{PART}*"):
        newest = max(p.stat().st_mtime for p in (part, *part.iterdir()))
        if time.time() - newest > age:
            shutil.rmtree(part, ignore_errors=True)


def _decoded(data: bytes) -> Array:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of an open shard."""

    key: str
    _tar: tarfile.TarFile
    _members: dict[str, tarfile.TarInfo]

    def read(self, suffix: str) -> bytes | None:
        """A file of it, such as "mask.png"; None where the shard has none."""
        file = self._tar.extractfile(m) if (m := self._members.get(suffix)) else None
        return file.read() if file else None

    def array(self, name: str) -> Array:
        """``parameters`` or ``landmarks``."""
        return np.asarray(np.load(io.BytesIO(self.read(f"{name}.npy") or b"")))

    def picture(self) -> Array:
        """(size, size, 4) BGRA."""
        return _decoded(self.read("png") or b"")

    def mask(self) -> Array | None:
        """(size, size) classes; None in shards from before there were any."""
        data = self.read("mask.png")
        return _decoded(data) if data else None

    def about(self) -> dict[str, Any]:
        """Its JSON; shards from before it told ``samples`` had always as many."""
        return {"samples": SAMPLES} | json.loads(self.read("json") or b"{}")


def read_shard(path: Path) -> Iterator[Pair]:
    """The pairs of a shard in order, each to be read before the next is asked for.

    UserError where it is damaged.
    """
    try:
        with tarfile.open(path) as tar:
            pairs: dict[str, dict[str, tarfile.TarInfo]] = {}
            for member in tar.getmembers():
                key, _, suffix = member.name.partition(".")
                pairs.setdefault(key, {})[suffix] = member
            for key, members in sorted(pairs.items()):
                yield Pair(key, tar, members)
    except tarfile.TarError as e:
        raise UserError(f"{path} is damaged ({e}): render again with the same --count") from None


def read_pairs(folder: Path) -> Iterator[Pair]:
    """The pairs of all shards of a folder, as `read_shard` gives them."""
    for path in sorted(folder.glob("pairs-*.tar")):
        yield from read_shard(path)
