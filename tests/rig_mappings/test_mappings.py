"""Presets move what they should; a slip in a mapping is answered in one sentence."""

import textwrap

import numpy as np
import pytest

from mien import rig_mappings
from mien.core.cli import main
from mien.core.errors import UserError
from mien.core.mapping import Channel, GazeTarget, HeadTarget, RigNames
from mien.core.parameters import ANGLE_SIGNALS, SIDED_AUS, SIGNALS
from mien.core.retarget import retarget
from mien.core.take import Take
from mien.rig_mappings import loader

ARKIT = [channel.target for channel in rig_mappings.load("arkit").channels]
BDFM = [channel.target for channel in rig_mappings.load("bdfm").channels]


def values(mapping, rig, **signals):
    """What a face with these signals sets on the rig: target -> value."""
    numbers = {name: np.zeros(1) for name in SIGNALS}
    numbers |= {name.replace("_", "."): np.array([float(v)]) for name, v in signals.items()}
    take = Take([0], [0.0], [1.0], [True], numbers)
    curves = retarget(take, rig_mappings.load(mapping), rig).curves
    return {curve.target: curve.values[0] for curve in curves if curve.values[0] != 0}


def arkit(**signals):
    return values("arkit", RigNames(shape_keys=tuple(ARKIT)), **signals)


def test_arkit_has_the_52():
    assert len(ARKIT) == len(set(ARKIT)) == 52
    for name in ARKIT:
        if name.endswith("Left"):
            assert name.removesuffix("Left") + "Right" in ARKIT
    still = [c.target for c in rig_mappings.load("arkit").channels if not c.signals]
    assert still == ["mouthClose", "mouthLeft", "mouthRight", "tongueOut"]


def test_arkit_left_is_left():
    for channel in rig_mappings.load("arkit").channels:
        for signal in channel.signals:
            if signal.endswith((".L", ".R")):
                side = {"L": "Left", "R": "Right"}[signal[-1]]
                assert channel.target.endswith(side), channel.target
    assert arkit(AU43_L=1) == {"eyeBlinkLeft": 1}


def test_arkit_gaze():
    left = {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
    right = {"eyeLookInLeft": 0.25, "eyeLookOutRight": 0.25}
    assert arkit(gaze_yaw=20) == pytest.approx(left)
    assert arkit(gaze_yaw=-10) == pytest.approx(right)
    up = {"eyeLookUpLeft": 1, "eyeLookUpRight": 1}
    assert arkit(gaze_pitch=30) == pytest.approx(up, abs=1e-3)
    assert set(arkit(gaze_pitch=-5)) == {"eyeLookDownLeft", "eyeLookDownRight"}


def test_arkit_parts_lips_and_drops_the_jaw():
    parted = arkit(AU25=0.8)
    assert parted == pytest.approx({
        "mouthLowerDownLeft": 0.4, "mouthLowerDownRight": 0.4,
        "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2,
    })  # fmt: skip
    assert arkit(AU25=0.8, AU26=0.8) == {"jawOpen": 0.8}  # the jaw has parted them already
    assert arkit(AU26=1) == {"jawOpen": 1}


def test_every_signal_moves_arkit():
    for name in SIGNALS:
        if name not in SIDED_AUS and not name.startswith("head."):
            assert arkit(**{name.replace(".", "_"): 1}), name


@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda n: n[0].upper() + n[1:],
        lambda n: n.replace("Left", "_L").replace("Right", "_R"),
        lambda n: n.replace("Left", ".L").replace("Right", ".R"),
        lambda n: n.replace("Left", "L").replace("Right", "R"),
    ],
)
def test_arkit_in_other_spellings(spell):
    rig = [spell(name) for name in ARKIT]
    best = rig_mappings.detect(rig)[0]
    assert best[:3] == ("arkit", 52, 52) and best.sure > 0.95
    assert values("arkit", RigNames(shape_keys=tuple(rig)), AU12_R=1) == {
        spell("mouthSmileRight"): 1
    }


def test_arkit_with_split_shapes():
    rig = RigNames(shape_keys=("cheekPuff_L", "cheekPuff_R"))
    assert values("arkit", rig, AD34=0.5) == {"cheekPuff_L": 0.5, "cheekPuff_R": 0.5}


def test_bdfm_carries_every_signal_as_it_is():
    expected = [s for s in SIGNALS if s not in SIDED_AUS and not s.startswith("head.")]
    assert expected == BDFM
    rig = RigNames(properties=tuple(BDFM), bones=("neck", "head"))
    for name in expected:
        value = -12.5 if name in ANGLE_SIGNALS else 0.375
        moved = values("bdfm", rig, **{name.replace(".", "_"): value})
        assert {k: v for k, v in moved.items() if k not in ("neck", "head")} == {name: value}


