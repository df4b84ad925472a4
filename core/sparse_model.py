"""The face model without the skin that neither landmarks nor joints depend on: some 5 ms a face."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from .face_model import PATH, FaceModel, stored

_PER_VERTEX: Final = ("base", "weights", "lips", "inside_mouth", "ears")


def sparse_model(path: Path = PATH) -> FaceModel:
    """A face model whose landmarks, joints and poses are those of the whole one."""
    data = stored(path)
    rows = data["brow_start"][:-1, None] + data["brow_landmarks"]  # (36, 10)
    styles, points = rows.shape
    for key in ("brow_triangle", "brow_weight", "brow_offset"):
        data[key] = data[key][rows.ravel()]
    data["brow_start"] = np.arange(styles + 1) * points
    data["brow_landmarks"] = np.tile(np.arange(points), (styles, 1))
    # iBUG's brow landmarks are the brow's own; the skin's vertices there are never read.
    joints = data["joint_vertices"]
    loose = data["faces"][data["face_part"] != data["parts"].tolist().index("skin")]
    keep = np.unique(
        np.r_[
            data["landmarks"], joints[joints >= 0], data["brow_triangle"].ravel(), loose.ravel()
        ]
    )  # fmt: skip
    new = np.full(len(data["base"]), -1)
    new[keep] = np.arange(len(keep))
    for key in _PER_VERTEX:
        data[key] = data[key][keep]
    for key in ("slider_shape", "extra"):
        data[key] = data[key][:, keep]
    data["landmarks"], data["brow_triangle"] = new[data["landmarks"]], new[data["brow_triangle"]]
    whole = (new[data["faces"]] >= 0).all(1)
    data["faces"], data["face_part"] = new[data["faces"][whole]], data["face_part"][whole]
    data["joint_vertices"] = np.where(joints >= 0, new[joints], -1)
    return FaceModel(data)
