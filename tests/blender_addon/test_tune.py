"""A slider changes the keys at once, in one step to undo, from the take that the file keeps."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien.blender_addon import takes
from mien.core.take import Take

JAW = ('key_blocks["jawOpen"].value', 0)
SMILE_L, SMILE_R = (f'key_blocks["mouthSmile{side}"].value' for side in ("Left", "Right"))


@pytest.fixture
def captured(
    take: Take, head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> bpy.types.Object:
    """The character with the take on it, as it was measured."""
    take.save(tmp_path / "take.json")
    scene.mien.source, scene.mien.target = str(tmp_path / "take.json"), head
    scene.mien.neutral, scene.mien.tuning.smoothing = "none", 0
    bpy.ops.mien.capture()
    return head


def values(head: bpy.types.Object, curve: tuple[str, int] = JAW) -> np.ndarray:
    return keys_of(curves_of(head.data.shape_keys)[curve])[:, 1]


def test_strength_follows_the_slider_in_one_undo_step(
    captured: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    whole = values(captured)
    name = captured.data.shape_keys.animation_data.action.name
    bpy.ops.ed.undo_push(message="captured")
    scene.mien.tuning.strength = 0.5
    assert values(captured) == pytest.approx(whole / 2, abs=1e-6)
    assert captured.data.shape_keys.animation_data.action.name == name
    assert len(bpy.data.actions) == 2, "one for the shapes, one for the bones, as before"
    bpy.ops.ed.undo_push(message="slider")
    bpy.ops.ed.undo()
    assert bpy.context.scene.mien.tuning.strength == 1
    assert values(bpy.data.objects["Head"]) == pytest.approx(whole, abs=1e-6)
    bpy.ops.ed.redo()
    assert values(bpy.data.objects["Head"]) == pytest.approx(whole / 2, abs=1e-6)


def test_the_take_is_saved_with_the_file(
    captured: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    whole = values(captured)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    settings, head = bpy.context.scene.mien, bpy.data.objects["Head"]
    again = takes.read(settings.take)
    assert (again.timestamps == take.timestamps).all()
    assert all((again.signals[name] == take.signals[name]).all() for name in take.signals)
    settings.tuning.strength = 0.25
    assert values(head) == pytest.approx(whole / 4, abs=1e-6)
    settings.take.from_string("{}")
    with pytest.raises(RuntimeError, match="holds no take any more: capture again"):
        bpy.ops.mien.key_again()


def test_regions_and_channels(captured: bpy.types.Object, scene: bpy.types.Scene) -> None:
    tuning, whole = scene.mien.tuning, values(captured)
    tuning.regions.mouth.strength = 0.5
    assert values(captured) == pytest.approx(whole), "the jaw is not the mouth"
    assert values(captured, (SMILE_L, 0)) == pytest.approx(whole / 2, abs=1e-6)
    bpy.ops.mien.tune_channel(signal="AU12.R")
    tuning.channels[0].high = 0.2
    assert values(captured, (SMILE_R, 0)).max() == pytest.approx(0.2)
    assert values(captured, (SMILE_L, 0)).max() > 0.4
    bpy.ops.mien.untune_channel()
    assert values(captured, (SMILE_R, 0)).max() > 0.4
    tuning.regions.jaw.offset = 0.3
    assert values(captured) == pytest.approx(np.minimum(whole + 0.3, 1), abs=1e-6)
    tuning.regions.jaw.low, tuning.regions.jaw.high = 0.4, 0.6
    assert np.ptp(values(captured)) == pytest.approx(0.2, abs=1e-6)
    bpy.ops.mien.untune()
    assert tuning.regions.jaw.high == 1
    tuning.smoothing = 0
    assert values(captured) == pytest.approx(whole)
    tuning.regions.jaw.smoothing = 1
    assert values(captured).max() < whole.max() - 0.003
    assert values(captured, (SMILE_L, 0)) == pytest.approx(whole), "smoothed alone"


def test_a_region_that_is_left_out_gets_its_animation_back(
    head: bpy.types.Object, scene: bpy.types.Scene, take: Take, tmp_path: Path
) -> None:
    block = head.data.shape_keys.key_blocks["jawOpen"]
    block.value = 0.7
    block.keyframe_insert("value", frame=3)
    take.save(tmp_path / "take.json")
    scene.mien.source, scene.mien.target = str(tmp_path / "take.json"), head
    bpy.ops.mien.capture()
    regions = scene.mien.tuning.regions
    regions.jaw.use = False
    assert keys_of(curves_of(head.data.shape_keys)[JAW]).tolist() == [[3, pytest.approx(0.7)]]
    regions.head.use = False
    assert curves_of(head.parent) == {}
    regions.jaw.use = regions.head.use = True
    assert len(values(head)) == len(take)
    assert ('pose.bones["head"].rotation_quaternion', 0) in curves_of(head.parent)


def test_mirror_and_neck(captured: bpy.types.Object, scene: bpy.types.Scene) -> None:
    tuning = scene.mien.tuning
    turn = ('pose.bones["head"].rotation_quaternion', 2)
    neck = ('pose.bones["neck"].rotation_quaternion', 2)
    before = {path: keys_of(curves_of(captured.parent)[path])[:, 1] for path in (turn, neck)}
    bpy.ops.mien.tune_channel(signal="AU12.L")
    tuning.channels[0].strength = 0
    assert values(captured, (SMILE_L, 0)).max() == 0
    tuning.mirror = True
    assert values(captured, (SMILE_L, 0)).max() == 0, "the names are the character's"
    after = keys_of(curves_of(captured.parent)[turn])[:, 1]
    assert np.sign(after[np.abs(after) > 0.01].mean()) == -np.sign(before[turn].mean())
    tuning.mirror, tuning.own_neck, tuning.neck_share = False, True, 0
    assert neck not in curves_of(captured.parent)
    assert (
        np.abs(keys_of(curves_of(captured.parent)[turn])[:, 1]).max()
        > 1.5 * np.abs(before[turn]).max()
    )


def test_a_take_whose_keys_are_gone_is_left_alone(
    captured: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    captured.data.shape_keys.animation_data.action = None
    captured.parent.animation_data.action = None
    scene.mien.tuning.strength = 0.5
    assert captured.data.shape_keys.animation_data.action is None
    assert bpy.ops.mien.key_again() == {"FINISHED"}
    assert len(curves_of(captured.data.shape_keys)) == 5


def test_sliders_that_contradict_each_other_say_so(
    captured: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    from mien.blender_addon.keying import memory

    whole = values(captured)
    scene.mien.tuning.low = 0.8
    scene.mien.tuning.regions.jaw.high = 0.5
    assert "swap them" in memory.lines[0]
    scene.mien.tuning.low = 0
    assert values(captured) == pytest.approx(np.minimum(whole, 0.5), abs=1e-6)
