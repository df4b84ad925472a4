"""Takes of other programs in the panel, and BVH in Blender's own importer."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Vector

from mien.blender_addon import takes
from mien.core.convert import export
from mien.core.take import Take


def keyed(path: Path, head: bpy.types.Object) -> None:
    settings = bpy.context.scene.mien
    settings.source, settings.target = str(path), head
    settings.neutral, settings.tuning.smoothing = "none", 0
    assert bpy.ops.mien.capture() == {"FINISHED"}


def test_a_recording_of_live_link_face_keys_the_character(
    tmp_path: Path, head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    header = (
        "Timecode,BlendshapeCount,EyeBlinkLeft,EyeBlinkRight,JawOpen,HeadYaw,HeadPitch,HeadRoll"
    )
    rows = [f"09:00:00:{i:02d}.000,61,{i / 59:.6f},0,0.5,0.4,-0.3,0" for i in range(60)]
    (tmp_path / "phone.csv").write_text("\n".join([header, *rows]) + "\n")
    keyed(tmp_path / "phone.csv", head)
    last = scene.mien.start_frame + 59 / 60 * scene.render.fps
    scene.frame_set(int(last), subframe=last % 1)
    shapes = head.data.shape_keys.key_blocks
    assert shapes["eyeBlinkLeft"].value == pytest.approx(1, abs=1e-3)
    assert shapes["eyeBlinkRight"].value == 0
    assert shapes["jawOpen"].value == pytest.approx(0.5, abs=1e-3)
    bones = bpy.data.objects["Rig"].pose.bones
    turn = bones["head"].matrix @ bones["head"].bone.matrix_local.inverted()
    nose = turn.to_3x3() @ Vector((0, -1, 0))  # the face looks along -Y
    assert nose.x > 0.3 and nose.z < -0.2  # to the subject's left, and down


def test_another_table_is_answered_in_a_sentence(tmp_path: Path, head: bpy.types.Object) -> None:
    (tmp_path / "sums.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RuntimeError, match=r"neither OpenFace's columns .* nor Live Link Face's"):
        keyed(tmp_path / "sums.csv", head)


def test_blender_turns_a_bvh_head_the_right_way(tmp_path: Path) -> None:
    angles = {
        "head.yaw": np.array([0, 30, 0]),
        "head.pitch": np.array([0, 0, 20]),
        "head.roll": np.array([10, 0, 0]),
    }
    take = Take(np.arange(3), np.arange(3) / 24, np.ones(3), np.ones(3, bool), angles)
    export(take, tmp_path / "head.bvh")
    assert bpy.ops.import_anim.bvh(filepath=str(tmp_path / "head.bvh")) == {"FINISHED"}
    bone = bpy.context.object.pose.bones["Head"]

    def turned(frame: int, way: tuple[float, float, float]) -> Vector:
        bpy.context.scene.frame_set(frame)
        turn = bone.matrix @ bone.bone.matrix_local.inverted()
        return (bpy.context.object.matrix_world @ turn).to_3x3() @ Vector(way)

    top, nose = (0, 0, 1), (0, -1, 0)
    assert np.degrees(np.arcsin(turned(1, top).x)) == pytest.approx(10, abs=0.01)  # left shoulder
    assert np.degrees(np.arcsin(turned(2, nose).x)) == pytest.approx(30, abs=0.01)  # left
    assert np.degrees(np.arcsin(turned(3, nose).z)) == pytest.approx(20, abs=0.01)  # up


@pytest.mark.parametrize(
    ("kind", "suffix"), [("openface", "csv"), ("livelink", "csv"), ("json", "json"), ("bvh", "bvh")]
)
def test_the_panel_exports_what_other_programs_read(
    kind: str, suffix: str, take: Take, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    assert not bpy.ops.mien.export_take.poll()
    scene.mien.take = takes.keep(take)
    assert bpy.ops.mien.export_take(filepath=str(tmp_path / "take.mov"), kind=kind) == {"FINISHED"}
    written = tmp_path / f"take.{suffix}"
    assert list(tmp_path.iterdir()) == [written]
    if suffix == "bvh":
        bpy.ops.import_anim.bvh(filepath=str(written))
        return
    again = Take.load(written)
    since, before = (one.timestamps - one.timestamps[0] for one in (again, take))
    jaw = np.interp(since, before, take.signals["AU26"])
    assert np.abs(again.signals["AU26"] - jaw).max() < (0.15 if kind == "livelink" else 0.01)


def test_a_take_without_a_head_makes_no_bvh(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.mien.take = takes.keep(Take.still({"AU12": 1.0}))
    with pytest.raises(RuntimeError, match="has no head rotation"):
        bpy.ops.mien.export_take(filepath=str(tmp_path / "head"), kind="bvh")
    assert not list(tmp_path.iterdir())
