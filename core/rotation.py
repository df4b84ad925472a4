"""The head's rotation as quaternions (w, x, y, z) in axes x subject's left, y up, z forward."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Columns: our x (left), y (up), z (forward) in Blender's armature space, the face towards -Y.
CHARACTER_AXES = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def from_vector(vector: ArrayLike) -> Array:
    """(N, 4) unit quaternions, w >= 0, of rotation vectors (N, 3) in radians, shorter than pi."""
    v = np.asarray(vector, float)
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    # np.sinc(x) is sin(pi x)/(pi x), well behaved at 0.
    return np.concatenate([np.cos(angle / 2), v * np.sinc(angle / 2 / np.pi) / 2], axis=-1)


def to_vector(q: ArrayLike) -> Array:
    """(N, 3) rotation vectors in radians, the log of unit quaternions (N, 4)."""
    q = np.asarray(q, float)
    q = np.where(q[..., :1] < 0, -q, q)
    half = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(half, q[..., :1])
    rate = np.divide(angle, half, out=np.full_like(half, 2.0), where=half > 1e-12)
    return np.asarray(q[..., 1:] * rate)


def multiply(a: ArrayLike, b: ArrayLike) -> Array:
    """(N, 4) products: the rotation b, then a."""
    aw, ax, ay, az = np.moveaxis(np.asarray(a, float), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b, float), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def head(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike) -> Array:
    """(N, 4) of Ry(yaw) Rx(-pitch) Rz(-roll), angles (N,) in degrees with the project's signs."""
    turns = []
    for axis, degrees in ((1, yaw), (0, -np.asarray(pitch, float)), (2, -np.asarray(roll, float))):
        angle = np.radians(np.asarray(degrees, float))
        turns.append(from_vector(angle[..., None] * np.eye(3)[axis]))
    return multiply(multiply(turns[0], turns[1]), turns[2])
