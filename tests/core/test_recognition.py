"""Faces of several people keep their numbers, wherever they come back."""

import itertools

import cv2
import numpy as np
import pytest

from mien.core import alignment, models, recognition
from mien.core.finder import Finder
from mien.core.frames import open_footage
from mien.core.people import REMEMBER, SIMILAR, WAIT
from mien.core.tracking import PATIENCE, Tracker
from mien.training.warps import warped

BLANK = np.zeros((360, 960, 3), np.uint8)


@pytest.fixture(scope="module")
def loaded() -> models.Models:
    return models.load("cpu")


@pytest.fixture(scope="module")
def people(media) -> dict[str, list[np.ndarray]]:
    """Frames (360, w, 3) of three performers as they act."""
    clips = {"expressions.mp4": 60, "grin_greenscreen.mp4": 60, "smile.mp4": 40}
    out = {}
    for name, end in clips.items():
        frames = [frame.image for frame in open_footage(media(name), end=end).frames][::4]
        height, width = frames[0].shape[:2]
        left = max(0, width - height) // 2  # a square of the middle
        out[name] = [np.asarray(_fit(f[:, left : left + height])) for f in frames]
    return out


def _fit(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (360, 360), interpolation=cv2.INTER_AREA)


def scene(image: np.ndarray, left: int) -> np.ndarray:
    out = BLANK.copy()
    out[:, left : left + image.shape[1]] = image
    return out


def test_one_person_is_alike_and_others_are_not(loaded, people) -> None:
    seen = {}
    for name, frames in people.items():
        tracker = Tracker(loaded, 1)
        faces = [(image, tracker.update(image)) for image in frames]
        seen[name] = np.array([
            recognition.embedding(loaded.recognizer, image, found[0].points)
            for image, found in faces if found
        ])  # fmt: skip
        assert len(seen[name]) == len(frames)
        assert np.allclose(np.linalg.norm(seen[name], axis=1), 1)
    for name, mine in seen.items():
        others = np.concatenate([theirs for other, theirs in seen.items() if other != name])
        assert (mine @ mine.T).min() > (mine @ others.T).max()


