"""Photos, dropped files, and characters of several meshes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import cv2
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien.blender_addon import keying, session, takes
from mien.blender_addon.choices import MARKED
from mien.blender_addon.drop import MIEN_FH_drop
from mien.core.frames import open_footage
from mien.core.preview import SIDE
from mien.core.take import Take

JAW = ('key_blocks["jawOpen"].value', 0)


def test_a_photo_is_keyed_on_the_current_frame(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    settings, keys = scene.mien, head.data.shape_keys
    block = keys.key_blocks["jawOpen"]
    for frame in (1, 60):
        block.value = 0.75
        block.keyframe_insert("value", frame=frame)
    settings.source, settings.target = str(media("one_face.jpg")), head
    scene.frame_set(30)
    assert bpy.ops.mien.capture() == {"FINISHED"}
    measured = takes.read(settings.take).signals["AU26"][0]
    assert keys_of(curves_of(keys)[JAW])[:, 0].tolist() == [1, 30, 60]
    assert keys_of(curves_of(keys)[JAW])[1, 1] == pytest.approx(measured, abs=1e-6)


def test_a_photo_has_no_marked_frames(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    """Whatever was marked in the clip before it."""
    settings = scene.mien
    settings.source, settings.target = str(media("one_face.jpg")), head
    settings.neutral, settings.neutral_start, settings.neutral_end = MARKED, 5, 9
    assert bpy.ops.mien.capture() == {"FINISHED"}
    assert takes.read(settings.take).signals["AU12"][0] > 0.2  # it smiles
    assert takes.neutral(settings.take) is None


def test_a_photo_can_be_a_pose_without_keys(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    settings = scene.mien
    settings.source, settings.target = str(media("one_face.jpg")), head
    settings.photo = "POSED"
    assert bpy.ops.mien.capture() == {"FINISHED"}
    signals = takes.read(settings.take).signals
    smile = head.data.shape_keys.key_blocks["mouthSmileLeft"].value
    assert smile == pytest.approx(signals["AU12.L"][0], abs=1e-6)
    assert not bpy.data.actions
    settings.tuning.strength = 0.5
    bpy.ops.mien.key_again()
    assert head.data.shape_keys.key_blocks["mouthSmileLeft"].value == pytest.approx(smile / 2)


def test_a_photo_that_becomes_a_pose_leaves_no_key(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    settings, keys = scene.mien, head.data.shape_keys
    settings.source, settings.target = str(media("one_face.jpg")), head
    keys.key_blocks["jawOpen"].value = 0.75
    keys.key_blocks["jawOpen"].keyframe_insert("value", frame=1)
    scene.frame_set(10)
    bpy.ops.mien.capture()
    smile = keys.key_blocks["mouthSmileLeft"].value
    settings.photo = "POSED"
    bpy.ops.mien.key_again()
    assert keying.memory.lines[0] == "13 channels posed, without keys"
    assert {place: keys_of(curve).tolist() for place, curve in curves_of(keys).items()} == {
        JAW: [[1, 0.75]]
    }
    assert keys.key_blocks["mouthSmileLeft"].value == pytest.approx(smile) and smile > 0.2


def test_a_photo_stays_on_its_frame_when_it_is_tuned(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    settings, keys = scene.mien, head.data.shape_keys
    settings.source, settings.target = str(media("one_face.jpg")), head
    scene.frame_set(30)
    bpy.ops.mien.capture()
    whole = keys_of(curves_of(keys)[JAW])
    assert whole[:, 0].tolist() == [30]
    scene.frame_set(24)
    settings.tuning.strength = 0.5
    assert keys_of(curves_of(keys)[JAW]) == pytest.approx(whole * (1, 0.5))
    settings.source, settings.start_frame = str(tmp_path / "next.mp4"), 70
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.context.scene.mien.tuning.strength = 0.25
    keys = bpy.data.objects["Head"].data.shape_keys
    assert keys_of(curves_of(keys)[JAW]) == pytest.approx(whole * (1, 0.25))
    keys.animation_data.action = None
    assert bpy.ops.mien.key_again() == {"FINISHED"}
    assert keys_of(curves_of(keys)[JAW])[:, 0].tolist() == [30]


def test_a_saved_take_of_one_frame_obeys_what_the_panel_shows(
    head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    """*Place at*, and not the choices for a photo."""
    Take.still({"AU26": 0.5}).save(tmp_path / "one.json")
    settings, keys = scene.mien, head.data.shape_keys
    settings.source, settings.target = str(tmp_path / "one.json"), head
    settings.photo, settings.start_frame = "POSED", 12
    bpy.ops.mien.capture()
    assert keys_of(curves_of(keys)[JAW]).tolist() == [[12, 0.5]]
    settings.start_frame = 20
    assert keys_of(curves_of(keys)[JAW]).tolist() == [[20, 0.5]]
    settings.source = "portrait.jpg"  # the next one
    settings.tuning.strength = 0.5
    assert keys_of(curves_of(keys)[JAW]).tolist() == [[20, 0.25]]


@pytest.mark.parametrize("source", ["shots", "shots/shot_%04d.png", "shots/shot_*.png"])
def test_images_in_sequence_are_a_frame_of_the_scene_each(
    source: str,
    media: Callable[[str], Path],
    head: bpy.types.Object,
    scene: bpy.types.Scene,
    tmp_path: Path,
) -> None:
    """From a folder or by a pattern, at a rate that is not the usual one."""
    (tmp_path / "shots").mkdir()
    frames = list(open_footage(media("smile.mp4"), end=3).frames)
    for number, frame in enumerate(frames, 8):
        picture = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(tmp_path / "shots" / f"shot_{number:04d}.png"), picture)
    scene.render.fps, scene.render.fps_base = 50, 2
    scene.mien.source, scene.mien.target = str(tmp_path / source), head
    assert not session.is_photo(scene.mien)
    assert bpy.ops.mien.capture() == {"FINISHED"}
    take = takes.read(scene.mien.take)
    assert take.timestamps.tolist() == [0, 1 / 25, 2 / 25, 3 / 25]
    assert keys_of(curves_of(head.data.shape_keys)[JAW])[:, 0].tolist() == [1, 2, 3, 4]


def test_a_dropped_file_is_the_source(scene: bpy.types.Scene) -> None:
    scene.mien.source_type = "WEBCAM"
    assert bpy.ops.mien.drop(filepath="/clips/smile.mp4") == {"FINISHED"}
    assert (scene.mien.source_type, scene.mien.source) == ("FILE", "/clips/smile.mp4")
    assert MIEN_FH_drop.bl_import_operator == "mien.drop"
    assert ".mp4" in MIEN_FH_drop.bl_file_extensions.split(";")


def shaped(name: str) -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add()
    mesh = bpy.context.object
    mesh.name = name
    mesh.shape_key_add(name="Basis")
    for shape in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight"):
        mesh.shape_key_add(name=shape)
    return mesh


def test_all_meshes_of_a_face_are_keyed(take: Take, scene: bpy.types.Scene, tmp_path: Path) -> None:
    """Face, teeth under the same empty, and lashes that only share a collection."""
    face, teeth, lashes = shaped("Face"), shaped("Teeth"), shaped("Lashes")
    bpy.ops.object.empty_add()
    face.parent = teeth.parent = bpy.context.object
    more = bpy.data.collections.new("Extras")
    more.objects.link(lashes)
    take.save(tmp_path / "take.json")
    scene.mien.source, scene.mien.target = str(tmp_path / "take.json"), face
    bpy.ops.mien.capture()
    assert JAW in curves_of(face.data.shape_keys) and JAW in curves_of(teeth.data.shape_keys)
    assert curves_of(lashes.data.shape_keys) == {}
    scene.mien.others = more
    bpy.ops.mien.key_again()
    assert JAW in curves_of(lashes.data.shape_keys)
    jaw = keys_of(curves_of(lashes.data.shape_keys)[JAW])
    assert (jaw == keys_of(curves_of(face.data.shape_keys)[JAW])).all()


def test_the_tracked_face_is_shown_while_capturing(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    scene.mien.source, scene.mien.target = str(media("smile.mp4")), head
    running = session.Session(bpy.context)
    try:
        while running.picture is None:
            assert not running.step()
            running.show()
        shown = np.array(running.picture._preview.image_pixels[:], np.int32)
        colours = shown.view(np.uint8).reshape(-1, 4)
        assert len(colours) == SIDE**2 and len(np.unique(shown)) > 500
        assert (colours[:, 3] == 255).all()
    finally:
        running.close()
    assert running.picture is None
