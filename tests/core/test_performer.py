"""A neutral that is saved from one clip serves another, and only the networks that saw it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core import cli, models, parameters
from mien.core.capture import FEWEST, capture
from mien.core.errors import UserError
from mien.core.frames import open_footage
from mien.core.performer import Neutral
from mien.core.take import Take

NETWORK = models.load("cpu").network


@pytest.fixture
def neutral() -> Neutral:
    rng = np.random.default_rng(0)
    points, features = rng.random((68, 2), np.float32), rng.random((2, 784), np.float32)
    return Neutral(points, features, NETWORK)


def same(one: Neutral | None, other: Neutral | None) -> bool:
    assert one and other
    return (
        np.array_equal(one.points, other.points)
        and np.array_equal(one.features, other.features)
        and one.network == other.network
    )


def test_a_file_and_a_take_hold_it_whole(neutral: Neutral, tmp_path: Path) -> None:
    neutral.save(tmp_path / "Zoë.json")
    assert same(Neutral.load(tmp_path / "Zoë.json", NETWORK), neutral)
    take = Take([0], [0.0], [1.0], [True], {"AU12": [0.5]}, neutral=neutral)
    take.save(tmp_path / "take.json")
    assert same(Take.load(tmp_path / "take.json").neutral, neutral)
    take.save(tmp_path / "take.csv")
    with pytest.raises(UserError, match="does not hold the performer's face at rest"):
        Take.load(tmp_path / "take.csv").save_neutral(tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"network": "another"}, "made with other networks: save it again"),
        ({"version": 2}, "its version is 2"),
        ({"format": "mien take"}, '"format": "mien neutral"'),
        ({"points": [[0, 0]]}, "shape"),
        ({"points": "here"}, "not a saved neutral"),
        ({"features": [float("nan")]}, "not finite"),
        ({"features": [0.5, 1.5]}, "made with other networks: save it again"),
    ],
)
def test_a_wrong_file_is_one_sentence(
    change: dict[str, object], says: str, neutral: Neutral, tmp_path: Path, make_video
) -> None:
    path = tmp_path / "neutral.json"
    neutral.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=says) as caught:
        capture(make_video(), neutral=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff\xfe", b"{}"])
def test_what_is_no_neutral_is_one_sentence(
    content: bytes | None, tmp_path: Path, make_video, capfd: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "neutral.json", tmp_path / "take.csv"
    if content is not None:
        path.write_bytes(content)
    command = ["capture", str(make_video()), "-o", str(output), "--neutral", str(path)]
    assert cli.main(command) == 2
    error = capfd.readouterr().err
    assert error.startswith("mien: ") and error.count("\n") == 1 and path.name in error
    assert cli.main([*command, "--faces", "2"]) == 2
    assert "one performer" in capfd.readouterr().err
    assert not output.exists()


def test_a_place_that_cannot_be_written_is_told_first(
    tmp_path: Path, make_video, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["capture", str(make_video()), "-o", str(tmp_path / "take.csv")]
    for option in ("--save-neutral", "--identity"):
        assert cli.main([*command, option, str(tmp_path / "none" / "me.json")]) == 2
        assert "Cannot write into" in capfd.readouterr().err


def test_a_clip_is_measured_against_the_saved_neutral(media, tmp_path: Path) -> None:
    """A photo of the smile alone: beside the face at rest it is told from the face itself."""
    clip, saved = str(media("smile.mp4")), tmp_path / "performer.json"
    command = ["capture", clip, "--frames", ":30", "-o", str(tmp_path / "take.json")]
    who = tmp_path / "who.json"
    assert cli.main([*command, "--save-neutral", str(saved), "--identity", str(who)]) == 0
    take = Take.load(tmp_path / "take.json")
    named = json.loads(who.read_text())
    assert [*named.values()] == take.identity.tolist()
    assert [*named] == [*parameters.NAMES[parameters.IDENTITY]]
    assert same(take.neutral, Neutral.load(saved, NETWORK))
    aus = ("AU12", "AU25", "AU26", "AU43", "AU01", "AU04")

    def gaps(first: int) -> list[float]:
        """How far four frames by themselves, too few to find the face at rest among, are from the
        same ones of the take: without and with the saved neutral."""
        few = {"start": first, "end": first + 3}
        (alone,) = capture(clip, **few)
        (beside,) = capture(clip, neutral=saved, **few)
        assert alone.neutral is None
        assert same(beside.neutral, take.neutral)
        there = slice(first, first + 4)
        return [
            float(np.mean([np.abs(t.signals[au] - take.signals[au][there]).mean() for au in aus]))
            for t in (alone, beside)
        ]

    assert gaps(12)[1] < 0.01  # still; a face that moves is seen anew where a clip begins
    alone, beside = gaps(22)
    assert alone > max(0.01, 4 * beside), (alone, beside)
    (again,) = capture(clip, neutral=saved, end=30)
    for name, values in take.signals.items():
        assert again.signals[name] == pytest.approx(values, abs=1e-3)


def test_each_face_has_its_own_files(
    media, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    frame = cv2.imread(str(media("several_faces.jpg")))
    for i in range(FEWEST + 1):
        cv2.imwrite(str(folder / f"{i:02}.png"), frame)
    take, neutral, who = (tmp_path / name for name in ("take.json", "rest.json", "who.json"))
    command = ["capture", str(folder), "-o", str(take), "--faces", "2", "--identity", str(who)]
    assert cli.main([*command, "--save-neutral", str(neutral), "--neutral", "0:3"]) == 0
    assert "Only" not in capfd.readouterr().out
    for path in (take, neutral, who):
        assert path.read_text() != path.with_stem(f"{path.stem}_face2").read_text()
    (tmp_path / "other_face2.json").mkdir()
    assert cli.main([*command, "--save-neutral", str(tmp_path / "other.json")]) == 2
    assert "other_face2.json is a folder" in capfd.readouterr().err


def test_faces_that_did_not_come_are_told(
    media, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["capture", str(media("one_face.jpg")), "--faces", "3"]
    assert cli.main([*command, "-o", str(tmp_path / "take.csv")]) == 0
    assert "Only 1 of 3 faces came." in capfd.readouterr().out
    assert not list(tmp_path.glob("*_face*"))


def test_who_never_rests_keeps_nobody_from_their_files(
    media, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of two people one is there for a moment."""
    folder, other = tmp_path / "shots", cv2.imread(str(media("one_face.jpg")))
    folder.mkdir()
    for frame in open_footage(media("smile.mp4"), end=2 * FEWEST).frames:
        image, i = np.ascontiguousarray(frame.image[..., ::-1]), frame.index
        beside = cv2.resize(other, image.shape[1::-1]) if i < 3 else np.zeros_like(image)
        cv2.imwrite(str(folder / f"{i:02}.png"), np.hstack([image, beside]))
    files = [tmp_path / name for name in ("take.json", "rest.json", "who.json")]
    command = ["capture", str(folder), "--faces", "2", "-o", *map(str, files[:1])]
    options = ["--save-neutral", str(files[1]), "--identity", str(files[2])]
    assert cli.main([*command, *options]) == 0
    told = capfd.readouterr().out
    assert "Face 2 never rests" in told and told.count("None shows it at rest") == 1
    assert all(file.exists() for file in files)
    assert (tmp_path / "who_face2.json").exists()
    assert not (tmp_path / "rest_face2.json").exists()
