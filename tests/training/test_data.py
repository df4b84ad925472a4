import io
import os
import tarfile

import numpy as np
import pytest

from mien.core import parameters
from mien.core.alignment import mirror_points
from mien.core.errors import UserError
from mien.core.face_classes import INDEX
from mien.training import augment
from mien.training.data import Pictures, load_pairs, mirror_mask, mirror_values
from mien.training.networks import VALUES

FILES = ("png", "mask.png", "json", "parameters.npy", "landmarks.npy")


def write_shard(folder, files):
    with tarfile.open(folder / "pairs-00000.tar", "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"000003.{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_pairs_are_read_and_their_neutrals_found(pairs_folder):
    pairs = load_pairs(pairs_folder)
    assert len(pairs) == len(pairs.images) == 80
    assert {image.shape for image in pairs.images} == {(256, 256, 4)}
    assert pairs.landmarks.shape == (80, 68, 2) and pairs.values.shape == (80, 41)
    assert (pairs.neutral == np.arange(80) // 4 * 4).all()
    train, held = pairs.split()
    assert set(pairs.identity[held]) == {9, 19} and len(train) + len(held) == 80
    again = load_pairs(pairs_folder)  # from the cache
    assert np.array_equal(again.images, pairs.images)
    assert (again.neutral == pairs.neutral).all()


def test_people_of_two_folders_are_others_though_of_one_seed(pairs_folder, tmp_path):
    """A seed's studio people are not its wild ones."""
    (tmp_path / "studio").mkdir()
    shard = "pairs-00000.tar"
    (tmp_path / "studio" / shard).write_bytes((pairs_folder / shard).read_bytes())
    pairs = load_pairs(pairs_folder, tmp_path / "studio")
    assert pairs.seeds == load_pairs(pairs_folder).seeds
    assert len(np.unique(pairs.person)) == 40
    assert (pairs.neutral == np.arange(160) // 4 * 4).all()


def test_pictures_are_found_in_the_file_that_holds_them(tmp_path):
    whole = np.random.default_rng(0).integers(0, 256, (9, 2, 3, 4), np.uint8)
    files = [tmp_path / f"{k}.npy" for k in range(4)]
    for file, part in zip(files, np.split(whole, (2, 3, 8)), strict=True):
        np.save(file, part)
    pictures = Pictures(files)
    assert len(pictures) == 9 and np.array_equal(pictures, whole)
    assert (pictures[np.int64(7)] == whole[7]).all() and pictures[7].flags.writeable
    for outside in (9, -1):
        with pytest.raises(IndexError):
            pictures[outside]


def test_colours_are_multiplied_by_alpha(pairs_folder):
    image = load_pairs(pairs_folder).images[0]
    assert (image[..., :3].max(-1) <= image[..., 3]).all() and image[100, 128, 0] > 100


def test_masks_lie_on_their_images_and_are_read_when_asked_for(pairs_folder):
    assert load_pairs(pairs_folder).masks is None
    pairs = load_pairs(pairs_folder, masks=True)
    assert len(pairs.masks) == 80
    for mask, image in zip(pairs.masks, pairs.images, strict=True):
        assert mask.shape == (256, 256) and mask.dtype == np.uint8
        assert ((mask > 0) == (image[..., 3] > 0)).all()
    rows, columns = np.nonzero(pairs.masks[3] == INDEX["l_eye"])
    assert np.allclose(
        [columns.mean(), rows.mean()], pairs.landmarks[3, 42:48].mean(0), atol=1.5
    )  # the subject's left


def test_pairs_without_masks_are_told_apart(pairs_folder, tmp_path):
    with tarfile.open(pairs_folder / "pairs-00000.tar") as whole:
        files = {name: whole.extractfile(f"000003.{name}").read() for name in FILES}
    write_shard(tmp_path, {**files, "mask.png": b"no picture"})
    assert len(load_pairs(tmp_path)) == 1
    with pytest.raises(UserError, match="damaged"):
        load_pairs(tmp_path, masks=True)
    del files["mask.png"]
    write_shard(tmp_path, files)
    with pytest.raises(UserError, match="no masks"):
        load_pairs(tmp_path, masks=True)


def test_what_was_decoded_goes_with_its_shard(pairs_folder, tmp_path):
    with tarfile.open(pairs_folder / "pairs-00000.tar") as whole:
        files = {name: whole.extractfile(f"000003.{name}").read() for name in FILES}
        other = {name: whole.extractfile(f"000005.{name}").read() for name in FILES}
    write_shard(tmp_path, files)
    first = load_pairs(tmp_path).images[0]
    shard, cache = tmp_path / "pairs-00000.tar", tmp_path / "pairs-00000.image.npy"
    written = cache.stat().st_ino
    assert np.array_equal(load_pairs(tmp_path).images[0], first)
    assert cache.stat().st_ino == written  # not decoded again

    cache.write_bytes(b"")  # as a power cut may leave it
    assert np.array_equal(load_pairs(tmp_path).images[0], first)

    write_shard(tmp_path, other)
    os.utime(shard, (1e9, 1e9))  # moved here, and older than what was decoded
    assert not np.array_equal(load_pairs(tmp_path).images[0], first)


def test_a_face_at_rest_is_not_judged_beside_itself(pairs_folder):
    pairs = load_pairs(pairs_folder)
    assert (pairs.acting(np.arange(8)) == [1, 2, 3, 5, 6, 7]).all()
    pairs.neutral[5:7] = -1
    assert (pairs.acting(np.arange(8)) == [1, 2, 3, 7]).all()


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


def test_a_mirrored_mask_is_the_mask_of_the_mirrored_face(pairs_folder):
    pairs = load_pairs(pairs_folder, masks=True)
    turned, points = mirror_mask(pairs.masks[3]), mirror_points(pairs.landmarks[3], 255)
    for name, eye in (("r_eye", slice(36, 42)), ("l_eye", slice(42, 48))):
        rows, columns = np.nonzero(turned == INDEX[name])
        assert np.allclose([columns.mean(), rows.mean()], points[eye].mean(0), atol=1.5)
    assert (mirror_mask(turned) == pairs.masks[3]).all()
    lips = np.array([[INDEX["l_lip"], INDEX["u_lip"], INDEX["r_ear"]]], np.uint8)
    assert mirror_mask(lips).tolist() == [[INDEX["l_ear"], INDEX["u_lip"], INDEX["l_lip"]]]


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


def plain(size=96):
    """A picture with edges in both directions, in colours."""
    ramp = np.arange(size) // 12 % 2 * 150 + 50
    columns, rows = np.meshgrid(ramp, ramp)
    return np.stack([rows, columns, np.full_like(rows, 90)], -1).astype(np.uint8)


@pytest.mark.parametrize(
    "effect", [augment.light, augment._lens, augment.sensor, augment._afar, augment.occlude]
)
def test_each_disturbance_comes_in_many_ways(effect):
    image = plain()
    off = []
    for seed in range(60):
        seen = effect(np.random.default_rng(seed), image)
        assert seen.shape == image.shape and seen.dtype == np.uint8
        off.append(np.abs(seen.astype(int) - image).mean())
    assert (image == plain()).all() and sum(o > 1 for o in off) > 20
    assert len({round(o, 3) for o in off}) > 15


def test_what_a_video_leaves_is_coarser_than_jpeg():
    """Of noise, which no codec pays for, little is left."""
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    left = [augment.sensor(np.random.default_rng(seed), image).std() for seed in range(60)]
    assert sum(std < 0.6 * image.std() for std in left) >= 6  # a video
    assert sum(std > 0.6 * image.std() for std in left) >= 30


@pytest.mark.parametrize("side", [16, 33])
def test_the_smallest_pictures_are_disturbed_too(side):
    for seed in range(60):
        seen = augment.disturb(np.random.default_rng(seed), plain(side))
        assert seen.shape == (side, side, 3)


def test_few_pixels_have_noise_as_large_as_they_are():
    """Neighbours differ less where they were one pixel to the camera."""
    grey = np.full((96, 96, 3), 128, np.uint8)

    def roughness(effect):
        seen = [effect(np.random.default_rng(seed), grey).astype(float) for seed in range(60)]
        return np.median([np.diff(s, axis=1).std() / s.std() for s in seen if s.std() > 2])

    assert roughness(augment._afar) < 0.8 * roughness(augment.sensor)


def test_a_piece_that_is_cut_out_shows_another_of_the_same_picture():
    image = plain()
    colours = {*map(tuple, image.reshape(-1, 3).tolist())}
    kept = 0
    for seed in range(30):
        seen = augment.occlude(np.random.default_rng(seed), image)
        kept += {*map(tuple, seen.reshape(-1, 3).tolist())} <= colours and (seen != image).any()
    assert 2 <= kept < 20


def test_heads_are_tilted_as_they_were_rendered(pairs_folder):
    assert (load_pairs(pairs_folder).roll == np.arange(80) / 8).all()


def test_whole_vectors_are_there_for_those_who_ask(pairs_folder):
    pairs = load_pairs(pairs_folder, vectors=True)
    assert pairs.vectors.shape == (80, parameters.SIZE)
    columns = [parameters.INDEX[name] for name in VALUES]
    assert (pairs.vectors[:, columns] == pairs.values).all()
    assert load_pairs(pairs_folder).vectors is None
