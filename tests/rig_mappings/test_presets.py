"""Every preset on a rig with its convention's names: told apart, and moved the right way."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mien import rig_mappings
from mien.core.mapping import RigNames
from mien.core.parameters import SIGNALS
from mien.core.retarget import retarget
from mien.core.take import Take

BODY = ("root", "spine", "neck", "head", "upper_arm.L", "thigh_R", "hand.l", "Basis", "Blink?")
# What an animator would see: preset -> the names that answer to a smile on the left, the jaw, the
# right eye closed and a look to the subject's left, as the convention itself spells them.
SHOWN = {
    "arkit": ("mouthSmileLeft", "jawOpen", "eyeBlinkRight", "eyeLookOutLeft eyeLookInRight"),
    "perfect_sync": (
        "mouthSmileLeft", "jawOpen", "eyeBlinkRight", "eyeLookOutLeft eyeLookInRight"),
    "ready_player_me": (
        "mouthSmileLeft", "jawOpen", "eyeBlinkRight", "eyeLookOutLeft eyeLookInRight"),
    "mpfb": ("mouthSmileLeft", "jawOpen", "eyeBlinkRight", "eyeLookOutLeft eyeLookInRight"),
    "vrm": ("happy", "aa", "blinkRight", "lookLeft"),
    "makehuman": (
        "MouthLeftPullUp", "JawDrop", "RightUpperLidClosed", "LeftEyeturnLeft RightEyeturnLeft"),
    "metahuman": (
        "CTRL_expressions_mouthCornerPullL", "CTRL_expressions_jawOpen",
        "CTRL_expressions_eyeBlinkR",
        "CTRL_expressions_eyeLookLeftL CTRL_expressions_eyeLookLeftR"),
    "daz_genesis81": (
        "facs_bs_MouthSmileLeft_div2", "facs_jnt_JawOpen", "facs_jnt_EyeBlinkRight",
        "facs_bs_EyeLookOutLeft_div2 facs_bs_EyeLookInRight_div2"),
    "daz_genesis9": (
        "facs_bs_MouthSmileLeft", "facs_bs_JawOpen", "facs_bs_EyeBlinkRight",
        "facs_bs_EyeLookOutLeft facs_bs_EyeLookInRight"),
    "cc4_standard": (
        "Mouth_Smile_L", "Jaw_Open CC_Base_JawRoot", "Eye_Blink_R",
        "Eye_L_Look_L Eye_R_Look_L CC_Base_L_Eye CC_Base_R_Eye"),
    "cc4": (
        "Mouth_Smile_L", "Jaw_Open CC_Base_JawRoot", "Eye_Blink_R",
        "Eye_L_Look_L Eye_R_Look_L CC_Base_L_Eye CC_Base_R_Eye"),
    "cc5": (
        "Mouth_Corner_Pull_L", "Jaw_Open CC_Base_JawRoot", "Eye_Blink_R",
        "Eye_Look_Left_L Eye_Look_Left_R CC_Base_L_Eye CC_Base_R_Eye"),
    "cc_explus": (
        "A38_Mouth_Smile_Left", "A25_Jaw_Open CC_Base_JawRoot", "A15_Eye_Blink_Right",
        "A10_Eye_Look_Out_Left A12_Eye_Look_In_Right CC_Base_L_Eye CC_Base_R_Eye"),
    "mmd": ("口角上げ", "あ", "ウィンク２右", "両目"),
    "unified_expressions": (
        "MouthCornerPullLeft MouthCornerSlantLeft", "JawOpen", "EyeClosedRight",
        "EyeLookOutLeft EyeLookInRight"),
    "unified_blended": (
        "MouthSmileLeft", "JawOpen", "EyeClosedRight", "EyeLookOutLeft EyeLookInRight"),
    "au": ("AU12.L", "AU26 AU25", "AU43.R", "AU61"),
    "au_whole": ("AU12", "AU26 AU25", "AU43", "AU61"),
    "bdfm": ("AU12.L", "AU26 AU25", "AU43.R", "gaze.yaw"),
    "jaw_and_eyes": ("", "jaw", "", "eye.L eye.R"),
    "rigify_face": ("lips.L cheek.B.L.001", "jaw_master", "lid.T.R.002 lid.B.R.002", "eyes"),
    "rigify_skin_face": (
        "lip_end.L.001 cheek.B.L.001", "jaw_master", "lid.T.R.002 lid.B.R.002", "eye_common"),
}  # fmt: skip


def rig_of(name: str) -> RigNames:
    """A rig with all names of a preset's convention and a body besides."""
    mapping = rig_mappings.load(name)
    by_kind: dict[str, list[str]] = {"shape_key": [], "bone": list(BODY), "property": []}
    for channel in mapping.channels:
        by_kind[channel.kind].append(channel.target)
    units = {bone for channel in mapping.channels for bone in channel.unit}
    by_kind["bone"] += units
    if mapping.gaze:
        by_kind["bone"] += [mapping.gaze.bone, mapping.gaze.eye]
    targets = mapping.targets()
    by_kind["bone"] += [name for name in mapping.requires if name not in targets]
    heads = {bone: np.array([0.03, -0.1 * i, 1.7]) for i, bone in enumerate(by_kind["bone"])}
    shape_keys, bones, properties = (tuple(dict.fromkeys(names)) for names in by_kind.values())
    return RigNames(shape_keys, bones, properties, bone_heads=heads)


def all_names(rig: RigNames) -> list[str]:
    return [*rig.shape_keys, *rig.bones, *rig.properties]


