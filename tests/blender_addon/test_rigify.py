"""Rigify's own faces, generated here, move the right way when a take with one signal at a time is
applied through their presets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np
import pytest

from mien.blender_addon import rig_names
from mien.blender_addon.apply import apply, detected
from mien.core.cleanup import Cleanup
from mien.core.cli import main
from mien.core.parameters import ANGLE_SIGNALS, SIDED_AUS, SIGNALS
from mien.core.take import Take

LEVELS = (0.5, 1.0)
ANGLE = 20.0  # degrees, what an angle signal shows at level 1
ONE_BY_ONE = tuple(s for s in SIGNALS if s not in SIDED_AUS and not s.endswith(".R"))
# Where a signal may be seen: the beginnings of the names of deform bones.
# Rigify itself ties the wings of the nose and the chin to the lips.
LIPS = "cheek lip nose chin"
JAW = "jaw chin lip tongue teeth cheek"
SEEN = {
    "AU01": "brow", "AU02": "brow", "AU04": "brow", "AU05": "lid", "AU06": "cheek lid",
    "AU07": "lid", "AU09": "nose brow cheek lip", "AU10": LIPS, "AU12": LIPS, "AU14": LIPS,
    "AU15": LIPS, "AU16": LIPS, "AU17": LIPS, "AU18": LIPS, "AU20": LIPS, "AU22": LIPS,
    "AU24": LIPS, "AU25": LIPS, "AU26": JAW, "AU28": LIPS, "AU29": JAW, "AU30": JAW,
    "AU43": "lid", "AD34": "cheek",
}  # fmt: skip


class Shown(NamedTuple):
    """What was seen of a rig: its preset, and where bones begin and end.

    Positions are bone -> (head, tail), each (3,) x to the subject's left, y back, z up, in the
    distance of the pupils.
    """

    preset: str
    unmatched: list[str]
    rest: dict[str, tuple[np.ndarray, np.ndarray]]
    by_signal: dict[str, list[dict[str, tuple[np.ndarray, np.ndarray]]]]  # one for each of LEVELS

    def moved(self, signal: str, bone: str, level: int = -1) -> np.ndarray:
        return self.by_signal[signal][level][bone][0] - self.rest[bone][0]

    def aim(self, signal: str, start: str, end: str = "") -> np.ndarray:
        """(2,) degrees to the left and up by which a bone, or the way from one bone's head to
        another's, points elsewhere than at rest."""
        out = []
        for bones in (self.rest, self.by_signal[signal][-1]):
            x, y, z = (bones[end][0] if end else bones[start][1]) - bones[start][0]
            out.append(np.degrees([np.arctan2(x, -y), np.arctan2(z, np.hypot(x, y))]))
        return out[1] - out[0]


def one_by_one() -> Take:
    rows = [(signal, level) for signal in ONE_BY_ONE for level in LEVELS]
    values = {signal: np.zeros(len(rows) + 1) for signal in SIGNALS}
    for frame, (signal, level) in enumerate(rows, start=1):
        values[signal][frame] = level * (ANGLE if signal in ANGLE_SIGNALS else 1)
    count = len(rows) + 1
    return Take(
        np.arange(count), np.arange(count) / 24, np.ones(count), np.ones(count, bool), values
    )


