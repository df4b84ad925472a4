"""Takes survive their files, and OpenFace's files say what OpenFace meant."""

import json

import numpy as np
import pytest

from mien.core.errors import UserError
from mien.core.parameters import ANGLE_SIGNALS, SIGNALS
from mien.core.take import Take


def make(n: int = 7, seed: int = 0) -> Take:
    rng = np.random.default_rng(seed)
    signals = {
        name: rng.uniform(-25, 25, n) if name in ANGLE_SIGNALS else rng.uniform(0, 1, n)
        for name in SIGNALS
    }
    return Take(
        frames=np.arange(10, 10 + n),
        timestamps=np.cumsum(rng.uniform(0.02, 0.06, n)),
        confidence=rng.uniform(0, 1, n),
        success=rng.uniform(0, 1, n) > 0.3,
        signals=signals,
        face=2,
        source="a clip.mp4",
        identity=rng.uniform(0, 1, 244),
    )


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_round_trip(tmp_path, suffix):
    take = make()
    path = tmp_path / f"prise ü{suffix}"
    take.save(path)
    back = Take.load(path)
    assert (back.frames == take.frames).all() and (back.success == take.success).all()
    assert back.face == 2
    np.testing.assert_allclose(back.timestamps, take.timestamps, atol=1e-6)
    np.testing.assert_allclose(back.confidence, take.confidence, atol=1e-6)
    assert list(back.signals) and set(back.signals) == set(take.signals)
    for name, values in take.signals.items():
        np.testing.assert_allclose(back.signals[name], values, atol=1e-4, err_msg=name)
    if suffix == ".json":
        assert back.source == take.source
        assert (back.identity == take.identity).all()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # no draft left behind


def test_csv_has_openface_columns_units_and_signs(tmp_path):
    still = np.zeros(1)
    take = Take([0], [0.0], [1.0], [True], {
        "AU12": still + 0.5, "AU12.L": still + 0.5, "AU12.R": still + 0.25, "AU43": still + 1,
        "head.yaw": still + 30, "head.pitch": still + 10, "head.roll": still + 5,
        "gaze.yaw": still - 30, "gaze.pitch": still + 20,
    })  # fmt: skip
    take.save(tmp_path / "take.csv")
    header, row = (tmp_path / "take.csv").read_text().splitlines()
    cell = dict(zip(header.split(","), map(float, row.split(",")), strict=True))
    assert cell["AU12_r"] == 2.5 and cell["AU12_L_r"] == 2.5 and cell["AU12_R_r"] == 1.25
    assert cell["AU45_r"] == 5 and "AU43_r" not in cell
    assert cell["pose_Ry"] == pytest.approx(-np.radians(30), abs=1e-6)
    assert cell["pose_Rx"] == pytest.approx(-np.radians(10), abs=1e-6)
    assert cell["pose_Rz"] == pytest.approx(np.radians(5), abs=1e-6)
    assert cell["gaze_angle_x"] == pytest.approx(0, abs=1e-6)  # the eyes stay on the camera
    assert cell["gaze_angle_y"] == pytest.approx(-np.radians(30), abs=1e-6)  # y is down


def test_reads_openface(tmp_path):
    path = tmp_path / "openface.csv"
    path.write_text(
        "frame, face_id, timestamp, confidence, success, gaze_angle_x, gaze_angle_y, pose_Tx,"
        " pose_Rx, pose_Ry, pose_Rz, AU01_r, AU12_r, AU23_r, AU45_r, AU12_c\n"
        "1, 0, 0.000, 0.98, 1, 0.1, -0.2, 14.3, 0.1, -0.4, 0.05, 0.50, 5.20, 1.0, 2.5, 1\n"
        "2, 0, 0.033, 0.00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0\n"
        "3, 0, 0.067, 0.90, 1, -nan, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0\n"
    )
    take = Take.load(path)
    assert take.success.tolist() == [True, False, False]
    assert take.signals["AU01"][0] == pytest.approx(0.1)
    assert take.signals["AU12"][0] == 1.0  # 5.2 on a scale of 5
    assert take.signals["AU12.R"][0] == 1.0
    assert take.signals["AU43"][0] == take.signals["AU43.L"][0] == 0.5
    assert take.signals["head.yaw"][0] == pytest.approx(np.degrees(0.4))
    assert take.signals["head.pitch"][0] == pytest.approx(-np.degrees(0.1))
    assert take.signals["head.roll"][0] == pytest.approx(np.degrees(0.05))
    assert take.signals["gaze.yaw"][0] == pytest.approx(np.degrees(0.1 - 0.4))
    assert take.signals["gaze.pitch"][0] == pytest.approx(np.degrees(0.2 + 0.1))
    assert "AU16" not in take.signals


