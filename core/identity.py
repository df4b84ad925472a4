"""Who a face is: the identity and brow style that explain a performer's landmarks.

The most probable person under the prior from which the bridge draws its people, by Gauss-Newton.
For landmarks p of pictures with expressions e, as landmarks L + J z of the face model are all but
linear in the prior's coefficients z:

    min  sum |p - P(L + e + J z)|^2 / SURE^2 + |z|^2 / SPREAD^2 + sum |turn|^2 / TURN^2
    P(x) = s D / (D - Rx.z) (Rx.x, -Rx.y) + t         (a camera at distance D)

where turn is how far the head is from where the estimator sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import parameters
from .face_model import FaceModel, head_rotation, rotation
from .sparse_model import sparse_model

Array = NDArray[Any]

VIEWS: Final = 8  # pictures of a face; more tell little
SPREAD: Final = 0.5  # standard deviation of z among people
TURN: Final = 0.08  # radians
DISTANCE: Final = 1.0  # m
# Of the aligned crop's side: twice what the landmark network is off by, as it errs alike in all
# pictures of a person; along the jaw, where nothing shows, it guesses.
SURE: Final = np.repeat([0.05, 0.016], [17, 51])[:, None]
_COEFFICIENTS: Final = 40  # of the prior's 80; the others hardly show in landmarks
_ROUNDS: Final = 6
_IN_PICTURE: Final = np.array([1, -1])  # y is down there


@dataclass(frozen=True)
class _Landmarks:
    """Of ``model``: mean (68, 3) m, with the mean of all brows; prior (208, K) of the controls, and
    what it does, directions J (K, 68, 3); brows (36, 68, 3), how each style differs from the mean.
    """

    model: FaceModel
    mean: Array
    prior: Array
    directions: Array
    brows: Array

    def expressions(self, vectors: Array) -> Array:
        """(F, 68, 3) m that the expressions of vectors (F, 285) move the mean."""
        nobody = self.model.person(parameters.neutral()[parameters.IDENTITY])
        rest = self.model.landmarks(nobody.rest, nobody)
        posed = [self.model.pose(nobody, self.model.slider_values(y)) for y in vectors]
        return np.stack([self.model.landmarks(points, nobody) for points in posed]) - rest


@dataclass
class _Guess:
    """What is sought: z (K,) and, for each picture, the head's rotation (F, 3, 3) with its turn
    (F, 3) from where it began, the scale s (F,) and the shift t (F, 2)."""

    z: Array
    heads: Array
    turn: Array
    scale: Array
    shift: Array

    def add(self, step: Array) -> None:
        """Goes a step (6 F + K,) of Gauss-Newton."""
        pictures = step[: -len(self.z)].reshape(-1, 6)
        self.z += step[-len(self.z) :]
        self.heads = rotation(*pictures[:, :3].T) @ self.heads
        self.turn += pictures[:, :3]
        self.scale *= np.exp(pictures[:, 3])
        self.shift += pictures[:, 4:]


def estimate(points: Array, vectors: Array) -> Array:
    """(244,) in 0..1 of the person whose landmarks in aligned crops are (F, 68, 2) in 0..1, where
    the parameters (F, 285) tell pose and expression."""
    face = _landmarks()
    faces = face.mean + face.expressions(vectors) - face.mean.mean(0)
    seen = parameters.signals(vectors)
    heads = np.stack(
        [
            head_rotation(float(yaw), float(pitch))
            for yaw, pitch in zip(seen["head.yaw"], seen["head.pitch"], strict=True)
        ]
    )
    scale = np.ptp(points[..., 1], 1) / np.ptp(faces[..., 1], 1)
    count, size = len(points), len(face.directions)
    guess = _Guess(np.zeros(size), heads, np.zeros((count, 3)), scale, points.mean(1))
    for _ in range(_ROUNDS):
        matrix, residual, _ = _equations(face, faces, points, guess)
        guess.add(np.linalg.solve(matrix.T @ matrix, matrix.T @ residual))
    # The last step once for each style of brows: the one that leaves least is theirs.
    matrix, residual, brows = _equations(face, faces, points, guess)
    left = residual[:, None] - brows.T
    steps = np.linalg.solve(matrix.T @ matrix, matrix.T @ left)
    style = int(((left - matrix @ steps) ** 2).sum(0).argmin())
    z = guess.z + steps[-size:, style]
    controls = np.clip(0.5 + face.prior @ z, 0, 1)
    return np.concatenate([controls, np.eye(parameters.BROW_STYLES)[style]])


def at_rest(identity: Array) -> Array:
    """The parameters (285,) of the person of an identity (244,) at rest, facing the camera."""
    y = parameters.from_values(dict.fromkeys(parameters.AUS, 0))
    y[parameters.IDENTITY] = identity
    return y


def _equations(
    face: _Landmarks, faces: Array, points: Array, guess: _Guess
) -> tuple[Array, Array, Array]:
    """(matrix (N, 6 F + K), residual (N,), what each style of brows adds to what is seen (36, N)),
    all in standard deviations."""
    count, size = len(points), len(guess.z)
    turned = guess.heads.swapaxes(1, 2)
    there = (faces + np.tensordot(guess.z, face.directions, 1)) @ turned
    near = DISTANCE / (DISTANCE - there[..., 2:])
    scale = guess.scale[:, None, None] * near * _IN_PICTURE
    seen = scale * there[..., :2]

    def show(moved: Array) -> Array:
        """The derivative (..., F, 68, 2) of what is seen by motions (..., F, 68, 3)."""
        return scale * (moved[..., :2] + there[..., :2] * near / DISTANCE * moved[..., 2:]) / SURE

    pictures = np.zeros((6, count, 68, 2))
    pictures[:3] = show(np.cross(np.eye(3)[:, None, None], there))
    pictures[3] = seen / SURE
    pictures[4:] = np.eye(2)[:, None, None] / SURE
    own = np.zeros((count, 136, count, 6))
    own[range(count), :, range(count)] = pictures.reshape(6, count, 136).transpose(1, 2, 0)
    person = show(face.directions[:, None] @ turned).reshape(size, -1).T
    turns = np.kron(np.eye(count), np.eye(3, 6) / TURN)
    matrix = np.block(
        [
            [own.reshape(-1, 6 * count), person],
            [turns, np.zeros((3 * count, size))],
            [np.zeros((size, 6 * count)), np.eye(size) / SPREAD],
        ]
    )
    off = (points - seen - guess.shift[:, None]) / SURE
    residual = np.concatenate([off.ravel(), -guess.turn.ravel() / TURN, -guess.z / SPREAD])
    brows = show(face.brows[:, None] @ turned).reshape(len(face.brows), -1)
    return matrix, residual, np.pad(brows, ((0, 0), (0, len(residual) - brows.shape[1])))


@lru_cache(maxsize=1)
def _landmarks() -> _Landmarks:
    """Of the face model, by differences between some hundred faces: half a second."""
    model = sparse_model()
    prior = model.data["prior"][:, :_COEFFICIENTS].astype(float)

    def landmarks(controls: Array, style: int = 0) -> Array:
        brow = np.eye(parameters.BROW_STYLES)[style]
        person = model.person(np.concatenate([controls, brow]))
        return model.landmarks(person.rest, person)

    middle = np.full(len(prior), 0.5)
    steps = SPREAD / 2 * prior.T
    directions = [(landmarks(middle + s) - landmarks(middle - s)) / SPREAD for s in steps]
    styles = np.stack([landmarks(middle, style) for style in range(parameters.BROW_STYLES)])
    mean = styles.mean(0)
    return _Landmarks(model, mean, prior, np.stack(directions), styles - mean)
