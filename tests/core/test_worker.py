"""The worker: one request in, events out, nothing left behind by a cancel."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.preview import SIDE


def start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mien.core.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def ask(worker: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert worker.stdin
    worker.stdin.write(json.dumps(message) + "\n")
    worker.stdin.flush()


def events(worker: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What it still says; stdin stays open meanwhile, as its end means cancel."""
    assert worker.stdout
    said = [json.loads(line) for line in worker.stdout]
    worker.wait()
    worker.communicate()
    return said


@pytest.mark.parametrize("how", ["line", "end of stdin"])
def test_cancel_leaves_no_file(how: str, tmp_path: Path, make_video) -> None:
    clip, output = make_video(frames=2000, size=(320, 240)), tmp_path / "take.csv"
    worker = start()
    ask(worker, {"input": str(clip), "output": str(output), "start": None})
    assert worker.stdout and worker.stdin
    first = json.loads(worker.stdout.readline())
    assert first["event"] == "progress"
    assert first["total"] == 2000
    if how == "line":
        ask(worker, {"cancel": True})
    else:
        worker.stdin.close()
        worker.stdin = None
    said = events(worker)
    assert said[-1] == {"event": "cancelled"}
    assert worker.returncode == 0
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"input": "none.mp4", "output": "take.csv"}, "There is no file none.mp4"),
        ({"input": "none.mp4"}, "names"),
        ({"input": "none.mp4", "output": "take.csv", "face": 1}, "names"),
    ],
)
def test_errors_are_sentences(request_: dict[str, Any], says: str) -> None:
    worker = start()
    ask(worker, request_)
    (said,) = events(worker)
    assert said["event"] == "error"
    assert says in said["message"]
    assert worker.returncode == 2


def test_no_request_is_told() -> None:
    worker = start()
    out, _ = worker.communicate("good morning\n")
    assert json.loads(out)["event"] == "error"


def test_a_clip_becomes_a_take(media, tmp_path: Path) -> None:
    output = tmp_path / "Grüße 顔.csv"
    worker = start()
    ask(worker, {"input": str(media("smile.mp4")), "output": str(output), "end": 19})
    said = events(worker)
    assert said[-1]["event"] == "done", said[-1]
    assert {e["event"] for e in said[:-1]} == {"progress"}
    assert (said[-1]["frames"], said[-1]["seen"], said[-1]["faces"]) == (20, 20, 1)
    assert said[-1]["outputs"] == [str(output)]
    assert output.exists()


def test_pictures_of_the_face_come_along(media, tmp_path: Path) -> None:
    worker = start()
    clip, output = media("smile.mp4"), tmp_path / "take.json"
    ask(worker, {"input": str(clip), "output": str(output), "picture": True})
    said = events(worker)
    assert said[-1]["event"] == "done"
    pictures = [event["pixels"] for event in said if event["event"] == "picture"]
    assert 0 < len(pictures) < said[-1]["frames"]
    pixels = np.frombuffer(base64.b64decode(pictures[0]), np.uint8).reshape(SIDE, SIDE, 4)
    assert (pixels[..., 3] == 255).all()
    marks = (pixels[..., :3] == (90, 255, 120)).all(-1)
    assert 68 < marks.sum() < 5 * 68
    skin = pixels[SIDE // 2 - 20 : SIDE // 2 + 20, SIDE // 2 - 20 : SIDE // 2 + 20, :3].mean((0, 1))
    assert skin[0] > skin[2], "red and blue are where Blender has them"
    rows = np.flatnonzero(marks.any(1))
    brows, chin = marks[rows[-8] :].sum(), marks[: rows[8]].sum()
    assert brows > chin, "the lowest row comes first"
