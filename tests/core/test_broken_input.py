"""Every broken input ends in one sentence, exit status 2 and no file."""

import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core import cli


def audio_only(folder: Path) -> Path:
    with wave.open(str(folder / "sound.mp4"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    return folder / "sound.mp4"


def text(folder: Path, name: str) -> Path:
    (folder / name).write_text("This is no footage.\n" * 50)
    return folder / name


def empty(folder: Path, name: str) -> Path:
    (folder / name).touch()
    return folder / name


def sub(folder: Path) -> Path:
    (folder / "bare").mkdir()
    return folder / "bare"


def picture(folder: Path, image: np.ndarray) -> Path:
    path = folder / "picture.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


INPUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda f: f / "none.mp4", "There is no file"),
    "missing folder": (lambda f: f / "none" / "none.mp4", "There is no file"),
    "text as mp4": (lambda f: text(f, "text.mp4"), "no video that can be read"),
    "text as png": (lambda f: text(f, "text.png"), "cannot be read as a picture"),
    "empty mp4": (lambda f: empty(f, "empty.mp4"), "is empty"),
    "empty png": (lambda f: empty(f, "empty.png"), "cannot be read as a picture"),
    "audio only": (audio_only, "no video that can be read"),
    "folder without images": (sub, "holds no images"),
    "pattern without match": (lambda f: f / "shot_%04d.png", "check the pattern"),
    "no face": (lambda f: picture(f, np.zeros((90, 120), np.uint8)), "No face was found"),
    "one pixel": (lambda f: picture(f, np.zeros((1, 1), np.uint8)), "No face was found"),
    "no such webcam": (lambda f: Path("97"), "Webcam 97"),
}


def refused(capfd: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main([str(a) for a in arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("mien: ")
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("name", INPUTS)
def test_input(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make, says = INPUTS[name]
    source = make(tmp_path)
    before = set(tmp_path.rglob("*"))
    assert says in refused(capfd, "capture", source, "-o", tmp_path / "take.csv")
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("none/take.csv", "Cannot write into"),
        ("file/take.csv", "Cannot write into"),
        ("take.txt", ".csv or a .json"),
        ("folder.csv", "is a folder"),
    ],
)
def test_output(
    output: str, says: str, tmp_path: Path, make_video, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.csv").mkdir()
    empty(tmp_path, "file")
    assert says in refused(capfd, "capture", make_video(), "-o", tmp_path / output)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder(tmp_path: Path, make_video, capfd: pytest.CaptureFixture[str]) -> None:
    folder = sub(tmp_path)
    folder.chmod(0o500)
    assert "Cannot write" in refused(capfd, "capture", make_video(), "-o", folder / "take.csv")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--faces", 0], "at least one face"),
        (["--frames", "2:1"], "no range"),
        (["--frames", "50:"], "choose a range"),
        (["--fps", -1], "more than 0"),
        (["--neutral", "0:1"], "No face is seen in the neutral frames"),
    ],
)
def test_options(
    options: list[object],
    says: str,
    tmp_path: Path,
    make_video,
    capfd: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "take.csv"
    assert says in refused(capfd, "capture", make_video(), "-o", output, *options)
    assert not output.exists()


def test_cut_off_video_gives_what_is_left_or_a_sentence(tmp_path: Path, make_video) -> None:
    whole = make_video(frames=20, size=(320, 240)).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    command = [sys.executable, "-m", "mien.core.cli", "capture", cut, "-o", tmp_path / "take.csv"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1, ran.stderr
