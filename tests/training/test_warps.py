import numpy as np
import pytest

from mien.core.face_model import PATH, head_rotation
from mien.training import warps

needs_model = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")
SQUARE = np.array([[0.0, 0], [63, 0], [63, 63], [0, 63]])


def centre(picture):
    """(x, y) of what is bright."""
    rows, columns = np.nonzero(picture > 128)
    return columns.mean(), rows.mean()


def test_a_picture_whose_points_stay_is_itself():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    points = np.concatenate([SQUARE, [[20, 30], [40.5, 17.2], [33, 50]]])
    same = warps.piecewise(picture, points, points, np.zeros(len(points)))
    assert (same == picture).all()


def test_what_lies_at_a_point_moves_with_it():
    picture = np.zeros((64, 64), np.uint8)
    picture[28:33, 18:23] = 255
    source = np.concatenate([SQUARE, [[20, 30]]])
    target = np.concatenate([SQUARE, [[26, 35]]])
    moved = warps.piecewise(picture, source, target, np.zeros(5))
    assert np.allclose(centre(moved), (26, 35), atol=1)


@pytest.mark.parametrize("near", [0, 1])
def test_of_two_points_that_pass_each_other_the_nearer_is_seen(near):
    picture = np.zeros((64, 64), np.uint8)
    picture[:, :32] = 255
    source = np.concatenate([SQUARE, [[16, 32], [48, 32]]])
    target = np.concatenate([SQUARE, [[44, 32], [20, 32]]])
    depth = np.zeros(6)
    depth[4 + near] = 1
    moved = warps.piecewise(picture, source, target, depth)
    # Where they overlap: the bright left half is seen if its point is the nearer.
    assert (moved[26:38, 36:40].mean() > 128) == (near == 0)


@needs_model
def test_the_camera_of_a_seen_head_is_found():
    turn, scale = head_rotation(25, -12, 8), 900.0
    seen = warps.head({})[:68] @ (scale * turn).T
    points = seen[:, :2] * (1, -1) + (300, 200)
    assert np.allclose(warps.camera(points), scale * turn, rtol=1e-6, atol=1e-4)
    # Turned back upright, it is the head from the front.
    picture = np.zeros((400, 600, 3), np.uint8)
    once = warps.warped(picture, points, 20, 10, {})[1]
    expected = warps.head({})[:68] @ (scale * head_rotation(20, 10) @ turn).T
    expected = expected[:, :2] * (1, -1)
    assert np.allclose(once - once.mean(0), expected - expected.mean(0), atol=1e-6)


@needs_model
def test_a_face_that_turns_to_its_left_turns_to_the_right_of_the_picture(face_image, face_points):
    turned, points = warps.warped(face_image, face_points, 25, 0, {})
    assert turned.shape == face_image.shape and turned.dtype == np.uint8
    nose = points[30, 0] - points[[36, 45], 0].mean()
    assert nose > 8 and abs(face_points[30, 0] - face_points[[36, 45], 0].mean()) < 1
    for eye in (slice(36, 42), slice(42, 48)):  # the eyes are where their landmarks are
        x, y = points[eye].mean(0).round().astype(int)
        assert turned[y, x, 2] < 90 < 180 < face_image[80, 128, 2]


@needs_model
def test_a_smile_moves_both_corners_of_the_mouth_and_a_smirk_one(face_image, face_points):
    _, smiling = warps.warped(face_image, face_points, 0, 0, {"AU12": 1})
    moved = np.linalg.norm(smiling - face_points, axis=1)
    assert np.ptp(smiling[[48, 54], 0]) > np.ptp(face_points[[48, 54], 0]) + 4
    assert moved[[27, 36, 45]].max() < 1 < moved[[48, 54]].min()
    smirk = {"AU12": 1, "AU12.asymmetry": 1}
    drawn, smirking = warps.warped(face_image, face_points, 0, 0, smirk)
    moved = np.linalg.norm(smirking - face_points, axis=1)
    assert moved[54] > 5 * moved[48]
    assert (drawn != face_image).any() and (drawn[:, :40] == face_image[:, :40]).all()
