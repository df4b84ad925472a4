"""Keys are exact, complete, and touch nothing else."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of
from mathutils import Euler, Quaternion

from mien.blender_addon import actions, keyframes
from mien.blender_addon.apply import apply
from mien.blender_addon.rig_names import character
from mien.core.cleanup import Cleanup
from mien.core.errors import UserError
from mien.core.retarget import Curve
from mien.core.take import Take

TIMES = np.array([0.5, 0.54, 0.61, 0.7])
VALUES = np.array([0.1, 0.9, 0.3, 0.4])


def shape(name: str = "jawOpen") -> Curve:
    return Curve("shape_key", name, "value", -1, TIMES, VALUES)


def test_keys_read_back_exactly_at_their_time_stamps(head: bpy.types.Object) -> None:
    channels, driven = keyframes.plan([shape()], character(head), fps=30, start=101)
    actions.write(channels, "mien")
    (curve,) = curves_of(head.data.shape_keys).values()
    assert np.array_equal(
        keys_of(curve), np.stack([101 + (TIMES - 0.5) * 30, VALUES], 1).astype(np.float32)
    )
    assert {p.interpolation for p in curve.keyframe_points} == {"LINEAR"}
    assert driven == []


def test_the_keys_play(head: bpy.types.Object, scene: bpy.types.Scene) -> None:
    channels, _ = keyframes.plan([shape()], character(head), fps=100, start=1)
    actions.write(channels, "mien")
    scene.frame_set(5)
    assert head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.9)


def test_other_animation_stays(head: bpy.types.Object) -> None:
    blocks = head.data.shape_keys.key_blocks
    for frame in (1, 50):
        blocks["eyeBlinkLeft"].value = frame / 50
        blocks["eyeBlinkLeft"].keyframe_insert("value", frame=frame)
    for frame in (2, 20, 21, 40):
        blocks["jawOpen"].value = 0.5
        blocks["jawOpen"].keyframe_insert("value", frame=frame)
    old = head.data.shape_keys.animation_data.action
    channels, _ = keyframes.plan([shape()], character(head), fps=10, start=20)
    actions.write(channels, "mien")
    assert head.data.shape_keys.animation_data.action != old
    after = curves_of(head.data.shape_keys)
    assert keys_of(after['key_blocks["eyeBlinkLeft"].value', 0])[:, 0].tolist() == [1, 50]
    jaw = after['key_blocks["jawOpen"].value', 0]
    assert keys_of(jaw)[:, 0] == pytest.approx([2, 20, 20.4, 21.1, 22, 40])
    kinds = [p.interpolation for p in jaw.keyframe_points]
    assert kinds == ["BEZIER", *["LINEAR"] * 4, "BEZIER"]
    head.data.shape_keys.animation_data.action = old
    assert len(keys_of(curves_of(head.data.shape_keys)['key_blocks["jawOpen"].value', 0])) == 4
    assert old.use_fake_user


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZYX", "AXIS_ANGLE"])
def test_a_bone_turns_the_same_in_every_rotation_mode(head: bpy.types.Object, mode: str) -> None:
    bone = head.parent.pose.bones["head"]
    bone.rotation_mode = mode
    turn = Euler((0.3, -0.2, 0.5)).to_quaternion()
    path = np.array([Quaternion(turn.axis, turn.angle * f) for f in (0, 0.4, 0.8, 1)])
    curves = [Curve("bone", "head", "rotation_quaternion", i, TIMES, path[:, i]) for i in range(4)]
    channels, _ = keyframes.plan(curves, character(head), fps=100, start=1)
    actions.write(channels, "mien")
    bpy.context.scene.frame_set(21)
    got = bone.matrix_basis.to_quaternion()
    assert got.rotation_difference(turn).angle == pytest.approx(0, abs=1e-3)
    assert bone.rotation_mode == mode


def test_a_single_axis_turns_a_quaternion_bone(head: bpy.types.Object) -> None:
    curve = Curve("bone", "head", "rotation_euler", 0, TIMES, VALUES)
    channels, _ = keyframes.plan([curve], character(head), fps=100, start=1)
    actions.write(channels, "mien")
    bpy.context.scene.frame_set(5)
    angle = head.parent.pose.bones["head"].matrix_basis.to_euler().x
    assert angle == pytest.approx(0.9, abs=1e-5)


def test_a_driven_channel_is_left_to_its_driver(head: bpy.types.Object) -> None:
    head.data.shape_keys.driver_add('key_blocks["jawOpen"].value')
    channels, driven = keyframes.plan([shape()], character(head), fps=30, start=1)
    assert (channels, driven) == ([], ['key_blocks["jawOpen"].value'])


def test_a_failure_leaves_all_as_it_was(head: bpy.types.Object) -> None:
    old = bpy.data.actions.new("mine")
    head.data.shape_keys.animation_data_create().action = old
    good, _ = keyframes.plan([shape()], character(head), fps=30, start=1)
    bad = keyframes.Channel(head.data.shape_keys, "value", 0, TIMES, VALUES[:2])
    with pytest.raises(ValueError):
        actions.write([*good, bad], "mien")
    assert head.data.shape_keys.animation_data.action == old
    assert list(bpy.data.actions) == [old]


def test_apply_names_what_the_character_lacks(
    head: bpy.types.Object, scene: bpy.types.Scene, take: Take
) -> None:
    scene.render.fps = 60
    settings = Cleanup()
    report = apply(take, head, scene=scene, mapping="arkit", settings=settings, start=1)
    assert "cheekPuff" in report.unmatched
    assert "jawOpen" not in report.unmatched
    assert report.last - report.first == pytest.approx((take.timestamps[-1] - 0.03) * 60)
    assert scene.render.fps == 60
    assert set(curves_of(head.parent)) >= {('pose.bones["head"].rotation_quaternion', 3)}


def test_a_target_without_known_names_is_one_sentence(scene: bpy.types.Scene, take: Take) -> None:
    bpy.ops.mesh.primitive_cube_add()
    for mapping in ("", "arkit"):
        with pytest.raises(UserError, match="choose"):
            apply(
                take,
                bpy.context.object,
                scene=scene,
                mapping=mapping,
                settings=Cleanup(),
                start=1,
            )
    assert not bpy.data.actions
