"""Whatever the footage is, its frames come out as RGB of 8 bits at their times."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import UserError
from mien.core.frames import open_footage, read_image

BLUE = np.array([255, 0, 0])  # as OpenCV writes it


def write(path: Path, image: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("colour.png", np.full((4, 6, 3), BLUE, np.uint8), (0, 0, 255)),
        ("sixteen.png", np.full((4, 6, 3), BLUE * 257, np.uint16), (0, 0, 255)),
        ("sixteen_grey.tif", np.full((4, 6), 128 * 257, np.uint16), (128, 128, 128)),
        ("grey.png", np.full((4, 6), 77, np.uint8), (77, 77, 77)),
        ("float_grey.tiff", np.full((4, 6), 0.5, np.float32), (128, 128, 128)),
        ("opaque.png", np.full((4, 6, 4), [*BLUE, 255], np.uint8), (0, 0, 255)),
        ("clear.png", np.full((4, 6, 4), [*BLUE, 0], np.uint8), (128, 128, 128)),
        ("clear16.png", np.full((4, 6, 4), [65535, 0, 0, 0], np.uint16), (128, 128, 128)),
        ("float.hdr", np.full((4, 6, 3), BLUE / 255, np.float32), (0, 0, 255)),
        ("Grüße 顔.png", np.full((4, 6, 3), BLUE, np.uint8), (0, 0, 255)),
    ],
)
def test_every_kind_of_picture(
    tmp_path: Path, name: str, image: np.ndarray, expected: tuple[int, int, int]
) -> None:
    read = read_image(write(tmp_path / name, image))
    assert read.shape == (4, 6, 3)
    assert read.dtype == np.uint8
    assert np.allclose(read, expected, atol=1)


def test_video_gives_frames_with_times(make_video) -> None:
    footage = open_footage(make_video(frames=5, fps=20))
    frames = list(footage.frames)
    assert (footage.total, footage.live) == (5, False)
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert np.allclose([f.time for f in frames], np.arange(5) / 20, atol=1e-3)
    assert abs(frames[4].image[-1, -1].astype(int) - 40).max() <= 4


def test_range_keeps_numbers_and_times(make_video) -> None:
    footage = open_footage(make_video(frames=9, fps=20), start=3, end=5)
    frames = list(footage.frames)
    assert footage.total == 3
    assert [f.index for f in frames] == [3, 4, 5]
    assert np.allclose([f.time for f in frames], [0.15, 0.2, 0.25], atol=1e-3)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_variable_frame_rate_is_timed_by_time_stamps(make_video, tmp_path: Path) -> None:
    uneven = tmp_path / "uneven.mp4"
    stretch = "setpts='if(lt(N,3),N,2*N-3)/25/TB'"
    command = f"ffmpeg -v error -i {make_video(frames=6)} -vf {stretch} -vsync vfr {uneven}"
    subprocess.run(command.split(), check=True)
    times = [f.time for f in open_footage(uneven).frames]
    assert np.allclose(times, np.array([0, 1, 2, 3, 5, 7]) / 25, atol=1e-3), json.dumps(times)


class Camera:
    """Stands in for a webcam, which no test has: four pictures, all within a tick of the clock."""

    def __init__(self, number: int) -> None:
        self.left = 4

    def isOpened(self) -> bool:
        return True

    def set(self, what: int, value: float) -> None:
        pass

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, np.zeros((2, 2, 3), np.uint8)) if self.left >= 0 else (False, None)

    def release(self) -> None:
        pass


def test_frames_of_a_webcam_within_a_tick_of_the_clock_have_times_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    for clock in ("monotonic", "perf_counter"):
        monkeypatch.setattr(time, clock, lambda: 5.0)
    times = [frame.time for frame in open_footage("0").frames]
    assert len(times) == 4
    assert np.diff(times).min() > 1e-6, "a CSV keeps no more digits"


def test_rotation_flag_turns_the_picture(make_video) -> None:
    (frame,) = open_footage(make_video(frames=1, size=(64, 48), rotated=True)).frames
    assert frame.image.shape == (64, 48, 3)
    assert frame.image[5, -5].min() > 240  # the white corner went from the left to the right
    assert frame.image[5, 5].max() < 15


def test_sequences_by_folder_and_pattern(tmp_path: Path) -> None:
    for i in (10, 9, 1):
        write(tmp_path / f"shot_{i}.png", np.full((4, 6, 3), i, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._shot_9.png").write_text("what macOS leaves beside it on other systems' disks")
    for source in (tmp_path, tmp_path / "shot_%d.png", tmp_path / "shot_*.png"):
        footage = open_footage(source, fps=10)
        frames = list(footage.frames)
        assert footage.total == 3
        assert [f.image[0, 0, 0] for f in frames] == [1, 9, 10]
        assert np.allclose([f.time for f in frames], [0, 0.1, 0.2])


def test_one_frame_and_4k(make_video) -> None:
    footage = open_footage(make_video(frames=1, size=(3840, 2160)))
    (frame,) = footage.frames
    assert footage.total == 1
    assert frame.image.shape == (2160, 3840, 3)


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4), (3, None)])
def test_a_range_outside_the_clip_is_told(make_video, start: int, end: int | None) -> None:
    with pytest.raises(UserError, match="range"):
        open_footage(make_video(frames=3), start=start, end=end)


def test_a_broken_picture_in_a_sequence_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.zeros((4, 6, 3), np.uint8))
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(UserError, match=r"b\.png"):
        list(open_footage(tmp_path).frames)