def moved(mapping: str, rig: RigNames, **signals: float) -> set[str]:
    """The targets that these signals, and no others, move from where they rest."""
    values = {name: np.zeros(2) for name in SIGNALS}
    for name, value in signals.items():
        signal = name.replace("_", ".")
        for part in (signal, signal.removesuffix(".L").removesuffix(".R")):
            values[part] = np.array([0.0, value])
    take = Take([0, 1], [0.0, 0.1], [1.0, 1.0], [True, True], values)
    curves = retarget(take, rig_mappings.load(mapping), rig).curves
    return {c.target for c in curves if abs(c.values[1] - c.values[0]) > 1e-9}


@pytest.mark.parametrize("name", rig_mappings.names())
def test_each_convention_is_told_apart(name: str) -> None:
    best, *_ = rig_mappings.detect(all_names(rig_of(name)))
    assert best.name == name
    assert best.matched == best.total
    assert best.words() == ("likely" if name == "jaw_and_eyes" else "sure")  # of three names


@pytest.mark.parametrize("name", rig_mappings.names())
def test_a_rig_that_lacks_some_names_is_still_recognised(name: str) -> None:
    dice = random.Random(name)
    mapping = rig_mappings.load(name)
    needed = {*mapping.requires, *BODY, *(b for c in mapping.channels for b in c.unit)}
    rig = [n for n in all_names(rig_of(name)) if n in needed or dice.random() < 0.75]
    best = rig_mappings.detect(rig)[0]
    assert best.name == name
    assert best.words() != "a guess"


@pytest.mark.parametrize("name", rig_mappings.names())
def test_each_preset_moves_what_it_should(name: str) -> None:
    smile, jaw, blink, look = (set(names.split()) for names in SHOWN[name])
    rig = rig_of(name)
    assert moved(name, rig, AU12_L=1) == smile
    assert moved(name, rig, AU26=1, AU25=1) == jaw
    assert moved(name, rig, AU43_R=1) == blink
    assert moved(name, rig, gaze_yaw=20) == look


@pytest.mark.parametrize("name", rig_mappings.names())
def test_each_preset_is_readable_data(name: str) -> None:
    mapping = rig_mappings.load(name)
    assert mapping.title != name and mapping.source
    one_number = [(c.target, c.property, c.axis, c.character) for c in mapping.channels]
    assert len(set(one_number)) == len(one_number)
    assert set(mapping.requires) <= set(all_names(rig_of(name)))
    assert mapping.head or name == "bdfm"


# The action units that a convention has nothing for; all others show every one.
MUTE = {
    "vrm": "AD34 AU06 AU07 AU14 AU16 AU17 AU24 AU28 AU29 AU30.L AU30.R",
    "mmd": "AD34 AU06 AU09 AU14 AU16 AU17 AU24 AU28 AU29 AU30.L AU30.R",
    "makehuman": "AU24",
}


@pytest.mark.parametrize("name", sorted({*rig_mappings.names()} - {"jaw_and_eyes"}))
def test_what_a_convention_cannot_show_is_told(name: str) -> None:
    assert rig_mappings.load(name).not_shown() == MUTE.get(name, "").split()


def test_jaw_and_eyes_show_no_more() -> None:
    mapping = rig_mappings.load("jaw_and_eyes")
    assert mapping.signals() >= {"AU26", "AU30.L", "AU30.R", "gaze.yaw", "gaze.pitch", "head.yaw"}
    assert {"AU01", "AU12", "AU43"} < set(mapping.not_shown())


def test_there_is_nothing_to_tell_from_a_body() -> None:
    assert rig_mappings.detect(BODY) == []


def test_few_names_make_a_guess() -> None:
    few = ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight"]
    best = rig_mappings.detect(few)[0]
    assert (best.name, best.matched, best.words()) == ("arkit", 5, "a guess")


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        (lambda n: n[0].upper() + n[1:], "perfect_sync"),
        (lambda n: "Genesis8_1Female__" + n, "daz_genesis81"),
        (lambda n: n.replace("facs_bs_", "facs_ctrl_"), "daz_genesis9"),
        (lambda n: n.replace("CTRL_expressions_", "CTRL_expressions."), "metahuman"),
        (lambda n: n.replace("２", "2").replace("ウィンク", "ｳｨﾝｸ"), "mmd"),
        (lambda n: n.replace(".L", "_L").replace(".R", "_R"), "au"),
        (lambda n: n.replace(".L", "L").replace(".R", "R"), "au"),
        (lambda n: n.replace("AU0", "AU").lower(), "au"),
        (lambda n: n.replace("AU", "AU_"), "au_whole"),
        (lambda n: n.replace("AU0", "au "), "au_whole"),
    ],
)
def test_other_spellings(spelt, name: str) -> None:
    rig = rig_of(name)
    keys = tuple(map(spelt, rig.shape_keys))
    assert rig_mappings.detect([*keys, *rig.bones])[0].name == name
    result = moved(name, RigNames(keys, rig.bones, rig.properties), AU26=1, AU25=1)
    assert result == {spelt(n) for n in SHOWN[name][1].split()}


def test_bones_of_the_jaw_and_eyes_go_by_many_names() -> None:
    for jaw, left, right in (
        ("CC_Base_JawRoot", "CC_Base_L_Eye", "CC_Base_R_Eye"),
        ("lowerJaw", "lEye", "rEye"),
        ("Jaw", "LeftEye", "RightEye"),
    ):
        rig = RigNames(bones=(*BODY, jaw, left, right))
        assert rig_mappings.detect(rig.bones)[0].name == "jaw_and_eyes"
        assert moved("jaw_and_eyes", rig, AU26=1, AU25=1) == {jaw}
        assert moved("jaw_and_eyes", rig, gaze_pitch=10) == {left, right}
