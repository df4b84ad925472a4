"""Takes from and to other programs' CSV: numbers survive, angles keep their signs."""

from pathlib import Path

import numpy as np
import pytest

from mien.core import take_livelink
from mien.core.convert import export
from mien.core.errors import UserError
from mien.core.parameters import ANGLE_SIGNALS, AU_SIGNALS, SIDED_AUS, SIGNALS
from mien.core.take import Take

COUNT = 300
LIPS = ("AU10", "AU10.L", "AU10.R", "AU16", "AU25")  # share ARKit's shapes
OPENFACE_AUS = [f"{n:02d}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)]


def performance(*names: str, seed: int = 0, fps: float = 30) -> Take:
    """Smooth random curves, AUs over all of 0..1, angles over -25..25 degrees; lips as parted as
    the jaw is dropped."""
    rng = np.random.default_rng(seed)
    times = np.arange(COUNT) / fps
    signals = {}
    for name in names:
        waves = rng.uniform(0.2, 2, 3) * times[:, None] + rng.uniform(0, 1, 3)
        curve = np.sin(2 * np.pi * waves).sum(axis=1)
        curve = (curve - curve.min()) / np.ptp(curve)
        signals[name] = 50 * curve - 25 if name in ANGLE_SIGNALS else curve
    for au in SIDED_AUS:
        if f"{au}.L" in signals:
            signals[au] = np.maximum(signals[f"{au}.L"], signals[f"{au}.R"])
    return Take(np.arange(COUNT), times, np.ones(COUNT), np.ones(COUNT, bool), signals)


def there_and_back(take: Take, path: Path, kind: str) -> Take:
    export(take, path, kind)
    return Take.load(path)


def compare(take: Take, back: Take, names: tuple[str, ...]) -> tuple[float, float]:
    """(the lowest correlation, the largest absolute error)."""
    pairs = [(take.signals[name], back.signals[name]) for name in names]
    lowest = min(np.corrcoef(a, b)[0, 1] for a, b in pairs)
    return lowest, max(np.abs(a - b).max() for a, b in pairs)


def table(text: str) -> dict[str, np.ndarray]:
    header, *rows = (line.split(",") for line in text.splitlines())
    return dict(zip(header, np.array(rows).T, strict=True))


def test_openface_survives_the_way_through_a_take(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    columns = {"frame": np.arange(1, 51), "face_id": np.zeros(50), "timestamp": np.arange(50) / 30}
    columns |= {"confidence": rng.uniform(0.8, 1, 50), "success": np.ones(50)}
    columns |= {f"gaze_{eye}_{axis}": rng.uniform(-1, 1, 50) for eye in "01" for axis in "xyz"}
    columns |= {f"gaze_angle_{axis}": rng.uniform(-0.5, 0.5, 50) for axis in "xy"}
    columns |= {f"pose_T{axis}": rng.uniform(-100, 500, 50) for axis in "xyz"}
    columns |= {f"pose_R{axis}": rng.uniform(-0.6, 0.6, 50) for axis in "xyz"}
    columns |= {f"x_{i}": rng.uniform(0, 640, 50) for i in range(68)}
    columns |= {f"AU{au}_r": rng.uniform(0, 5, 50) for au in OPENFACE_AUS}
    columns |= {f"AU{au}_c": rng.integers(0, 2, 50) for au in sorted([*OPENFACE_AUS, "28"])}
    lines = [", ".join(columns)] + [
        ", ".join(f"{v:.3f}" for v in row) for row in zip(*columns.values(), strict=True)
    ]
    source = tmp_path / "openface.csv"
    source.write_text("\n".join(lines) + "\n")
    take = Take.load(source)
    assert take.success.all() and "AU16" not in take.signals
    assert (take.signals["AU28"] == 0.6 * columns["AU28_c"]).all()  # has no intensity there
    export(take, tmp_path / "again.csv")
    again = table((tmp_path / "again.csv").read_text())
    kept = [f"AU{au}_r" for au in OPENFACE_AUS if au != "23"]
    for name in (*kept, "pose_Rx", "pose_Ry", "pose_Rz", "gaze_angle_x", "gaze_angle_y"):
        assert np.abs(again[name].astype(float) - columns[name]).max() < 6e-4, name  # 3 decimals
    assert (again["frame"].astype(int) == columns["frame"]).all()


def test_openface_on_windows_spells_nan_at_length(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("frame, timestamp, AU12_r\n1, 0.0, 2.5\n2, 0.1, -nan(ind)\n")
    assert Take.load(path).success.tolist() == [True, False]


def test_live_link_keeps_what_arkit_can_carry(tmp_path: Path) -> None:
    take = performance(*(name for name in SIGNALS if name not in LIPS))
    take.signals["AU25"] = take.signals["AU26"]
    back = there_and_back(take, tmp_path / "take.csv", "livelink")
    assert set(back.signals) == set(SIGNALS)
    assert np.abs(back.timestamps - take.timestamps).max() < 2e-5
    aus = tuple(name for name in AU_SIGNALS if name not in LIPS)
    lowest, error = compare(take, back, (*aus, "AU25"))
    assert lowest > 0.999999 and error < 1e-6
    lowest, error = compare(take, back, ANGLE_SIGNALS)
    assert lowest > 0.999999 and error < 1e-6  # degrees
    assert max(np.abs(back.signals[name]).max() for name in ("AU10", "AU16")) < 1e-6


@pytest.mark.parametrize("names", [("AU10.L", "AU10.R"), ("AU16",), ("AU25",)])
def test_live_link_keeps_each_lip_action_alone(tmp_path: Path, names: tuple[str, ...]) -> None:
    take = performance(*names)
    take.signals.setdefault("AU25", np.zeros(COUNT))
    take.signals["AU26"] = np.zeros(COUNT)
    back = there_and_back(take, tmp_path / "take.csv", "livelink")
    lowest, error = compare(take, back, names)
    assert lowest > 0.999999 and error < 1e-6


def test_lip_actions_at_once_come_back_as_the_same_shapes(tmp_path: Path) -> None:
    """AU10 with AU16 is in part read as AU25: of all three the sum is known, not the shares."""
    take = performance("AU10.L", "AU10.R", "AU16", "AU26")
    take.signals["AU25"] = np.clip(take.signals["AU26"] + 0.1, 0, 1)
    for name in ("AU10", "AU10.L", "AU10.R", "AU16"):
        take.signals[name] = 0.5 * take.signals[name]
    back = there_and_back(take, tmp_path / "take.csv", "livelink")
    export(back, tmp_path / "again.csv", "livelink")
    first, second = (table((tmp_path / f"{n}.csv").read_text()) for n in ("take", "again"))
    for column in first:
        if column != "Timecode":
            gap = np.abs(first[column].astype(float) - second[column].astype(float)).max()
            assert gap < 1e-6, column
    lowest, error = compare(take, back, LIPS)
    assert lowest > 0.5 and error < 0.9


def live_link(rows: list[str], header: str = "Timecode,BlendshapeCount,JawOpen,HeadYaw") -> str:
    return "\n".join([header, *rows]) + "\n"


def loaded(tmp_path: Path, text: str) -> Take:
    path = tmp_path / "recording.csv"
    path.write_text(text)
    return Take.load(path)


def test_live_link_angles_have_their_signs(tmp_path: Path) -> None:
    """One frame: head to the left, up, towards the left shoulder; eyes to the right and down."""
    still = np.zeros(1)
    take = Take([0], [0.0], [1.0], [True], {
        "head.yaw": still + 30, "head.pitch": still + 20, "head.roll": still + 10,
        "gaze.yaw": still - 12, "gaze.pitch": still - 9,
    })  # fmt: skip
    export(take, tmp_path / "take.csv", "livelink")
    cell = {k: v[0] for k, v in table((tmp_path / "take.csv").read_text()).items()}
    assert cell.pop("Timecode") == "00:00:00:00.000"
    value = {k: float(v) for k, v in cell.items()}
    assert value["BlendshapeCount"] == 61 and len(value) == 62
    assert value["HeadYaw"] == pytest.approx(np.radians(30))  # > 0 is to the left
    assert value["HeadPitch"] == pytest.approx(np.radians(20))  # > 0 is up
    assert value["HeadRoll"] == pytest.approx(-np.radians(10))  # > 0 is to the right shoulder
    for eye in ("LeftEye", "RightEye"):
        assert value[f"{eye}Yaw"] == pytest.approx(np.radians(12))  # against the head's signs
        assert value[f"{eye}Pitch"] == pytest.approx(np.radians(9))
    # The shapes agree: the left eye looks towards the nose, the right one away from it.
    assert value["EyeLookInLeft"] == value["EyeLookOutRight"] == pytest.approx(0.3, abs=1e-3)
    assert value["EyeLookDownLeft"] == value["EyeLookDownRight"] == pytest.approx(0.3, abs=1e-3)
    assert value["EyeLookOutLeft"] == value["EyeLookInRight"] == value["EyeLookUpLeft"] == 0


def test_a_recording_turns_the_head_against_the_eyes(tmp_path: Path) -> None:
    """The signs of the app's own packets; see mien.core.take_livelink for where they are from."""
    header = "Timecode,BlendshapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll," + ",".join(
        f"{eye}Eye{angle}" for eye in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll")
    )
    row = "00:00:00:01.0,61,0,0.5,0.2,0.1,0.03,0.2,0,0.17,0.2,0"
    angles = {k: v[0] for k, v in loaded(tmp_path, live_link([row], header)).signals.items()}
    assert angles["head.yaw"] == pytest.approx(np.degrees(0.5))  # to the subject's left
    assert angles["head.pitch"] == pytest.approx(np.degrees(0.2))  # up
    assert angles["head.roll"] == pytest.approx(-np.degrees(0.1))  # the right shoulder
    assert angles["gaze.yaw"] == pytest.approx(-np.degrees(0.1))  # to the right, the eyes' mean
    assert angles["gaze.pitch"] == pytest.approx(-np.degrees(0.2))  # down


@pytest.mark.parametrize(
    ("codes", "times"),
    [
        # 60 a second, with fractions, over the end of a minute
        (["14:58:59:58.500", "14:58:59:59.500", "14:59:00:00.500"], [0, 1 / 60, 2 / 60]),
        # every second frame of 60
        (["01:02:03:56.0", "01:02:03:58.0", "01:02:04:00.0"], [0, 2 / 60, 4 / 60]),
        # 30, 25 and 24 a second
        (["00:00:00:28", "00:00:00:29", "00:00:01:00"], [0, 1 / 30, 2 / 30]),
        (["00:00:00:23", "00:00:00:24", "00:00:01:00"], [0, 1 / 25, 2 / 25]),
        (["00:00:00:22", "00:00:00:23", "00:00:01:00"], [0, 1 / 24, 2 / 24]),
        # too short to tell
        (["10:00:00:03.0", "10:00:00:04.0", "10:00:00:05.0"], [0, 1 / 60, 2 / 60]),
        # over midnight
        (["23:59:59:58.0", "23:59:59:59.0", "00:00:00:00.0"], [0, 1 / 60, 2 / 60]),
    ],
)
def test_time_codes(tmp_path: Path, codes: list[str], times: list[float]) -> None:
    take = loaded(tmp_path, live_link([f"{code},61,0.5,0.1" for code in codes]))
    assert take.timestamps == pytest.approx(times, abs=1e-9)


@pytest.mark.parametrize("fps", [1, 2, 3, 4, 5, 10, 12, 15, 24, 30])
def test_slow_footage_keeps_its_times(tmp_path: Path, fps: float) -> None:
    take = performance("AU26", fps=fps)
    export(take, tmp_path / "a.csv", "livelink")
    back = Take.load(tmp_path / "a.csv")
    assert back.timestamps == pytest.approx(take.timestamps, abs=1e-3)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60])
def test_a_gap_does_not_change_the_rate(tmp_path: Path, fps: int) -> None:
    """Frames that were dropped leave a gap; the others are as far apart as ever."""
    wanted = [n for n in range(5 * fps) if not 2 * fps < n < 2 * fps + 0.9 * fps]
    codes = [f"00:00:{n // fps:02d}:{n % fps:02d}" for n in wanted]
    take = loaded(tmp_path, live_link([f"{code},61,0.5,0.1" for code in codes]))
    assert take.timestamps == pytest.approx(np.array(wanted) / fps, abs=1e-9)


def test_a_recording_with_repeated_and_lost_frames(tmp_path: Path) -> None:
    rows = ["00:00:00:01.0,61,0.5,0.1", "00:00:00:01.0,61,0.5,0.1", "00:00:00:02.0,0,,"]
    take = loaded(tmp_path, live_link([*rows, "00:00:00:03.0,0", "00:00:00:04.0,61,0.7,0.2"]))
    assert take.success.tolist() == [True, False, False, True]
    assert take.signals["AU26"][[0, -1]].tolist() == [0.5, 0.7]


def test_a_recording_without_head_rotation_moves_no_head(tmp_path: Path) -> None:
    take = loaded(tmp_path, live_link(["00:00:00:01.0,61,0.5,0", "00:00:00:02.0,61,0.5,0"]))
    assert set(take.signals) == {"AU25", "AU26"}


def test_lips_closed_over_an_open_jaw(tmp_path: Path) -> None:
    header = "Timecode,BlendshapeCount,JawOpen,MouthClose"
    take = loaded(tmp_path, live_link(["00:00:00:01.0,61,0.5,0.5"], header))
    assert take.signals["AU26"] == 0.5 and take.signals["AU25"] == 0


ARKIT = "{time},eyeBlink_L,eyeBlink_R,browInnerUp_L,browInnerUp_R,eyeLookOutLeft,eyeLookInLeft,note"


@pytest.mark.parametrize(
    ("time", "second"), [("time", "0.04"), ("timestamp_ms", "40"), ("Timestamp", "40")]
)
def test_plain_arkit(tmp_path: Path, time: str, second: str) -> None:
    header = ARKIT.format(time=time)
    take = loaded(
        tmp_path, f"{header}\n0,0.25,1,0.2,0.4,0.5,0,take one\n{second},0,0,0,0,0,0.25,x\n"
    )
    assert take.timestamps == pytest.approx([0, 0.04])
    assert take.signals["AU43.L"][0] == pytest.approx(0.25)
    assert take.signals["AU43.R"][0] == take.signals["AU43"][0] == pytest.approx(1)
    assert take.signals["AU01"][0] == pytest.approx(0.3)
    assert take.signals["gaze.yaw"] == pytest.approx([20, -10])
    assert "AU12" not in take.signals and "head.yaw" not in take.signals


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "neither OpenFace's columns (frame, timestamp, AU01_r"),
        ("a,b\n1,2\n", "nor a time and ARKit's blend shapes (time, eyeBlinkLeft"),
        ("a,b\n1,2\n", "nor Live Link Face's (Timecode, BlendshapeCount, EyeBlinkLeft"),
        ("AU01_r\n1\n", "'frame'; it should have OpenFace's columns"),
        ("frame,jawOpen\n1,0\n", "no column of time; it should have a time and ARKit's"),
        ("time,jawOpen,mouthClose\n1,0\n", "length"),
        ("Timecode,BlendshapeCount,Foo\n00:00:00:01,61,1\n", "no blend shape"),
        (live_link([]), "no frame"),
        (live_link(["17,61,0,0"]), "'17' is not HH:MM:SS:FF.fff"),
        (live_link(["00:00:00:533.001,61,0,0"]), "533 frames in a second"),
        (live_link(["00:00:00:02,61,0,0", "00:00:00:01,61,0,0"]), "do not increase"),
        (live_link(["00:00:00:02,61,x,0"]), "no number but 'x'"),
    ],
)
def test_other_tables_are_told_what_was_expected(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, text)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_live_link_has_the_columns_of_the_app() -> None:
    fields = vars(performance("AU12"))
    header = take_livelink.dumps(fields).splitlines()[0].split(",")
    assert header[:3] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft"]
    assert header[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert header[53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"]
    assert len(header) == 63 and header[-1] == "RightEyeRoll"
