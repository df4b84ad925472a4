"""Other people's proportions: pixels and landmarks move together, and sides stay alike."""

import cv2
import numpy as np
import pytest

from mien.core.alignment import MIRROR
from mien.training import proportions
from mien.training.augment import jitter
from mien.training.task import unit_to

STILL = np.eye(2, 3)


@pytest.fixture
def face(face_points):
    points = face_points
    image = np.zeros((256, 256, 4), np.uint8)
    image[..., 3] = 255
    return image, points


def dot(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A soft dot, so that its centre can be found to a part of a pixel."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    out = image.copy()
    out[..., 0] = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18)
    return out


def centre(image: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image[..., 0].astype(float)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("landmark", [8, 19, 30, 36, 48, 57])
def test_landmarks_go_where_their_pixels_go(face, landmark):
    image, points = face
    rng = np.random.default_rng(landmark)
    turn = unit_to(256, jitter(rng, 0, 0, 8))
    moved, there = proportions.reshaped(
        dot(image, points[landmark]), points, turn, proportions.another(rng)
    )
    assert np.abs(centre(moved) - there[landmark]).max() < 1
    assert np.abs(there - points).max() > 3


def test_no_change_is_none(face):
    image, points = face
    image = dot(image, points[30])
    moved, there = proportions.reshaped(image, points, STILL, np.zeros((3, 6)))
    assert np.abs(moved.astype(int) - image).max() <= 1
    assert np.abs(there - points).max() < 1e-9


def test_both_sides_change_alike(face):
    image, points = face
    points = (points + [255, 0] * np.array([1, 1]) + points[MIRROR] * [-1, 1]) / 2  # of a mirror
    changed = proportions.another(np.random.default_rng(2))
    _, there = proportions.reshaped(image, points, STILL, changed)
    mirrored = there[MIRROR] * [-1, 1] + [255, 0]
    assert np.abs(there - mirrored).max() < 0.5


def test_a_rendered_picture_stays_whole(face):
    """Nothing folds over: what lies below goes on lying below."""
    image, points = face
    rows = np.arange(256)
    image[..., 1] = rows[:, None]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        moved, _ = proportions.reshaped(image, points, STILL, proportions.another(rng))
        middle = cv2.GaussianBlur(moved[..., 1], (0, 0), 2)[30:225, 128].astype(int)
        assert (np.diff(middle) >= 0).all()
