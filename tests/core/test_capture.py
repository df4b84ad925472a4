"""Capture of real footage, with the networks that are shipped."""

import math
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core import alignment, landmarks, models, parameters
from mien.core.capture import STAGES, Cancelled, Progress, _Face, _neutral, capture
from mien.core.errors import UserError
from mien.core.estimator import Sample
from mien.core.frames import open_footage
from mien.core.parameters import SIGNALS
from mien.core.parsing import parse
from mien.core.tracking import PATIENCE, Tracker


def test_nothing_is_taken_for_a_face_where_there_is_none(media) -> None:
    (take,) = capture(media("no_face.mp4"))
    assert len(take) > 80 and not take.success.any()


def test_no_face_is_a_take_without_success(make_video) -> None:
    progress: list[Progress] = []
    (take,) = capture(make_video(frames=5), progress=progress.append)
    assert len(take) == 5
    assert not take.success.any()
    assert set(take.signals) == set(SIGNALS)
    assert (progress[-1].done, progress[-1].total, progress[-1].eta) == (5, 5, 0)
    assert set(progress[-1].seconds) == set(STAGES)


def test_cancel_and_finish(make_video) -> None:
    clip = make_video(frames=5)
    with pytest.raises(Cancelled):
        capture(clip, cancelled=lambda: True)
    asked = iter([False, False, True])
    (take,) = capture(clip, finished=lambda: next(asked))
    assert len(take) == 2


@pytest.mark.parametrize(
    ("part", "marked"), [({"start": 2}, (0, 1)), ({"end": 2}, (3, 4)), ({}, (5, 9))]
)
def test_marks_outside_of_what_is_captured_are_refused_before_the_work(
    part: dict[str, int], marked: tuple[int, int], tmp_path: Path
) -> None:
    for i in range(5):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.zeros((48, 64), np.uint8))
    progress: list[Progress] = []
    with pytest.raises(UserError, match="not among those to be captured"):
        capture(tmp_path, neutral=marked, progress=progress.append, **part)
    assert not progress


@pytest.mark.parametrize("clip", ["smile", "grin_greenscreen", "expressions"])
def test_plain_movements_are_seen(media, clip: str) -> None:
    """What a person sees in a clip (events.toml): where it plainly is, and where it is not."""
    marks = tomllib.loads(media("events.toml").read_text("utf-8"))[clip]
    (take,) = capture(media(f"{clip}.mp4"))
    assert take.success.mean() >= 0.98
    for au in {"AU12", "AU25", "AU26", "AU43"} & set(marks):
        on, off = (
            np.concatenate([take.signals[au][first : last + 1] for first, last in marks[au][key]])
            for key in ("on", "off")
        )
        assert on.mean() > off.mean() + 0.2, au


def test_success_only_while_the_face_is_there(media) -> None:
    spans = tomllib.loads(media("events.toml").read_text("utf-8"))["face_then_none"]["face"]
    ((first, last),) = spans["on"]
    (take,) = capture(media("face_then_none.mov"), end=100)
    assert take.success[first : last + 1].all()
    assert not take.success[spans["off"][0][0] :].any()


@pytest.fixture
def photo(media) -> np.ndarray:
    """(H, W, 3) BGR of one face."""
    return cv2.imread(str(media("one_face.jpg")))


