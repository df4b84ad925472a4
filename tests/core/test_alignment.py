"""The crops: where a face comes to lie, and what its roll is called."""

import cv2
import numpy as np
import pytest

from mien.core import alignment


def face(turn: float = 0.0, scale: float = 100.0) -> np.ndarray:
    """68 landmarks, those five that matter on the template, turned clockwise in the image."""
    right, left, nose, mouth_right, mouth_left = alignment.TEMPLATE
    points = np.tile(alignment.TEMPLATE.mean(0), (68, 1))
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = mouth_right, mouth_left
    a = np.radians(turn)
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return points @ rotation.T * scale + [300, 200]


@pytest.mark.parametrize("turn", [-40, -5, 0, 15, 70])
@pytest.mark.parametrize("scale", [20, 900])
def test_any_similar_face_lands_on_the_template(turn: float, scale: float) -> None:
    points = face(turn, scale)
    matrix = alignment.aligned_matrix(points, 96)
    landed = alignment.transform(matrix, alignment.five_points(points))
    assert np.allclose(landed / 96, alignment.TEMPLATE, atol=1e-9)
    assert np.allclose(alignment.transform(alignment.inverse(matrix), landed),
                       alignment.five_points(points))  # fmt: skip
    # Clockwise in the image: the head tilts to image right, the subject's left shoulder.
    assert alignment.roll(matrix) == pytest.approx(turn)


def test_box_is_square_around_the_mean() -> None:
    points = face()
    x, y, side = alignment.face_box(points)
    assert np.allclose([x, y], points.mean(0))
    assert side == pytest.approx(1.35 * np.ptp(points, axis=0).max())
    corners = [[x - side / 2, y - side / 2], [x + side / 2, y + side / 2]]
    moved = alignment.transform(alignment.box_matrix([x, y, side], 128), corners)
    assert np.allclose(moved, [[0, 0], [128, 128]])


@pytest.mark.parametrize("turn", [0, 25])
def test_a_large_face_is_averaged_not_sampled(turn: float) -> None:
    """A fine chequerboard becomes grey, and a soft picture lands where the matrix says."""
    points = face(turn, 600) + np.array([50, 0])
    chequers = (np.indices((1000, 1000)).sum(0) % 2 * 255).astype(np.uint8)
    matrix = alignment.aligned_matrix(points, 96)
    crop = alignment.warp(chequers, matrix, 96)
    assert abs(crop[20:-20, 20:-20].astype(int) - 127).max() < 40
    y, x = np.indices((1000, 1000)).astype(np.float32)
    slope = 0.1 * x + 0.05 * y
    crop = alignment.warp(slope, matrix, 96)
    at = alignment.transform(alignment.inverse(matrix), [[48, 48]])[0]
    assert crop[48, 48] == pytest.approx(0.1 * at[0] + 0.05 * at[1], abs=0.05)


@pytest.mark.parametrize("shift", [0, -190, 330])  # within the picture, over its left, its right
def test_the_mirror_image_has_the_mirrored_pixels(shift: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (640, 711), np.uint8)
    points = face(10, 431) + np.array([shift, 60])
    turned = alignment.mirror_points(points, image.shape[1] - 1)
    half = np.array([[0, 0, 0.5], [0, 0, 0.5]])  # pixel: of 96 the middle is 47.5
    crops = [
        alignment.warp(i, alignment.aligned_matrix(p, 96) - half, 96)
        for i, p in ((image, points), (image[:, ::-1].copy(), turned))
    ]
    assert crops[0].std() > 10
    # OpenCV samples at whole 32nds of a pixel.
    assert abs(crops[1][:, ::-1].astype(int) - crops[0]).max() < 12


def test_small_face_is_what_opencv_gives() -> None:
    image = np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8)
    matrix = alignment.aligned_matrix(face(10, 60), 96)
    crop = alignment.warp(image, matrix, 96)
    flags = {"borderMode": cv2.BORDER_REPLICATE}
    assert np.array_equal(crop, cv2.warpAffine(image, matrix, (96, 96), **flags))


def test_a_face_outside_the_picture_is_cropped_all_the_same() -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    for shift in ([-5000, -5000], [5000, 5000]):
        matrix = alignment.aligned_matrix(face(0, 800) + shift, 96)
        assert alignment.warp(image, matrix, 96).shape == (96, 96, 3)
