"""The panel's buttons: keys in one undo step, cancel without a trace, errors in one sentence."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien.blender_addon import keying, session, slices, takes
from mien.blender_addon.job import Job
from mien.blender_addon.operators import MIEN_OT_capture
from mien.blender_addon.puppet import Puppet
from mien.core.errors import UserError
from mien.core.parameters import SIGNALS
from mien.core.take import Take


def prepare(source: Path, target: bpy.types.Object) -> None:
    settings = bpy.context.scene.mien
    settings.source, settings.target = str(source), target


def test_capture_of_a_saved_take_is_one_undo_step(
    tmp_path: Path, take: Take, head: bpy.types.Object
) -> None:
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.mien.capture("EXEC_DEFAULT", True) == {"FINISHED"}
    assert bpy.data.objects["Head"].data.shape_keys.animation_data.action
    assert bpy.data.objects["Rig"].animation_data.action
    bpy.ops.ed.undo()
    assert not bpy.data.actions
    assert bpy.data.objects["Head"].data.shape_keys.animation_data is None
    assert bpy.data.objects["Rig"].animation_data is None
    bpy.ops.ed.redo()
    assert len(bpy.data.actions) == 2


def test_key_again_follows_the_settings(
    tmp_path: Path, take: Take, head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    take.save(tmp_path / "take.csv")
    prepare(tmp_path / "take.csv", head)
    assert not bpy.ops.mien.key_again.poll()
    bpy.ops.mien.capture()
    scene.mien.tuning.strength = 0
    assert bpy.ops.mien.key_again() == {"FINISHED"}
    scene.frame_set(10)
    assert head.data.shape_keys.key_blocks["jawOpen"].value == 0


class MIEN_OT_end(MIEN_OT_capture):
    """The capture operator, ended after some frames: by Esc, which no window can press here, or
    by the death of its worker."""

    bl_idname = "mien.end"
    frames, how = 0, "Esc"

    def execute(self, context: bpy.types.Context) -> set[str]:
        tick, escape = (SimpleNamespace(type=t, value="PRESS") for t in ("TIMER", "ESC"))
        assert self._begin(context)
        while keying.memory.running.progress.done < self.frames:
            assert self.modal(context, tick) == {"PASS_THROUGH"}
        if self.how == "Esc":
            assert self.modal(context, escape) == {"RUNNING_MODAL"}
        else:
            keying.memory.running._job._process.kill()
        while not (outcome := self.modal(context, tick)) & {"FINISHED", "CANCELLED"}:
            time.sleep(0.02)
        return outcome


def saved(path: Path) -> np.ndarray:
    """The words (N,) of the open file, as Blender saves it."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=False)
    data = path.read_bytes()
    return np.frombuffer(data, np.uint32, len(data) // 4)


def assert_as_it_was(path: Path, before: list[np.ndarray], addresses: int = 0) -> None:
    """Compares all but the few words, addresses in the window manager of Blender 4.2, in which two
    saves in a row differ, and so many addresses of two words."""
    one, other = before
    steady = one == other
    assert (~steady).sum() < 20
    now = saved(path)
    assert now.shape == one.shape
    assert (now[steady] != one[steady]).sum() <= 2 * addresses


@pytest.mark.parametrize(
    ("frames", "live"), [(0, False), (1, False), (12, False), (0, True), (1, True)]
)
@pytest.mark.parametrize("how", ["Esc", "kill"])
def test_a_cancel_or_a_dead_worker_leaves_the_file_as_it_was(
    how: str,
    frames: int,
    live: bool,
    media: Callable[[str], Path],
    head: bpy.types.Object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare(media("expressions.mp4"), head)
    bpy.context.scene.mien.live = live
    head.data.shape_keys.key_blocks["jawOpen"].value = 0.0625
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(MIEN_OT_end, "frames", frames)
    monkeypatch.setattr(MIEN_OT_end, "how", how)
    look = Puppet(bpy.context.scene.mien)  # Blender makes room for properties when they are read
    look.move(bpy.context.scene.mien, dict.fromkeys(SIGNALS, 0.5))
    look.rest()
    before = [saved(tmp_path / "scene.blend") for _ in range(2)]
    bpy.utils.register_class(MIEN_OT_end)
    try:
        if how == "Esc":
            assert bpy.ops.mien.end() == {"CANCELLED"}
        else:
            with pytest.raises(RuntimeError, match="The capture process stopped"):
                bpy.ops.mien.end()
    finally:
        bpy.utils.unregister_class(MIEN_OT_end)
    (line,) = keying.memory.lines
    said = "nothing was changed" if how == "Esc" else "capture again"
    assert said in line and "\n" not in line
    assert keying.memory.running is None
    assert not bpy.data.texts and not bpy.data.actions
    assert not list(folder.iterdir())
    assert_as_it_was(tmp_path / "scene.blend", before)


class MIEN_OT_sliced(MIEN_OT_capture):
    """The capture operator of a saved take through its timer, a step of the keying at a time,
    perhaps until Esc is pressed when the second action is there."""

    bl_idname = "mien.sliced"
    escapes = False
    keyed_by_half: list[int] = []

    def execute(self, context: bpy.types.Context) -> set[str]:
        tick, escape, undo = (SimpleNamespace(type=t, value="PRESS") for t in ("TIMER", "ESC", "Z"))
        assert self._begin(context)
        self.keyed_by_half.clear()
        while not (outcome := self.modal(context, tick)) & {"FINISHED", "CANCELLED"}:
            assert outcome == self.modal(context, undo) == {"RUNNING_MODAL"}
            assert bpy.data.objects["Head"].data.shape_keys.animation_data is None
            assert not bpy.data.texts
            self.keyed_by_half.append(len(bpy.data.actions))
            if self.escapes and len(bpy.data.actions) == 2:
                self.modal(context, escape)
        return outcome


def keyed() -> dict[object, list[list[float]]]:
    """The keys of every curve of the character."""
    owners = bpy.data.objects["Head"].data.shape_keys, bpy.data.objects["Rig"]
    return {
        (owner.name, *place): keys_of(curve).tolist()
        for owner in owners
        for place, curve in curves_of(owner).items()
    }


@pytest.fixture
def sliced(
    head: bpy.types.Object, take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setattr(slices, "SLICE", 0)
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    bpy.utils.register_class(MIEN_OT_sliced)
    yield
    bpy.utils.unregister_class(MIEN_OT_sliced)


def test_keying_in_slices_is_one_undo_step(sliced: None) -> None:
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.mien.sliced("EXEC_DEFAULT", True) == {"FINISHED"}
    assert {1, 2} <= set(MIEN_OT_sliced.keyed_by_half)
    now = keyed()
    assert len(now) == 13
    assert bpy.context.scene.mien.take
    bpy.ops.ed.undo()
    assert not bpy.data.actions and not bpy.data.texts
    bpy.ops.ed.redo()
    bpy.ops.mien.key_again()
    assert keyed() == now, "as keyed at once"


def test_esc_within_the_keying_leaves_the_file_as_it_was(
    sliced: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MIEN_OT_sliced, "escapes", True)
    bpy.ops.mien.sliced()  # Blender makes room for properties when they are read
    before = [saved(tmp_path / "scene.blend") for _ in range(2)]
    assert bpy.ops.mien.sliced() == {"CANCELLED"}
    assert MIEN_OT_sliced.keyed_by_half[-1] == 2
    assert not bpy.data.actions
    assert keying.memory.lines == ["Capture cancelled; nothing was changed"]
    # Blender writes where the view layer keeps its table of objects, made anew when data goes.
    assert_as_it_was(tmp_path / "scene.blend", before, addresses=1)


def test_a_worker_says_how_far_it_is_and_what_went_wrong(
    clip: Callable[[int], Path], tmp_path: Path
) -> None:
    output = tmp_path / "take.json"
    job = Job({"input": str(clip(60)), "output": str(output)})
    try:
        assert job.wait(120)
        assert "No face was found" in job.error
        assert job.result is None
        assert job.progress.total == 60
        assert job.progress.provider == "CPUExecutionProvider"
        assert not output.exists()
    finally:
        job.close()


def test_a_worker_that_cannot_run_is_one_sentence(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho nothing to see >&2\nexit 3\n")
    fake.chmod(0o755)
    job = Job({}, str(fake))
    assert job.wait(30)
    job.close()
    assert job.error == (
        "The capture process stopped with code 3 (nothing to see): capture again, and report it "
        "if that happens again."
    )


@pytest.mark.parametrize("content", [None, b"", b"not a video"])
def test_a_source_that_is_no_video_is_one_sentence(
    content: bytes | None, head: bpy.types.Object, tmp_path: Path
) -> None:
    source = tmp_path / "clip.mp4"
    if content is not None:
        source.write_bytes(content)
    prepare(source, head)
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.mien.capture()
    message = str(caught.value).removeprefix("Error: ").strip()
    assert source.name in message
    assert "\n" not in message
    assert not bpy.data.actions
    assert keying.memory.running is None


def test_a_target_that_went_away_is_named(
    take: Take, head: bpy.types.Object, tmp_path: Path
) -> None:
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    running = session.Session(bpy.context)
    bpy.data.objects.remove(head)
    with pytest.raises(UserError, match="Head is no longer in the file"):
        running.finish()


def test_a_target_that_was_deleted_is_none(
    take: Take, head: bpy.types.Object, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    """As users delete: it lives on in the file, as the panel points to it."""
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    bpy.ops.mien.capture()
    running = session.Session(bpy.context)
    bpy.ops.object.select_all(action="DESELECT")
    head.select_set(True)
    bpy.ops.object.delete()
    assert scene.mien.target == head
    assert not bpy.ops.mien.capture.poll() and not bpy.ops.mien.key_again.poll()
    with pytest.raises(UserError, match="Head is no longer in the file"):
        running.finish()
    with pytest.raises(UserError, match="Choose a target"):
        session.Session(bpy.context)


def test_the_scene_of_a_capture_is_the_one_in_which_it_was_begun(
    take: Take, head: bpy.types.Object, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    running = session.Session(bpy.context)
    other = bpy.data.scenes.new("Other")
    other.mien.start_frame, other.render.fps = 500, 60
    other.mien.source, other.mien.target = scene.mien.source, head
    bpy.context.window.scene = other
    report = running.finish()
    assert report.first == 1 and scene.mien.take and other.mien.take is None
    running = session.Session(bpy.context)
    bpy.data.scenes.remove(other)
    texts = len(bpy.data.texts)
    with pytest.raises(UserError, match="There is no scene Other"):
        running.finish()
    assert running.kept and len(bpy.data.texts) == texts + 1


def test_capture_is_grey_without_source_or_target() -> None:
    assert not bpy.ops.mien.capture.poll()


def test_the_mien_face_takes_a_capture(tmp_path: Path, take: Take) -> None:
    take.save(tmp_path / "take.json")
    assert bpy.ops.mien.add_face() == {"FINISHED"}
    face = bpy.context.object
    assert bpy.context.scene.mien.target == face
    bpy.context.scene.mien.source = str(tmp_path / "take.json")
    bpy.ops.mien.capture()
    bpy.context.scene.frame_set(15)
    assert face["AU12.L"] > 0.5
    assert keying.memory.lines[1:] == []


def jaw_open(head: bpy.types.Object, frame: int) -> float:
    bpy.context.scene.frame_set(frame)
    return head.data.shape_keys.key_blocks["jawOpen"].value


def test_marked_frames_are_the_neutral_of_a_saved_take(
    tmp_path: Path, take: Take, head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    take.save(tmp_path / "take.json")
    prepare(tmp_path / "take.json", head)
    scene.mien.tuning.smoothing = 0
    scene.mien.neutral = "none"
    bpy.ops.mien.capture()
    assert jaw_open(head, 3) > 0.05
    scene.mien.neutral, scene.mien.neutral_start, scene.mien.neutral_end = "frames", 2, 6
    bpy.ops.mien.capture()
    assert jaw_open(head, 3) == 0
    # As if the capture had been measured against these frames already.
    scene.mien.take = takes.keep(take, (2, 6))
    bpy.ops.mien.key_again()
    assert jaw_open(head, 3) > 0.05
    scene.mien.neutral_end = 1
    with pytest.raises(RuntimeError, match="2 to 1 run backwards"):
        bpy.ops.mien.key_again()


def test_marked_frames_are_the_neutral_of_a_capture(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    prepare(media("smile.mp4"), head)
    scene.mien.use_range, scene.mien.range_end = True, 19
    scene.mien.neutral, scene.mien.neutral_start, scene.mien.neutral_end = "frames", 4, 6
    bpy.ops.mien.capture()
    assert takes.neutral(scene.mien.take) == (4, 6)
    assert len(takes.read(scene.mien.take)) == 20
    scene.mien.neutral_start, scene.mien.neutral_end = 30, 40
    with pytest.raises(RuntimeError, match="neutral frames are not among those to be captured"):
        bpy.ops.mien.capture()


def test_the_face_of_that_number_is_keyed(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    prepare(media("several_faces.jpg"), head)
    for number in (1, 2):
        scene.mien.face = number
        bpy.ops.mien.capture()
        assert takes.read(scene.mien.take).face == number - 1
    assert scene.mien.take.name == "several_faces.jpg face 2.json"
    prepare(media("one_face.jpg"), head)
    scene.mien.face = 3
    actions = list(bpy.data.actions)
    with pytest.raises(RuntimeError, match="Face 3 was not found: the take of face 1 is kept"):
        bpy.ops.mien.capture()
    assert scene.mien.take.name == "one_face.jpg.json"
    assert list(bpy.data.actions) == actions


def test_how_often_the_face_is_seen_is_told(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    prepare(media("face_then_none.mov"), head)
    bpy.ops.mien.capture()
    take = takes.read(scene.mien.take)
    assert 0 < take.success.sum() < len(take)
    told = f"The face is seen in {take.success.sum()} of {len(take)} frames"
    assert told in keying.memory.lines and not any(
        "at rest" in line for line in keying.memory.lines
    )


def test_who_is_never_seen_at_rest_is_told(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    """Of a smile's middle."""
    prepare(media("smile.mp4"), head)
    scene.mien.use_range, scene.mien.range_start, scene.mien.range_end = True, 30, 60
    bpy.ops.mien.capture()
    assert takes.read(scene.mien.take).neutral is None
    assert "No frame shows it at rest" in keying.memory.lines[-1]


def test_a_webcam_needs_no_file_and_is_started_from_the_panel(
    head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    prepare(Path(), head)
    scene.mien.source = ""
    assert not bpy.ops.mien.capture.poll()
    scene.mien.source_type, scene.mien.camera = "WEBCAM", 98
    assert bpy.ops.mien.capture.poll()
    assert not bpy.ops.mien.stop.poll()
    with pytest.raises(RuntimeError, match="start it from the panel"):
        bpy.ops.mien.capture()
    keying.memory.running = running = session.Session(bpy.context)
    try:
        assert bpy.ops.mien.stop.poll()
        running.wait()
        with pytest.raises(UserError, match="Webcam 98 cannot be opened"):
            running.finish()
    finally:
        running.close()
        keying.memory.running = None


def test_stop_keeps_what_was_recorded(media: Callable[[str], Path], tmp_path: Path) -> None:
    output = tmp_path / "take.json"
    job = Job({"input": str(media("smile.mp4")), "output": str(output)})
    try:
        while not job.progress.done:
            assert not job.poll(), job.error
        total = job.progress.total
        job.finish()
        assert job.wait(120)
        assert job.result, job.error
        assert 0 < job.result["frames"] < total
        assert len(Take.load(output)) == job.result["frames"]
    finally:
        job.close()