def test_a_photo_in_every_dress_shows_the_same(photo: np.ndarray, tmp_path: Path) -> None:
    height, width = photo.shape[:2]
    grey = cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)
    wide = cv2.resize(photo, (width * 2160 // height, 2160), interpolation=cv2.INTER_CUBIC)
    clear = np.dstack([photo, np.full((height, width), 255, np.uint8)])
    dresses = {
        "plain": photo, "deep": photo.astype(np.uint16) * 257, "grey": grey, "clear": clear,
        "large": wide,
    }  # fmt: skip
    yaw = {}
    for name, image in dresses.items():
        path = tmp_path / f"{name} é.png"
        path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
        (take,) = capture(path)
        assert take.success.all(), name
        yaw[name] = take.signals["head.yaw"][0]
    assert yaw["deep"] == pytest.approx(yaw["plain"])
    assert yaw["clear"] == pytest.approx(yaw["plain"])
    assert np.ptp(list(yaw.values())) < 6


def test_a_photo_is_not_its_own_neutral(media) -> None:
    (plain,) = capture(media("one_face.jpg"))
    (marked,) = capture(media("one_face.jpg"), neutral=(0, 0))
    assert marked.neutral is None
    assert marked.signals["AU12"][0] == plain.signals["AU12"][0] > 0.2  # it smiles


def test_a_face_that_comes_after_the_marks_has_a_neutral_of_its_own(media, tmp_path: Path) -> None:
    frames = [frame.image for frame in open_footage(media("smile.mp4"), end=15).frames]
    for i, image in enumerate(frames):
        late = image if i >= 2 else np.zeros_like(image)
        cv2.imwrite(str(tmp_path / f"{i:02d}.png"), np.hstack([image, late])[..., ::-1])
    first, second = capture(tmp_path, faces=2, neutral=(0, 1))
    assert first.success.all() and not second.success[:2].any()
    (alone,) = capture(tmp_path, neutral=(0, 1))
    assert np.array_equal(first.neutral.points, alone.neutral.points)
    assert second.neutral is not None
    with pytest.raises(UserError, match="No face is seen in the neutral frames 90 to 99"):
        capture(media("face_then_none.mov"), end=100, neutral=(90, 99))


def test_a_still_face_keeps_still(photo: np.ndarray) -> None:
    """Whatever the sensor adds, by less than .6 % of the eye corners' distance."""
    rng, tracker, track = np.random.default_rng(1), Tracker(models.load("cpu"), 1), []
    for _ in range(12):
        noise = rng.normal(0, 3, photo.shape)
        frame = np.clip(photo + noise, 0, 255).astype(np.uint8)
        track.append(tracker.update(frame)[0].points)
    points = np.array(track[2:])  # the first boxes are the finder's
    off = np.sqrt(((points - points.mean(0)) ** 2).sum(-1).mean())
    assert 0 < off < 0.006 * np.linalg.norm(points[0, 36] - points[0, 45])


def test_portrait_with_rotation_flag(photo: np.ndarray, make_video) -> None:
    """Stored lying on its side, and turned upright by the flag."""
    side = min(photo.shape[:2]) // 16 * 16
    height, width = photo.shape[:2]
    y, x = (height - side) // 2, (width - side) // 2
    upright = photo[y : y + side, x : x + side // 16 * 16]
    lying = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)
    clip = make_video(frames=1, size=lying.shape[1::-1], rotated=True, picture=lying)
    (take,) = capture(clip)
    assert take.success.all()
    assert abs(take.signals["head.roll"][0]) < 30


def test_several_faces_keep_their_numbers(media, tmp_path: Path) -> None:
    """A picture of several people that drifts sideways, its faces unseen for some frames."""
    image = cv2.imread(str(media("several_faces.jpg")))
    folder = tmp_path / "drift"
    folder.mkdir()
    for i in range(12):
        moved = np.roll(image, 3 * i, axis=1) if i not in (5, 6) else np.zeros_like(image)
        cv2.imwrite(str(folder / f"{i:02d}.png"), moved)
    takes = capture(folder, faces=2)
    assert [take.face for take in takes] == [0, 1]
    for take in takes:
        assert not take.success[5:7].any()
        assert take.success.sum() > 10 - PATIENCE  # frames between two looks
    one, two = (take.signals["head.roll"] for take in takes)
    shown = takes[0].success
    # Each keeps the tilt of its own head.
    assert one[shown].std() + two[shown].std() < abs(one[shown].mean() - two[shown].mean()) + 4


@pytest.mark.parametrize("share", [0.5, 0.15, 0.07])
def test_a_small_face_is_found(media, share: float) -> None:
    """A face of this share of the frame's side, away from its middle."""
    frame = next(iter(open_footage(media("smile.mp4")).frames)).image
    loaded = models.load("cpu")
    (face,) = Tracker(loaded, 1).update(frame)
    side = 640 * share / alignment.face_box(face.points)[2]
    there = np.float64([[side, 0, 400], [0, side, 260]])
    there[:, 2] -= side * face.points.mean(0)
    wide = cv2.warpAffine(frame, there, (640, 640), borderMode=cv2.BORDER_REPLICATE)
    (found,) = Tracker(loaded, 1).update(wide)
    off = np.linalg.norm(found.points - alignment.transform(there, face.points), axis=1).mean()
    assert off < 0.04 * 640 * share


def test_patches_of_a_moving_face_are_cut_where_its_parts_are(media, monkeypatch) -> None:
    """From afar a face is seen with much the same error in every frame."""
    afar, about, found = [], [], []

    def spied(networks, image, faces, places=None, mirror=False):
        closer = landmarks.look_closer(networks, image, faces, places, mirror)
        for face, place, near in zip(faces, places, closer, strict=True):
            unit = np.linalg.norm(near.points[36] - near.points[45])
            afar.append(np.abs(face.points - near.points).mean() / unit)
            about.append(np.abs(place - near.points).mean() / unit)
        found.append(len(closer))
        return closer

    monkeypatch.setattr("mien.core.tracking.look_closer", spied)
    tracker = Tracker(models.load("cpu"), 1)
    for frame in open_footage(media("smile.mp4"), start=14, end=30).frames:
        tracker.update(frame.image)
    assert sum(found) == 18  # the first frame's twice
    assert np.mean(about[1:]) < 0.5 * np.mean(afar[1:]), (np.mean(about[1:]), np.mean(afar[1:]))


def test_a_face_that_jumped_is_seen_where_it_is(media) -> None:
    """A cut to its mirror image, then nothing moves: what was true of the frame before is not."""
    frames = [f.image for f in open_footage(media("smile.mp4"), start=14, end=30).frames]
    still = np.ascontiguousarray(frames[-1][:, ::-1])
    loaded = models.load("cpu")
    (truth,) = Tracker(loaded, 1).update(still)
    tracker = Tracker(loaded, 1)
    for image in frames:
        tracker.update(image)
    for _ in range(6):
        (face,) = tracker.update(still)
    eyes = np.linalg.norm(truth.points[36] - truth.points[45])
    assert np.abs(face.points - truth.points).mean() < 0.006 * eyes


@pytest.mark.parametrize("noise", [0.001, 0.008])
@pytest.mark.parametrize("marked", [(), tuple(range(40))])
def test_a_face_rests_where_it_returns_to(marked: tuple[int, ...], noise: float) -> None:
    """Rest, a mouth held open as long as that, rest: neither what is between them, which is nearest
    to all, nor what is held once."""
    rng = np.random.default_rng(0)
    rest = rng.random((68, 2))
    open_mouth = rest + 0.03 * rng.normal(size=(68, 2))
    way = np.r_[
        np.zeros(10), np.linspace(0, 1, 10), np.ones(12), np.linspace(1, 0, 10)[:3], [0] * 5
    ]
    face = _Face()
    for i, share in enumerate(way):
        points = rest + share * (open_mouth - rest) + rng.normal(0, noise, (68, 2))
        face.rows.append(i)
        face.samples.append(Sample(points.astype(np.float32), np.zeros((2, 3), np.float32)))
        face.vectors.append(np.zeros(parameters.SIZE))
    face.hidden = [0.0] * 7
    found = _neutral(face, marked)
    assert found is not None
    away = np.abs(found.points - rest).mean(), np.abs(open_mouth - rest).mean()
    assert away[0] < 0.15 * away[1] + noise, away


def test_who_never_rests_is_not_measured_against_a_smile(media) -> None:
    """She weeps and laughs in turns (events.toml); where she does least she still smiles."""
    (take,) = capture(media("pexels_moods.mp4"))
    assert take.neutral is None
    laughing, weeping = take.signals["AU12"][264:441], take.signals["AU12"][:51]
    assert (laughing[:, None] > weeping).mean() > 0.8


def test_most_of_several_faces_are_found(media) -> None:
    image = np.ascontiguousarray(cv2.imread(str(media("several_faces.jpg")))[..., ::-1])
    faces = Tracker(models.load("cpu"), 8).update(image)
    assert 3 <= len(faces) <= 5  # of five, one in dark glasses and one behind


def test_a_face_is_told_down_to_forty_pixels_and_nothing_is_that_is_far_smaller(media) -> None:
    image = cv2.imread(str(media("one_face.jpg")))[..., ::-1]
    (face,) = Tracker(models.load("cpu"), 1).update(np.ascontiguousarray(image))
    side = alignment.face_box(face.points)[2]
    for wanted, count in ((60, 1), (20, 0)):
        small = cv2.resize(image, None, None, wanted / side, wanted / side, cv2.INTER_AREA)
        room = np.full((240, 320, 3), 110, np.uint8)
        room[: small.shape[0], : small.shape[1]] = small[:240, :320]
        assert len(Tracker(models.load("cpu"), 1).update(room)) == count


def test_what_hides_a_face_lowers_the_confidence_and_is_not_taken_for_rest(
    media, monkeypatch
) -> None:
    """A hand is before the mouth in frames 60 to 230 (events.toml)."""
    for limit in ("CALM_LIMIT", "UNLIKE"):  # she never quite rests
        monkeypatch.setattr(f"mien.core.capture.{limit}", math.inf)
    (take,) = capture(media("pexels_moods.mp4"), start=0, end=300)
    behind = np.zeros(len(take), bool)
    behind[100:200] = True
    seen = take.success & ~behind
    seen[54:236] = False  # the hand on its way
    assert take.confidence[behind].mean() < 0.8 < 0.95 < take.confidence[seen].mean()
    rest = take.neutral.points
    tracker, points = Tracker(models.load("cpu"), 1), []
    for frame in open_footage(media("pexels_moods.mp4"), start=0, end=300).frames:
        (face,) = tracker.refine(frame.image, tracker.follow(frame.image), mirror=True)
        matrix = alignment.aligned_matrix(face.points, 1)
        points.append(alignment.transform(matrix, face.points))
    calmest = int(np.abs(np.array(points) - rest).sum((1, 2)).argmin())
    assert not 60 <= calmest < 230  # in that frame it has left the face


def test_a_board_before_the_mouth_is_seen(media) -> None:
    image = cv2.imread(str(media("one_face.jpg")))[..., ::-1].copy()
    loaded = models.load("cpu")
    (face,) = Tracker(loaded, 1).update(image)
    assert parse(loaded.parser, image, face.points).hidden() < 0.03
    low, high = face.points[48:].min(0).astype(int) - 9, face.points[48:].max(0).astype(int) + 9
    image[low[1] : high[1], low[0] : high[0]] = 90
    assert parse(loaded.parser, image, face.points).hidden() > 0.08


def test_a_face_half_behind_a_board_is_still_found(media) -> None:
    image = cv2.imread(str(media("one_face.jpg")))[..., ::-1].copy()
    loaded = models.load("cpu")
    (face,) = Tracker(loaded, 1).update(image)
    (left, _), (right, low) = face.points.min(0).astype(int), face.points.max(0).astype(int)
    image[int(face.points[29, 1]) : low + 10, left - 10 : right + 10] = 70
    assert parse(loaded.parser, image, face.points).likeness() < 0.45  # F_seg sees little of one
    (again,) = Tracker(loaded, 1).update(image)
    off = np.linalg.norm(again.points - face.points, axis=1)[17:48].mean()
    assert off < 0.08 * np.linalg.norm(face.points[36] - face.points[45])