GOOD = 'channels = [{ shape_key = "a", signals = { AU12.L = 1.0 } }]'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("AU12", "AU13"), "'a' asks for an unknown signal 'AU13.L' (the nearest is"),
        (GOOD.replace("AU12.L", '"AU1"'), "(the nearest is 'AU01')"),
        (GOOD.replace("signals", "signal"), "(the nearest is 'signals')"),
        (GOOD.replace("shape_key", "shapekey"), "(the nearest is 'shape_key')"),
        (GOOD.replace("channels", "chanels"), "(the nearest is 'channels')"),
        (GOOD.replace("1.0", '"1"'), "not a number"),
        (GOOD.replace('"a"', "3"), "not a name"),
        (GOOD.replace("}]", ", low = 2 }]"), "swap"),
        ('channels = [{ bone = "a", property = "rotation", axis = "x", signals = {} }]',
         "(the nearest is 'rotation_euler')"),
        ('channels = [{ bone = "a", property = "scale", axis = "w", signals = {} }]', "no axis"),
        ("channels = [3]", "not a table"),
        ("channels = 3", "channels"),
        ("requires = 3\n" + GOOD, "requires"),
        ("head = 3\n" + GOOD, "head is not a table"),
        ("head = { bone = 3 }\n" + GOOD, "bone"),
        ('head = { bone = "h", neck_share = 3 }\n' + GOOD, "0 to 1"),
        ("head = { bone = [] }\n" + GOOD, "empty list"),
        ("names = { a = 'b' }\n" + GOOD, "extends"),
        ("unit = ['a']\n" + GOOD, "two bones"),
        ("gaze = { bone = 'a' }\n" + GOOD, "two names"),
        ("extends = 'arkti'", "(the nearest is 'arkit')"),
        ("extends = 'arkit'\nnames = { jawopen = 'x' }", "(the nearest is 'jawOpen')"),
        (GOOD.replace('"a"', "[]"), "an empty list"),
        ('channels = [{ bone = "a", property = "scale", axis = "up", signals = {} }]', "no axis"),
        ("", "no list of channels"),
        ("channels = [", "Mapping rig.toml"),
    ],
)  # fmt: skip
def test_slips_are_answered_in_one_sentence(tmp_path, text, says):
    path = tmp_path / "rig.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        rig_mappings.load(path)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("Mapping rig.toml: ")


def documented(number):
    """An example of the loader's text: its number, from 0."""
    blocks = loader.__doc__.split("::\n")[1 + number].splitlines()
    return textwrap.dedent("\n".join(b for b in blocks if b.startswith("    ") or not b))


def test_the_documented_example_is_a_mapping(tmp_path):
    (tmp_path / "mine.toml").write_text(documented(0))
    mapping = rig_mappings.load(tmp_path / "mine.toml")
    smile, jaw, brow, squint = mapping.channels
    assert smile == Channel(
        "shape_key", "smile_L", {"AU12.L": 1.0, "AU06.L": 0.2}, gain=1.1, low=0, high=0.9
    )
    assert jaw == Channel("bone", "jaw_ctrl", {"AU26": 25.0}, "rotation_euler", 0)
    assert brow == Channel(
        "bone", "brow_L", {"AU01": 0.1}, "location", 1,
        aliases=("Brow.L",), character=True, unit=("eye_L", "eye_R"),
    )  # fmt: skip
    assert squint == Channel("property", "squint", {"AU07": 1.0}, offset=0.1, low=0, high=1)
    assert mapping.head == HeadTarget(("head",), ("neck",), 0.5)
    assert mapping.gaze == GazeTarget("look_at", "eye_L")


def test_a_mapping_may_call_the_targets_of_another_by_other_names(tmp_path):
    (tmp_path / "mine.toml").write_text(
        documented(1) + 'channels = [{ shape_key = "mouthClose", signals = { AU24 = 1.0 } }]'
    )
    mapping = rig_mappings.load(tmp_path / "mine.toml")
    targets = [channel.target for channel in mapping.channels]
    assert len(targets) == len(set(targets)) == 52
    assert set(targets) - set(ARKIT) == {"Mouth_Open", "Puff_L", "Puff_R"}
    assert set(ARKIT) - set(targets) == {"jawOpen", "cheekPuff", "tongueOut"}
    signals = {channel.target: channel.signals for channel in mapping.channels}
    assert signals["Puff_L"] == signals["Puff_R"] == {"AD34": 1}
    assert signals["mouthClose"] == {"AU24": 1}
    assert mapping.head == rig_mappings.load("arkit").head


def test_a_unit_is_measured_between_the_bones_as_they_are_called(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'extends = "rigify_face"\nnames = { "lid.T.L.002" = "my_lid" }\n'
    )
    base, mine = (rig_mappings.load(m) for m in ("rigify_face", tmp_path / "mine.toml"))
    assert any("lid.T.L.002" in channel.unit for channel in base.channels)
    for before, after in zip(base.channels, mine.channels, strict=True):
        assert after.unit == tuple(b.replace("lid.T.L.002", "my_lid") for b in before.unit)


def test_unknown_mappings(tmp_path):
    with pytest.raises(UserError, match=r"'arkti' \(the nearest is 'arkit'\)"):
        rig_mappings.load("arkti")
    with pytest.raises(UserError, match="Cannot read"):
        rig_mappings.load(tmp_path / "none.toml")


def run(*words):
    return main(["mappings", *map(str, words)])


def test_command_line(tmp_path, capsys):
    assert run("list") == 0
    assert "arkit              52 targets" in capsys.readouterr().out
    rig = tmp_path / "names.txt"
    rig.write_text("\n".join(name for name in ARKIT if name != "jawForward"))
    assert run("check", "arkit", rig) == 0
    out = capsys.readouterr().out
    assert "51 of 52" in out and "Not found: jawForward." in out
    assert run("detect", rig) == 0
    assert "arkit              51 of 52 targets  sure" in capsys.readouterr().out
    rig.write_text("Basis")
    assert run("detect", rig) == 2
    assert "No mapping fits" in capsys.readouterr().err
    assert run("detect", tmp_path / "none.txt") == 2
    assert "Cannot read names" in capsys.readouterr().err
    assert run("check", "arkti") == 2
    assert "(the nearest is 'arkit')" in capsys.readouterr().err
