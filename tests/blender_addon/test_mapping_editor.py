"""The mapping editor: any preset in and out unchanged, edits keyed at once, tests without a key."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien import rig_mappings
from mien.blender_addon import mapping_edit
from mien.blender_addon.keying import memory
from mien.core.take import Take


@pytest.mark.parametrize("name", rig_mappings.names())
def test_any_preset_goes_in_and_comes_out_the_same(name: str, tmp_path: Path) -> None:
    preset = rig_mappings.load(name)
    (tmp_path / f"{name}.toml").write_text(rig_mappings.dumps(preset), encoding="utf-8")
    bpy.ops.mien.import_mapping(filepath=str(tmp_path / f"{name}.toml"))
    assert bpy.context.scene.mien.mapping == "EDITED"
    out = tmp_path / "out" / f"{name}.toml"
    out.parent.mkdir()
    assert bpy.ops.mien.save_mapping(filepath=str(out)) == {"FINISHED"}
    assert rig_mappings.load(out) == preset


def test_an_edit_keys_the_take_again(
    take: Take, head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    take.save(tmp_path / "take.json")
    settings = scene.mien
    settings.source, settings.target = str(tmp_path / "take.json"), head
    settings.neutral, settings.tuning.smoothing = "none", 0
    bpy.ops.mien.capture()
    jaw = ('key_blocks["jawOpen"].value', 0)
    whole = keys_of(curves_of(head.data.shape_keys)[jaw])
    assert bpy.ops.mien.edit_mapping() == {"FINISHED"}
    assert not bpy.ops.mien.edit_mapping.poll()
    channel = next(c for c in settings.edited.channels if c.target == "jawOpen")
    channel.gain = 0.5
    assert keys_of(curves_of(head.data.shape_keys)[jaw])[:, 1] == pytest.approx(whole[:, 1] / 2)
    head.shape_key_add(name="odd name")
    bpy.ops.mien.add_mapped()
    new = settings.edited.channels[settings.edited.channel]
    bpy.ops.mien.add_weight()
    new.target, new.weights[0].signal, new.weights[0].weight = "odd name", "AU12.L", 0.25
    odd = keys_of(curves_of(head.data.shape_keys)[('key_blocks["odd name"].value', 0)])
    assert odd[:, 1] == pytest.approx(take.signals["AU12.L"] / 4, abs=1e-6)
    new.weights[0].signal = "AU99"
    with pytest.raises(RuntimeError, match="odd name asks for an unknown signal 'AU99'"):
        bpy.ops.mien.key_again()
    bpy.ops.mien.remove_weight(number=0)
    bpy.ops.mien.remove_mapped()
    assert ('key_blocks["odd name"].value', 0) not in curves_of(head.data.shape_keys)


def test_the_slider_shows_a_channel_and_leaves_nothing(
    head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    settings, armature = scene.mien, head.parent
    settings.target, settings.mapping = armature, "arkit"
    bpy.ops.mien.edit_mapping()
    edited = settings.edited
    bpy.ops.mien.add_mapped()
    bpy.ops.mien.add_weight()
    new = edited.channels[edited.channel]
    new.kind, new.target, new.motion, new.axis = "bone", "head", "rotation_quaternion", "left"
    new.weights[0].signal, new.weights[0].weight = "AU26", 20
    new.bounded_low = new.bounded_high = False
    bone, jaw = armature.pose.bones["head"], head.data.shape_keys.key_blocks["jawOpen"]
    jaw.value = 0.125
    edited.amount = 0.5
    assert np.degrees(bone.rotation_quaternion.angle) == pytest.approx(10, abs=1e-4)
    edited.channel = next(i for i, c in enumerate(edited.channels) if c.target == "jawOpen")
    assert bone.rotation_quaternion.angle == 0, "only the chosen channel is shown"
    assert jaw.value == 0.5
    edited.amount = 1
    assert jaw.value == 1
    edited.amount = 0
    assert jaw.value == 0.125
    assert not bpy.data.actions
    edited.amount = 1
    jaw.value = 0.3
    edited.amount = 0
    assert jaw.value == pytest.approx(0.3), "what was changed meanwhile is somebody's wish"


def test_the_slider_of_a_saved_file_can_be_put_back(
    head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.mien.target, scene.mien.mapping = head, "arkit"
    bpy.ops.mien.edit_mapping()
    edited = scene.mien.edited
    edited.channel = next(i for i, c in enumerate(edited.channels) if c.target == "jawOpen")
    head.data.shape_keys.key_blocks["jawOpen"].value = 0.125
    edited.amount = 0.5
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    memory.lines = ["of this file"]
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert memory.lines == []
    jaw = bpy.data.objects["Head"].data.shape_keys.key_blocks["jawOpen"]
    assert jaw.value == 0.5
    bpy.context.scene.mien.edited.amount = 0
    assert jaw.value == 0.125


def test_a_channel_without_a_target_is_told_and_left_out(
    head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    scene.mien.target = head
    bpy.ops.mien.add_mapped()
    edited = scene.mien.edited
    edited.amount = 0.5
    assert memory.lines == ["Choose a target for the channel: a shape key, a bone or a property."]
    for blank in ("  ", " | "):
        edited.channels[0].target = blank
        assert mapping_edit.read(edited).channels == ()


def test_the_fields_offer_what_the_scene_has(
    head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    from mien.blender_addon import mapping_properties

    scene.mien.target = head
    bpy.ops.mien.add_mapped()
    (channel,) = scene.mien.edited.channels
    assert "jawOpen" in mapping_properties._targets(channel, bpy.context, "")
    channel.kind = "bone"
    assert set(mapping_properties._targets(channel, bpy.context, "")) == {"neck", "head"}
    channel.target, channel.motion, channel.axis = "head", "scale", "up"
    with pytest.raises(Exception, match="choose X, Y or Z"):
        mapping_edit.read_channel(channel)


def test_a_file_that_is_no_mapping_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("channels = 3")
    with pytest.raises(RuntimeError, match="no list of channels"):
        bpy.ops.mien.import_mapping(filepath=str(tmp_path / "bad.toml"))
    assert bpy.context.scene.mien.mapping == "AUTO"
    assert not bpy.ops.mien.save_mapping.poll()
