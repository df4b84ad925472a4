"""``mien convert``, and BVH: the head as the rigs get it."""

from pathlib import Path

import numpy as np
import pytest

from mien.core import rotation
from mien.core.cli import main
from mien.core.convert import export
from mien.core.take import Take

COUNT = 300


def performance(*names: str) -> Take:
    """Random curves, good for AUs and for small angles, at 25 frames per second."""
    rng = np.random.default_rng(0)
    signals = {name: rng.uniform(0, 1, COUNT) for name in names}
    return Take(range(COUNT), np.arange(COUNT) / 25, np.ones(COUNT), np.ones(COUNT, bool), signals)


def test_bvh_holds_the_head_as_the_rigs_get_it(tmp_path: Path) -> None:
    take = performance("head.yaw", "head.pitch", "head.roll", "AU12")
    for angle in ("head.yaw", "head.pitch", "head.roll"):
        take.signals[angle] = 80 * take.signals[angle] - 40
    export(take, tmp_path / "head.bvh")
    text = (tmp_path / "head.bvh").read_text()
    head, motion = text.split("MOTION\n")
    assert "CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation" in head
    frames, time, *rows = motion.splitlines()
    assert frames == f"Frames: {COUNT}" and float(time.split(":")[1]) == pytest.approx(1 / 25)
    angles = np.radians(np.array([row.split() for row in rows], float)[:, 3:])
    turns = [
        rotation.from_vector(angles[:, i, None] * np.eye(3)[axis])
        for i, axis in enumerate((1, 0, 2))
    ]
    whole = rotation.multiply(rotation.multiply(turns[0], turns[1]), turns[2])
    names = ("head.yaw", "head.pitch", "head.roll")
    assert whole == pytest.approx(rotation.head(*(take.signals[n] for n in names)), abs=1e-6)


def test_bvh_lays_uneven_frames_at_even_times_and_crosses_gaps(tmp_path: Path) -> None:
    times = np.array([0.0, 0.04, 0.08, 0.16, 0.2])
    yaw = 100 * times
    yaw[1] = 0  # means nothing, as no face was seen
    seen = [True, False, True, True, True]
    export(Take(range(5), times, np.ones(5), seen, {"head.yaw": yaw}), tmp_path / "head.bvh")
    rows = (tmp_path / "head.bvh").read_text().split("Frame Time: 0.040000000\n")[1].splitlines()
    assert [float(row.split()[3]) for row in rows] == pytest.approx([0, 4, 8, 12, 16, 20])


def test_convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, phone = tmp_path / "take.json", tmp_path / "phone.csv"
    performance("AU12", "AU26", "head.yaw").save(source)
    assert main(["convert", str(source), str(phone), "--to", "livelink"]) == 0
    assert "300 of 300 frames" in capsys.readouterr().out
    assert main(["convert", str(phone), str(tmp_path / "openface.csv")]) == 0
    assert (tmp_path / "openface.csv").read_text().startswith("frame,face_id,timestamp")
    assert main(["convert", str(phone), str(tmp_path / "head.bvh")]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {
        "take.json", "phone.csv", "openface.csv", "head.bvh"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("output", "to", "says"),
    [
        ("a.fbx", [], ".csv, .json or .bvh"),
        ("a.bvh", ["--to", "livelink"], "is a kind of .csv"),
        ("a.bvh", [], "no head rotation"),
        ("none/a.csv", ["--to", "livelink"], "Cannot write"),
    ],
)
def test_what_cannot_be_converted_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, to: list[str], says: str
) -> None:
    performance("AU12").save(tmp_path / "take.json")
    assert main(["convert", str(tmp_path / "take.json"), str(tmp_path / output), *to]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["take.json"]
