"""Frames and their times, out of a video, an image, an image sequence or a webcam.

A video is rotated as its flag says and timed by its presentation time stamps; pictures of 16 bits,
of grey and with transparency come out as RGB of 8 bits.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# FFmpeg and OpenCV would print their own errors beside ours.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UserError

cv2.setLogLevel(0)

IMAGE_SUFFIXES: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".jp2"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".hdr", ".pic"}
)
SEQUENCE_FPS: Final = 24.0
PATTERN: Final = re.compile(r"(%0?\d*d|\*)")  # of numbers, or of anything, in images' names
_BACKDROP: Final = 128  # what lies behind a transparent picture
_SOONEST: Final = 0.001  # s between two frames of a webcam, however coarse the clock

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: its number in the source (from 0), its time in seconds, RGB (H, W, 3)."""

    index: int
    time: float
    image: Image


@dataclass(frozen=True, slots=True)
class Footage:
    """Frames to be read once.  ``total`` is how many there seem to be, None when unknown; none has
    a number before ``first`` or after ``last``, which is None where only reading tells it;
    ``live`` footage runs until somebody stops it."""

    name: str
    first: int
    last: int | None
    total: int | None
    live: bool
    frames: Iterator[Frame]


def open_footage(
    source: str | os.PathLike[str],
    *,
    start: int | None = None,
    end: int | None = None,
    fps: float = SEQUENCE_FPS,
) -> Footage:
    """Open a video or image file, a folder of images, a pattern of image names (``shot_%04d.png``,
    ``shot_*.png``) or a webcam by its number (``"0"``).

    Only the frames ``start`` to ``end``, both included and counted from 0, are given.  ``fps``
    times an image sequence.  UserError when there is nothing to read.
    """
    text, path = os.fspath(source), Path(source)
    first = start or 0
    if first < 0 or (end is not None and end < first):
        raise UserError(
            f"Frames {first} to {end} are no range: let it start at 0 or later and end after."
        )
    if fps <= 0:
        raise UserError("The frames per second of an image sequence must be more than 0.")
    if text.isdigit() and not path.exists():
        return _webcam(int(text), end)
    paths = _pictures(path)
    total: int | None
    last = end
    if paths is not None:
        frames: Iterator[Frame] = _read_pictures(paths[first : _stop(end)], first, fps)
        total = len(paths)
        last = min(total, _stop(end) or total) - 1
    else:
        capture = _open_video(path)
        frames = _read_video(capture, path, first, _stop(end))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        total = count if count > 0 else None
    opening = next(frames, None)
    if opening is None:
        if not first:
            raise UserError(f"{path.name} holds no picture that can be read: choose another file.")
        if total is None:  # a recording whose end was never written
            raise UserError(f"{path.name} has no frame {first}: choose an earlier range.")
        raise UserError(
            f"{path.name} has no frame {first}: choose a range within its {total} frames."
        )
    if total is not None:
        total = max(1, min(total, _stop(end) or total) - first)
    return Footage(path.name, first, last, total, False, itertools.chain([opening], frames))


def read_image(path: Path) -> Image:
    """RGB (H, W, 3) of an image file, transparency laid on grey; UserError when it is none."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open every path on Windows
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    image = _decode(data, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UserError(
            f"{path.name} cannot be read as a picture: choose a PNG, JPEG or TIFF file."
        )
    if image.ndim < 3 or image.shape[2] != 4:
        # This way of reading heeds a photo's orientation, but knows no grey ones of 32 bits.
        turned = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        image = cv2.merge([image] * 3) if turned is None else turned
        return np.ascontiguousarray(_to_bytes(image)[..., ::-1])
    image = _to_bytes(image)
    alpha = image[..., 3:] / 255.0
    laid = image[..., 2::-1] * alpha + _BACKDROP * (1 - alpha)
    return np.ascontiguousarray(laid.round().astype(np.uint8))


def _stop(end: int | None) -> int | None:
    return None if end is None else end + 1


def _decode(data: NDArray[np.uint8], flags: int) -> Any:
    try:
        return cv2.imdecode(data, flags) if data.size else None
    except cv2.error:
        return None


def _to_bytes(image: Any) -> Image:
    if image.dtype == np.uint8:
        return image
    top = np.iinfo(image.dtype).max if np.issubdtype(image.dtype, np.integer) else 1.0
    scaled: Image = (np.clip(image / top, 0, 1) * 255).round().astype(np.uint8)
    return scaled


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts shot_9 before shot_10."""
    return [
        (int(part or 0), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", path.name)
    ]


def _pictures(path: Path) -> list[Path] | None:
    """The image files that a path, folder or pattern names; None for a video file."""
    if path.is_file():
        return [path] if path.suffix.lower() in IMAGE_SUFFIXES else None
    if path.is_dir():
        found: Iterable[Path] = (p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        missing = f"The folder {path.name} holds no images: choose a video or a folder of images."
    elif path.parent.is_dir() and PATTERN.search(path.name):
        parts = PATTERN.split(path.name)
        pattern = "".join(
            r"\d+" if p.startswith("%") else ".*" if p == "*" else re.escape(p) for p in parts
        )
        found = (p for p in path.parent.iterdir() if re.fullmatch(pattern, p.name))
        missing = f"No file in {path.parent} is named like {path.name}: check the pattern."
    else:
        raise UserError(f"There is no file {path}: check its name and folder.")
    # Hidden ones are what macOS keeps beside pictures on other systems' disks.
    paths = sorted((p for p in found if p.is_file() and not p.name.startswith(".")), key=_natural)
    if not paths:
        raise UserError(missing)
    return paths


def _read_pictures(paths: list[Path], first: int, fps: float) -> Iterator[Frame]:
    for index, path in enumerate(paths, first):
        yield Frame(index, index / fps, read_image(path))


def _open_video(path: Path) -> Any:
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty: record or copy it again.")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise UserError(
            f"{path.name} holds no video that can be read: choose a video such as MP4, MOV or WebM."
        )
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def _read_video(capture: Any, path: Path, first: int, stop: int | None) -> Iterator[Frame]:
    fps = capture.get(cv2.CAP_PROP_FPS)
    usual = 1 / fps if 0 < fps < 1000 else 1 / SEQUENCE_FPS
    before = -usual
    try:
        for index in itertools.count() if stop is None else range(stop):
            if not capture.grab():
                return
            now = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Without time stamps it stays at 0; an edit list may begin a trifle before 0.
            now = max(now, 0.0)
            before = now if now > before else before + usual
            if index < first:
                continue
            good, image = capture.retrieve()
            if good:
                yield Frame(index, before, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    finally:
        capture.release()


def _webcam(number: int, end: int | None) -> Footage:
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise UserError(
            f"Webcam {number} cannot be opened: connect it and close what else uses it."
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue of frames would be a delay

    def frames() -> Iterator[Frame]:
        began, now = time.perf_counter(), 0.0
        try:
            for index in itertools.count() if end is None else range(end + 1):
                good, image = capture.read()
                if not good:
                    return
                now = max(time.perf_counter() - began, now + _SOONEST)
                yield Frame(index, now, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        finally:
            capture.release()

    return Footage(f"webcam {number}", 0, end, _stop(end), True, frames())