HEAD = "frame,timestamp,AU01_r\n"
EMPTY = {
    "format": "mien take", "version": 1, "timestamps": [0], "confidence": [1], "success": [True],
    "signals": {},
}  # fmt: skip


def test_columns_of_others_may_hold_what_they_like(tmp_path):
    (tmp_path / "a.csv").write_text(
        "frame,timestamp,success,AU12_r,mood,\n0,0.0,1,1.0,0.3,\n1,0.1,1,4.0,,\n2,0.2,0,2.0,ok,\n"
    )
    take = Take.load(tmp_path / "a.csv")
    assert take.success.tolist() == [True, True, False]
    assert take.signals["AU12"] == pytest.approx([0.2, 0.8, 0.4])


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "neither OpenFace's columns (frame, timestamp"),
        ("a.csv", "frame,AU01_r\n1,0\n", "'timestamp'"),
        ("a.csv", "frame,timestamp\n1,0\n", "no action unit"),
        ("a.csv", HEAD + "1,0,x\n", "no number"),
        ("a.csv", HEAD + "1,0\n", "length"),
        ("a.csv", HEAD + "1,0,1\n2,0,1\n", "time stamps"),
        ("a.csv", "frame,face_id,timestamp,AU01_r\n1,0,0,1\n1,1,0,1\n", "2 faces"),
        ("a.json", "{", "not a take"),
        ("a.json", "{}", "format"),
        ("a.json", '{"format": "mien take", "version": 9}', "version is 9"),
        ("a.json", '{"format": "mien take", "version": 1}', "missing"),
        ("a.json", '{"format": "mien take", "version": 1, "signals": []}', "numbers by name"),
        ("a.json", json.dumps({**EMPTY, "frames": [10**23]}), "too large"),
        ("a.csv", HEAD + '0,0,"1\n' + 60000 * "1,0,1\n", "field limit"),
        ("a.txt", "", ".csv or a .json"),
    ],
)
def test_broken_files_get_one_sentence(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        Take.load(tmp_path / name)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_missing_and_unwritable(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        Take.load(tmp_path / "none.csv")
    with pytest.raises(UserError, match="Cannot write"):
        make().save(tmp_path / "no folder" / "take.csv")
    (tmp_path / "old.csv").write_text("old")
    take = make()
    take.source = object()  # cannot be written as JSON
    with pytest.raises(TypeError):
        take.save(tmp_path / "old.json")
    assert (tmp_path / "old.csv").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("place", ["file/take.json", f"{'long' * 99}.json"])
def test_a_place_where_not_even_a_draft_can_be_is_one_sentence(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"Cannot write .*: choose another place or name"):
        make().save(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_json_is_strict(tmp_path):
    make().save(tmp_path / "take.json")
    fields = json.loads((tmp_path / "take.json").read_text())
    assert fields["format"] == "mien take" and len(fields["signals"]["AU12.L"]) == 7


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match=r"'AU1' \(the nearest is 'AU01'\)"):
        Take([0], [0.0], [1.0], [True], {"AU1": [0.0]})
    with pytest.raises(ValueError, match="shape"):
        Take([0], [0.0], [1.0], [True], {"AU01": [0.0, 1.0]})
    with pytest.raises(ValueError, match="finite"):
        Take([0], [0.0], [1.0], [True], {"AU01": [np.nan]})