@pytest.fixture(scope="module", params=["rigify_face", "rigify_skin_face"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .blend with the generated rig."""
    path = tmp_path_factory.mktemp("rigify") / f"{request.param}.blend"
    face = {"rigify_face": "super", "rigify_skin_face": "skin"}[request.param]
    script = Path(__file__).with_name("rigify_rig.py")
    done = subprocess.run(
        [sys.executable, str(script), face, str(path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return path


@pytest.fixture(scope="module")
def shown(file: Path) -> Shown:
    bpy.ops.wm.open_mainfile(filepath=str(file))
    rig = next(o for o in bpy.data.objects if "rig_id" in getattr(o.data, "keys", dict)())
    scene = bpy.context.scene
    scene.render.fps = 24
    match = detected(rig_names.character(rig))
    settings = Cleanup(neutral="none", smoothing=0)
    report = apply(one_by_one(), rig, scene=scene, mapping="", settings=settings, start=1)
    unit = rig.data.bones["eye.L"].head_local.x - rig.data.bones["eye.R"].head_local.x

    def state(frame: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        scene.frame_set(frame)
        return {
            bone.name.removeprefix("DEF-"): (np.array(bone.head) / unit, np.array(bone.tail) / unit)
            for bone in rig.pose.bones
            if bone.name.startswith(("DEF-", "MCH-eye."))
        }

    rest = state(1)
    frames = iter(range(2, 2 + len(ONE_BY_ONE) * len(LEVELS)))
    by_signal = {s: [state(next(frames)) for _ in LEVELS] for s in ONE_BY_ONE}
    assert match
    return Shown(match.name, report.unmatched, rest, by_signal)


def test_the_right_preset_fits_whole(shown: Shown, file: Path) -> None:
    assert shown.preset == file.stem
    assert shown.unmatched == []


def test_the_command_line_reads_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mappings", "detect", str(file)]) == 0
    best = capsys.readouterr().out.splitlines()[0].split()
    assert (best[0], best[-1]) == (file.stem, "sure")
    assert main(["mappings", "detect", str(file.with_name("none.blend"))]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_the_jaw_drops(shown: Shown) -> None:
    assert shown.moved("AU26", "chin.001")[2] < -0.3
    opened = shown.moved("AU26", "lip.T.L") - shown.moved("AU26", "lip.B.L")
    assert opened[2] > 0.25
    assert shown.moved("AU29", "chin.001")[1] < -0.1
    assert shown.moved("AU30.L", "chin.001")[0] > 0.1


def test_lip_corners(shown: Shown) -> None:
    left, right = "cheek.B.L", "cheek.B.R"  # they begin at the corners of the lips
    x, _, z = shown.moved("AU12.L", left)
    assert x > 0.05 and z > 0.05
    assert np.abs(shown.moved("AU12.L", right)).max() < 0.005
    assert shown.moved("AU15.L", left)[2] < -0.05
    assert shown.moved("AU20.L", left)[0] > 0.08
    assert shown.moved("AU14.L", left)[1] > 0.03  # back, into the cheek
    for au in ("AU18", "AU22"):
        assert shown.moved(au, left)[0] < -0.05 and shown.moved(au, right)[0] > 0.05


def test_lips(shown: Shown) -> None:
    upper, lower = "lip.T.L", "lip.B.L"  # they begin in the middle
    assert shown.moved("AU10.L", "lip.T.L.001")[2] > 0.05
    assert shown.moved("AU16", lower)[2] < -0.05
    assert shown.moved("AU17", lower)[2] > 0.05
    assert shown.moved("AU25", upper)[2] > 0.02 > -0.05 > shown.moved("AU25", lower)[2]
    assert shown.moved("AU24", upper)[2] < -0.02 < 0.02 < shown.moved("AU24", lower)[2]
    for lip in (upper, lower):
        assert shown.moved("AU18", lip)[1] < -0.05 and shown.moved("AU22", lip)[1] < -0.05
        assert shown.moved("AU28", lip)[1] > 0.04


def gaps(bones: dict[str, tuple[np.ndarray, np.ndarray]], side: str) -> np.ndarray:
    """(3,) how far the lids are apart; the chains run round the eye, upper in, lower out."""
    pairs = [(f"lid.T.{side}.00{i}", f"lid.B.{side}.00{4 - i}") for i in (1, 2, 3)]
    return np.array([bones[top][0][2] - bones[bottom][0][2] for top, bottom in pairs])


def test_lids(shown: Shown) -> None:
    def share(signal: str, side: str = "L") -> np.ndarray:
        return gaps(shown.by_signal[signal][-1], side) / gaps(shown.rest, side)

    assert np.abs(share("AU43.L")[1]) < 0.12  # closed in the middle
    assert np.abs(share("AU43.L")).max() < 0.6
    assert share("AU43.L", "R") == pytest.approx(1, abs=0.01)  # a wink stays on one eye
    assert share("AU05.L").min() > 1.2
    assert share("AU07.L").max() < 0.7


def test_brows_cheeks_and_nose(shown: Shown) -> None:
    inner, outer = "brow.T.L.003", "brow.T.L.001"
    assert shown.moved("AU01", inner)[2] > 0.1 and shown.moved("AU01", "brow.T.R.003")[2] > 0.1
    assert np.abs(shown.moved("AU01", outer)).max() < 0.01
    assert shown.moved("AU02.L", outer)[2] > 0.1
    assert np.abs(shown.moved("AU02.L", inner)).max() < 0.01
    x, _, z = shown.moved("AU04.L", inner)
    assert x < -0.03 and z < -0.05
    assert shown.moved("AU06.L", "cheek.T.L.001")[2] > 0.05
    assert shown.moved("AU09.L", "nose.L.001")[2] > 0.04
    assert shown.moved("AD34", "cheek.B.L.001")[0] > 0.1
    assert shown.moved("AD34", "cheek.B.R.001")[0] < -0.1


@pytest.mark.parametrize("side", ["L", "R"])
def test_both_eyes_look_where_the_gaze_goes(shown: Shown, side: str) -> None:
    eye = f"MCH-eye.{side}"
    assert shown.aim("gaze.yaw", eye) == pytest.approx([ANGLE, 0], abs=4)
    assert shown.aim("gaze.pitch", eye) == pytest.approx([0, ANGLE], abs=4)


def test_the_head_turns_all_the_way(shown: Shown) -> None:
    nose = ("spine.006", "nose.003")
    assert shown.aim("head.yaw", *nose) == pytest.approx([ANGLE, 0], abs=0.5)
    assert shown.aim("head.pitch", *nose) == pytest.approx([0, ANGLE], abs=0.5)
    left, right = (shown.moved("head.roll", f"ear.{side}")[2] for side in "LR")
    assert left < 0 < right  # towards the left shoulder


@pytest.mark.parametrize("signal", [s for s in ONE_BY_ONE if s not in ANGLE_SIGNALS])
def test_a_unit_moves_its_own_region_in_step_and_nothing_else(shown: Shown, signal: str) -> None:
    regions = tuple(SEEN[signal.split(".")[0]].split())
    size = {bone: [np.linalg.norm(shown.moved(signal, bone, i)) for i in (0, 1)]
            for bone in shown.rest if not bone.startswith("MCH")}  # fmt: skip
    own = [size[bone] for bone in size if bone.startswith(regions)]
    peaks = np.array(own).max(axis=0)
    assert np.corrcoef([0, *LEVELS], [0, *peaks])[0, 1] > 0.95
    elsewhere = [max(size[bone]) for bone in size if not bone.startswith(regions)]
    assert max(elsewhere) < 0.1 * peaks[-1]
    if signal.endswith(".L") and signal != "AU30.L":
        # The lips' bones begin in the middle and belong to both sides.
        other = [max(size[b]) for b in size if ".R" in b and shown.rest[b][0][0] < -0.1]
        assert max(other) < 0.25 * peaks[-1]