def test_who_comes_back_elsewhere_keeps_the_number(loaded, people) -> None:
    """After a cut to somebody else, who gets the next one."""
    one, other, third = people.values()
    tracker, numbers = Tracker(loaded, 2), []
    shots = (
        [scene(image, 0) for image in one[: len(one) // 2]],
        [scene(image, 600) for image in other[: len(other) // 2]],
        [scene(image, 600) for image in one[len(one) // 2 :]],  # where the other one was
        [BLANK] * 3,
        [scene(image, 300) for image in other[len(other) // 2 :]],
    )
    for shot in shots:
        found = [[face.number for face in tracker.update(image)] for image in shot]
        numbers.append({tuple(each) for each in found[3:]})
    assert numbers == [{(0,)}, {(1,)}, {(0,)}, set(), {(1,)}]
    # Where there is no number left, a stranger gets one of these, but not at once.
    stranger = [scene(third[i % 4], 300) for i in range(WAIT + 5)]
    found = [[face.number for face in tracker.update(image)] for image in [BLANK, *stranger]]
    assert not any(found[: WAIT // 2]) and found[-1] in ([0], [1])


def test_who_was_covered_for_a_moment_keeps_the_number(loaded, media) -> None:
    """Though she weeps afterwards, and her head has turned."""
    clip = media("pexels_moods.mp4")
    before = [frame.image for frame in open_footage(clip, start=100, end=112).frames][::4]
    after = [frame.image for frame in open_footage(clip, start=264, end=361).frames][::24]
    for back in after:
        tracker = Tracker(loaded, 2)
        for image in before:
            assert [face.number for face in tracker.update(image)] == [0]
        hidden = before[-1].copy()
        x, y, side = alignment.face_box(tracker.update(hidden)[0].points)
        left, top, right, low = (np.array([x, y, x, y]) + side / 2 * np.array([-1, -1, 1, 1])).clip(
            0
        )
        hidden[int(top) : int(low), int(left) : int(right)] = 120, 90, 70  # somebody walks past
        for _ in range(3):
            assert tracker.update(hidden) == []
        found = [[face.number for face in tracker.update(back)] for _ in range(3)]
        assert found[-1] == [0]


def test_who_turns_while_moving_is_nobody_else(loaded, media) -> None:
    frame = next(iter(open_footage(media("smile.mp4")).frames))
    (face,) = Tracker(loaded, 1).update(frame.image)
    box = alignment.face_box(face.points) * (1, 1, 1.3)
    matrix = alignment.box_matrix(box, 256)
    crop, points = (
        alignment.warp(frame.image, matrix, 256),
        alignment.transform(matrix, face.points),
    )
    tracker, numbers = Tracker(loaded, 2), []
    for k, yaw in enumerate([0] * 16 + list(range(0, 50, 2)) + list(range(50, -1, -2))):
        turned, _ = warped(crop, points, float(yaw), 0.0, {})
        turned = cv2.copyMakeBorder(turned, 60, 60, 260, 260, cv2.BORDER_REPLICATE)
        moved = np.roll(turned, int(150 * np.sin(k / 8)) if k > 16 else 0, 1)
        numbers += [face.number for face in tracker.update(moved)]
    assert len(numbers) > 60 and set(numbers) == {0}


def test_a_stranger_who_moves_is_one_of_them_all_the_time(loaded, people, monkeypatch) -> None:
    """Of two who were seen long, as no number is left."""
    *two, third = people.values()
    tracker = Tracker(loaded, 2)
    with monkeypatch.context() as often:
        often.setattr("mien.core.people.REMEMBER", 1)
        for _ in range(30):
            tracker.update(np.hstack([image[0] for image in two]))
    for _ in range(WAIT):
        tracker.update(BLANK)
    numbers = [
        face.number for i in range(40) for face in tracker.update(scene(third[i % 2], 8 * i))
    ]
    assert len(numbers) > 35 and len(set(numbers)) == 1


def test_a_larger_stranger_takes_nobodys_number(loaded, people) -> None:
    one, other, third = (frames[0] for frames in people.values())
    for known, missing, stranger in ((one, other, third), (third, one, other)):
        tracker = Tracker(loaded, 2)
        for image in (*[np.hstack([known, missing])] * 3, *[BLANK] * 4):
            tracker.update(image)
        small = np.zeros_like(known)
        small[60:300, 60:300] = cv2.resize(known, (240, 240), interpolation=cv2.INTER_AREA)
        for _ in range(WAIT):
            faces = tracker.update(np.hstack([stranger, small]))
        assert [face.number for face in faces] == [0, 1]
        assert faces[0].points[:, 0].mean() > 360  # the known one, on the right


def test_who_it_is_is_asked_now_and_then(loaded, people, monkeypatch) -> None:
    asked = []

    def spied(*given):
        asked.append(given)
        return recognition.embedding(*given)

    monkeypatch.setattr("mien.core.people.embedding", spied)
    image = people["smile.mp4"][0]
    for faces, expected in ((1, 1), (2, 3)):
        asked.clear()
        tracker = Tracker(loaded, faces)
        for _ in range(2 * REMEMBER + 1):
            assert len(tracker.update(image)) == 1
        assert len(asked) == expected


def test_a_gaping_mouth_is_no_second_face(loaded, media) -> None:
    tracker = Tracker(loaded, 2)
    for frame in open_footage(media("expressions.mp4"), start=70, end=97).frames:
        assert [face.number for face in tracker.update(frame.image)] == [0]


def _shots(people, *names: str, length: int = 20) -> list[tuple[str, np.ndarray]]:
    """The frames of people one after the other, by name."""
    return [(name, people[name][i % len(people[name])]) for name in names for i in range(length)]


def test_a_cut_while_the_camera_pans(loaded, people) -> None:
    """In the test clips, two of the three performers are alike."""
    alike = {"expressions.mp4", "grin_greenscreen.mp4"}
    for one, other in itertools.permutations(people, 2):
        if {one, other} == alike:
            continue
        tracker = Tracker(loaded, 2)
        found = [
            (name, [face.number for face in tracker.update(scene(image, 200 + 12 * (i % 20)))])
            for i, (name, image) in enumerate(_shots(people, one, other, one))
        ]
        wrong = [
            numbers for i, (name, numbers) in enumerate(found)
            if numbers != [int(name == other)] and i % 20 > 3
        ]  # fmt: skip
        assert not wrong, (one, other)


def test_a_dissolve_is_noticed(loaded, people) -> None:
    """Nobody jumps, and yet it is somebody else; then the first one again."""
    one, other = (people[name][0] for name in ("smile.mp4", "grin_greenscreen.mp4"))
    tracker, numbers = Tracker(loaded, 2), []
    for share in (*[0] * 20, *np.linspace(0, 1, 12), *[1] * 40, *np.linspace(1, 0, 12), *[0] * 40):
        image = scene(cv2.addWeighted(one, 1 - share, other, share, 0), 300)
        numbers.append([face.number for face in tracker.update(image)])
    assert numbers[:20] == [[0]] * 20
    assert numbers[32 + 2 * REMEMBER : 72] == [[1]] * (40 - 2 * REMEMBER)
    assert numbers[84 + 2 * REMEMBER :] == [[0]] * (40 - 2 * REMEMBER)


@pytest.mark.parametrize("faces", [1, 2])
def test_a_bystander_takes_nobodys_number(loaded, people, faces) -> None:
    """While somebody walks past the performer."""
    performer, bystander = (people[name] for name in ("smile.mp4", "grin_greenscreen.mp4"))
    tracker, numbers = Tracker(loaded, faces), []
    for i in range(60):
        image = scene(performer[i % len(performer)] if not 20 <= i < 26 else BLANK[:, :360], 0)
        image[:200, 600:800] = cv2.resize(bystander[i % len(bystander)], (200, 200))
        numbers.append({face.number: face.points[:, 0].mean() for face in tracker.update(image)})
    assert [0 in found for found in numbers] == [not 20 <= i < 26 for i in range(60)]
    assert all(found.get(0, 0) < 360 for found in numbers)


def test_a_second_face_is_looked_for_at_little_cost(loaded, people, monkeypatch) -> None:
    """One size after the other, and still found soon."""
    sizes: list[int] = []
    find = Finder.__call__

    def spied(self, image, size):
        sizes.append(size)
        return find(self, image, size)

    monkeypatch.setattr(Finder, "__call__", spied)
    one, other = (people[name][0] for name in ("smile.mp4", "grin_greenscreen.mp4"))
    tracker = Tracker(loaded, 2)
    tracker.update(scene(one, 0))
    all_sizes = sizes.copy()
    for _ in range(5 * PATIENCE):
        assert len(tracker.update(scene(one, 0))) == 1
    assert len(sizes) == len(all_sizes) + 5 and set(sizes[len(all_sizes) :]) == set(all_sizes)
    both = scene(one, 0)
    both[100:220, 600:720] = cv2.resize(other, (120, 120), interpolation=cv2.INTER_AREA)
    found = [len(tracker.update(both)) for _ in range(PATIENCE * len(all_sizes))]
    assert found[-1] == 2


def test_of_several_the_largest_comes_first(loaded, media) -> None:
    image = cv2.imread(str(media("several_faces.jpg")))[..., ::-1]
    for width in (480, 1280, 2600):
        size = (width, round(width * image.shape[0] / image.shape[1]))
        shown = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        (one,), all_of_them = Tracker(loaded, 1).update(shown), Tracker(loaded, 8).update(shown)
        largest = max(np.ptp(face.points[:, 1]) for face in all_of_them)
        assert np.ptp(one.points[:, 1]) > 0.97 * largest


def _light(image: np.ndarray, share: float) -> np.ndarray:
    return (image * share).round().astype(np.uint8)


def test_a_dark_face_is_the_same_one(loaded, people) -> None:
    for frames in people.values():
        (face,) = Tracker(loaded, 1).update(frames[0])
        bright, dark = (
            recognition.embedding(loaded.recognizer, image, face.points)
            for image in (frames[0], _light(frames[0], 0.05))
        )
        assert bright @ dark > SIMILAR


@pytest.mark.parametrize("name", ["expressions.mp4", "grin_greenscreen.mp4", "smile.mp4"])
def test_a_fade_or_a_bar_makes_nobody_new(loaded, people, name) -> None:
    image = people[name][0]
    (face,) = Tracker(loaded, 1).update(image)
    (left, top), (right, low) = face.points[17:48].min(0), face.points[36:48].max(0)
    barred = image.copy()
    barred[int(top) : int(low), int(left) : int(right)] = 0  # over brows and eyes
    shots = (
        [_light(image, min(1.0, i / 30)) for i in range(60)],
        [_light(image, max(0.0, 1 - i / 24)) for i in range(30)],
        [image] * 20,
        [barred] * 35,
        [image] * 35,
    )
    tracker = Tracker(loaded, 2)
    for shot in shots:
        for frame in shot:
            assert [seen.number for seen in tracker.update(frame)] in ([], [0])
    assert len(tracker.update(image)) == 1


def test_who_was_lost_is_looked_for_in_all_sizes(loaded, people) -> None:
    """A small face beside somebody who stays; it comes back at the first look."""
    one, other = (people[name][0] for name in ("smile.mp4", "grin_greenscreen.mp4"))
    small = cv2.resize(other, (110, 110), interpolation=cv2.INTER_AREA)
    for covered in range(1, 7):
        tracker, both = Tracker(loaded, 2), scene(one, 0)
        both[100:210, 600:710] = small
        for _ in range(4 * PATIENCE):
            faces = tracker.update(both)
        assert len(faces) == 2
        for _ in range(covered):
            assert len(tracker.update(scene(one, 0))) == 1
        assert 2 in [len(tracker.update(both)) for _ in range(PATIENCE)]
