import numpy as np
import pytest

from mien.core import parameters
from mien.core.errors import UserError
from mien.training import augment
from mien.training.data import load_pairs, mirror_points, mirror_values
from mien.training.networks import VALUES


def test_pairs_are_read_and_their_neutrals_found(pairs_folder):
    pairs = load_pairs(pairs_folder)
    assert pairs.images.shape == (80, 256, 256, 4)
    assert pairs.landmarks.shape == (80, 68, 2) and pairs.values.shape == (80, 41)
    assert (pairs.neutral == np.arange(80) // 4 * 4).all()
    train, held = pairs.split()
    assert set(pairs.identity[held]) == {9, 19} and len(train) + len(held) == 80
    again = load_pairs(pairs_folder)  # from the cache
    assert (again.images == pairs.images).all() and (again.neutral == pairs.neutral).all()


def test_colours_are_multiplied_by_alpha(pairs_folder):
    image = load_pairs(pairs_folder).images[0]
    assert (image[..., :3].max(-1) <= image[..., 3]).all() and image[100, 128, 0] > 100


def test_an_empty_folder_is_told_what_to_do(tmp_path):
    with pytest.raises(UserError, match="render-pairs"):
        load_pairs(tmp_path)


def test_mirroring_swaps_the_sides_and_twice_is_nothing(face_points):
    points = face_points
    mirrored = mirror_points(points, 256)
    assert np.allclose(mirror_points(mirrored, 256), points)
    assert mirrored[36:42, 0].mean() < mirrored[42:48, 0].mean()  # still the subject's right first
    # A symmetric face mirrored about its middle is itself.
    assert np.allclose(mirrored[[30, 36, 48]], points[[30, 36, 48]], atol=1)


def test_mirrored_values_swap_left_and_right():
    rng = np.random.default_rng(1)
    values = rng.random((3, len(VALUES)))
    at = VALUES.index
    values[:, at("AU12.asymmetry")] = (1, -0.5, 0)
    mirrored = mirror_values(values)
    assert (mirrored[:, at("AU12.asymmetry")] == (-1, 0.5, 0)).all()
    assert (mirrored[:, at("AU30.L")] == values[:, at("AU30.R")]).all()
    assert np.allclose(
        parameters.angle("head.yaw", mirrored[:, at("head.yaw")]),
        -parameters.angle("head.yaw", values[:, at("head.yaw")]),
    )
    assert np.allclose(mirrored[:, at("gaze.yaw")], 1 - values[:, at("gaze.yaw")])
    assert (mirrored[:, at("head.pitch")] == values[:, at("head.pitch")]).all()
    assert np.allclose(mirror_values(mirrored), values)


def test_pasting_keeps_the_face_and_shows_the_background(pairs_folder):
    image = load_pairs(pairs_folder).images[0]
    behind = np.full((256, 256, 3), 77, np.uint8)
    out = augment.paste(image, np.eye(2, 3), behind)
    assert (out[image[..., 3] == 0] == 77).all()
    assert (out[image[..., 3] == 255] == image[image[..., 3] == 255][:, :3]).all()


def test_disturbing_is_the_same_for_the_same_seed():
    image = augment.background(np.random.default_rng(3), 96)
    once, twice = (augment.disturb(np.random.default_rng(4), image, 1) for _ in range(2))
    assert once.shape == image.shape and once.dtype == np.uint8 and (once == twice).all()
