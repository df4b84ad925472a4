"""The closer look: patches are cut where the landmarks are, and lead back there."""

import cv2
import numpy as np
import pytest

from mien.core import alignment, refining

SIZE = 300


def face(turn: float = 0.0) -> np.ndarray:
    """Landmarks (68, 2) px of some face, tilted by degrees."""
    rng = np.random.default_rng(2)
    points = np.empty((68, 2))
    spots = {
        range(0, 17): (0.5, 0.8), range(17, 22): (0.3, 0.3), range(22, 27): (0.7, 0.3),
        range(27, 36): (0.5, 0.62), range(36, 42): (0.34, 0.4), range(42, 48): (0.66, 0.4),
        range(48, 68): (0.5, 0.74),
    }  # fmt: skip
    for group, middle in spots.items():
        points[list(group)] = middle + rng.uniform(-0.05, 0.05, (len(group), 2))
    points[[30, 48, 54]] = alignment.TEMPLATE[2:]
    centre = SIZE / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), turn, 0.7)
    return alignment.transform(matrix, points * SIZE)


@pytest.mark.parametrize("turn", [0, 35])
def test_a_spot_on_a_landmark_is_seen_where_the_patch_says(turn: float) -> None:
    points = face(turn)
    for k, landmark in enumerate(refining.POINTS):
        image = np.zeros((SIZE, SIZE, 3), np.uint8)
        cv2.circle(image, np.round(points[landmark]).astype(int).tolist(), 3, (255, 255, 255), -1)
        cut = refining.cut(image, points)
        assert cut.eyes.shape == (2, 48, 64, 3) and cut.mouth.shape == cut.oval.shape == (64, 80, 3)
        patch = (*cut.eyes, cut.mouth, cut.oval)[np.searchsorted(refining.SPLITS, k, "right")]
        bright = np.argwhere(patch[..., 0] > 128).mean(0)[::-1]
        assert np.abs(bright - cut.inside(points)[k]).max() < 1


def test_points_in_the_patches_lead_back_to_the_image() -> None:
    points = face(20)
    cut = refining.cut(np.zeros((SIZE, SIZE, 3), np.uint8), points)
    moved = points + np.array([3.0, -2.0])
    assert cut.outside(cut.inside(moved)) == pytest.approx(moved)
    assert sorted(refining.POINTS) == list(range(68))


def test_the_left_eye_is_seen_as_a_right_one() -> None:
    """A face and its mirror image show the same two eyes, in the other order."""
    rng = np.random.default_rng(3)
    image = cv2.GaussianBlur(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8), (0, 0), 3)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    points = face()
    mirrored = points.copy()
    mirrored[:, 0] = SIZE - 1 - points[:, 0]
    swapped = mirrored.copy()
    swapped[list(refining.RIGHT)] = mirrored[list(refining.LEFT)]
    swapped[list(refining.LEFT)] = mirrored[list(refining.RIGHT)]
    swapped[[48, 54]] = mirrored[[54, 48]]
    one = refining.cut(image, points).eyes.astype(int)
    other = refining.cut(np.ascontiguousarray(image[:, ::-1]), swapped).eyes.astype(int)
    assert np.abs(one - other[::-1]).mean() < 1 < 8 < np.abs(one - other).mean()


def test_a_face_at_the_edge_is_cut_too() -> None:
    points = face() + np.array([0.45, -0.3]) * SIZE
    cut = refining.cut(np.full((SIZE, SIZE, 3), 9, np.uint8), points)
    assert (cut.eyes == 9).all() and (cut.mouth == 9).all()
    assert cut.outside(cut.inside(points)) == pytest.approx(points)
