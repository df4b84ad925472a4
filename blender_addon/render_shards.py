# SPDX-License-Identifier: GPL-3.0-or-later
"""WebDataset shards of rendered pairs: written whole or not at all.

Of each pair KEY a shard holds, all in pixels with the centre of the first at (.5, .5):
KEY.png             RGBA, sRGB, alpha 0 where the background goes
KEY.mask.png        class of every pixel, see render_masks
KEY.parameters.npy  (285,) float32, see mien.core.parameters
KEY.landmarks.npy   (68, 3) float32: x, y, 1 where it faces the camera and lies in the picture
KEY.json            seed, index, identity, kind, face box (centre x, y, side), camera, light, person
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .render_picture import PairRenderer, quiet

Array = NDArray[Any]

PER_SHARD = 100


def _npy(values: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def write_shard(renderer: PairRenderer, path: Path, indices: range, tick: Any) -> None:
    """Renders a shard beside its place and moves it there when whole."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as scratch:
        picture, part = Path(scratch) / "picture.png", Path(scratch) / path.name
        with tarfile.open(part, "w") as tar:
            for index in indices:
                with quiet():
                    record = renderer.pair(index, picture)
                key = f"{index:07d}"
                members = {
                    "png": picture.read_bytes(),
                    "mask.png": cv2.imencode(".png", record["mask"])[1].tobytes(),
                    "parameters.npy": _npy(record["parameters"]),
                    "landmarks.npy": _npy(record["landmarks"]),
                    "json": json.dumps(record["json"]).encode(),
                }
                for suffix, data in members.items():
                    info = tarfile.TarInfo(f"{key}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                tick()
        part.replace(path)
