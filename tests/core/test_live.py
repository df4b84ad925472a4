"""Live: values for each frame as it comes, and a video at its own pace."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from mien.core.capture import capture
from mien.core.frames import Frame
from mien.core.live import BEHIND, LATE, paced
from mien.core.parameters import SIGNALS


def test_frames_come_when_they_are_due_and_late_ones_are_left_out() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    frames = [Frame(i, 5 + 0.05 * i, picture) for i in range(12)]
    began, seen = time.monotonic(), []
    for frame in paced(frames):
        seen.append((frame.index, time.monotonic() - began))
        if frame.index == 3:
            time.sleep(0.22)  # somebody is slow: frames 4 to 7 are due meanwhile
    assert [index for index, _ in seen][:4] == [0, 1, 2, 3]
    assert 4 not in dict(seen) and 5 not in dict(seen)
    assert seen[-1][0] == 11
    for index, at in seen:
        assert at >= 0.05 * index - LATE - 0.005


def test_footage_that_is_read_more_slowly_than_it_plays_goes_on() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)

    def slow():
        for i in range(40):
            time.sleep(0.03)
            yield Frame(i, 0.005 * i, picture)

    at = [(frame.index, time.monotonic()) for frame in paced(slow())]
    assert at[-1][0] >= 30
    assert max(np.diff([when for _, when in at])) < 2 * BEHIND


def test_frames_that_take_long_to_read_are_not_early() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)

    def slow():
        for i in range(6):
            time.sleep(BEHIND + 0.03)
            yield Frame(i, 0.3 * i, picture)

    at = [time.monotonic() for _ in paced(slow())]
    assert np.diff(at).min() > 0.3 - 0.01


def test_live_values_follow_the_face_and_the_take_is_whole(media) -> None:
    told: list[tuple[float, float, dict[str, float]]] = []
    began = time.monotonic()
    (take,) = capture(
        media("smile.mp4"), live=lambda read, signals: told.append((time.time(), read, signals))
    )
    assert time.monotonic() - began > 0.9 * (take.timestamps[-1] - take.timestamps[0])
    assert 0 < len(told) <= len(take)
    assert all(set(signals) == set(SIGNALS) for *_, signals in told)
    assert all(0 <= at - read < 5 for at, read, _ in told)
    live = np.array([signals["head.yaw"] for *_, signals in told[-5:]])
    assert np.abs(live - take.signals["head.yaw"][-5:]).max() < 8
    smile = np.array([signals["AU12"] for *_, signals in told])
    assert smile.min() >= 0 and smile.max() <= 1


def test_a_still_face_has_nothing_to_learn(media, tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    capture(media("one_face.jpg"), live=lambda read, signals: told.append(signals))
    assert len(told) == 1
    assert told[0]["AU26"] == pytest.approx(
        capture(media("one_face.jpg"))[0].signals["AU26"][0], abs=1e-6
    )
