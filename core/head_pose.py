"""How a head is turned, of what a picture tells: yaw and pitch of the upright face, and the tilt of
its aligned crop."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .alignment import TEMPLATE
from .face_model import head_rotation

Array = NDArray[np.float64]

# How far the template's points are in front of their mean, in sides of the aligned crop: eyes, nose
# tip and mouth corners of the base face.
_DEPTH: Final = np.array([-0.043, -0.043, 0.111, -0.012, -0.012])
_FIVE: Final = np.column_stack([TEMPLATE * (1, -1), _DEPTH])
_CENTRED: Final = _FIVE - _FIVE.mean(0)


def tilt_of_turn(yaw: ArrayLike, pitch: ArrayLike) -> Array:
    """(N,) degrees by which :func:`mien.core.alignment.roll` is off for faces turned by (N,)
    degrees: the nose, which is nearer than eyes and mouth, pulls the crop round with it."""
    turned = _CENTRED @ np.swapaxes(head_rotation(yaw, pitch), -1, -2)
    seen, upright = (x[..., 0] - 1j * x[..., 1] for x in (turned, _CENTRED))
    return np.asarray(-np.degrees(np.angle((seen.conj() * upright).sum(-1))))


def with_head_pose(seen: dict[str, Array], roll: ArrayLike) -> dict[str, Array]:
    """The signals (N,) of faces whose aligned crops are rolled by (N,) degrees in the picture, with
    head.yaw, head.pitch and head.roll of :func:`mien.core.rotation.head` in place of the yaw and
    pitch of the upright face: Ry(yaw) Rx(-pitch) Rz(-roll), where a picture shows roll last."""
    yaw, pitch = seen["head.yaw"], seen["head.pitch"]
    r = head_rotation(yaw, pitch, np.asarray(roll, float) - tilt_of_turn(yaw, pitch))
    return seen | head_angles(r)


def head_angles(r: Array) -> dict[str, Array]:
    """head.yaw, head.pitch and head.roll (N,) of rotations (N, 3, 3) Ry(yaw) Rx(-pitch) Rz(-roll),
    in degrees."""
    return {
        "head.yaw": np.degrees(np.arctan2(r[..., 0, 2], r[..., 2, 2])),
        "head.pitch": np.degrees(np.arcsin(np.clip(r[..., 1, 2], -1, 1))),
        "head.roll": -np.degrees(np.arctan2(r[..., 1, 0], r[..., 1, 1])),
    }
