"""Live: the character follows without keys, and becomes itself again before any are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from action_curves import curves_of

from mien.blender_addon import keying, takes
from mien.blender_addon.operators import MIEN_OT_capture
from mien.blender_addon.puppet import Puppet
from mien.blender_addon.session import Session
from mien.core.parameters import SIGNALS

REST = dict.fromkeys(SIGNALS, 0.0)


class MIEN_OT_play(MIEN_OT_capture):
    """The capture operator with its timer, Stop and Esc, which need a window otherwise."""

    bl_idname = "mien.play"
    key = "Stop"
    seen: list[float] = []

    def execute(self, context: bpy.types.Context) -> set[str]:
        tick = SimpleNamespace(type="TIMER", value="NOTHING")
        assert self._begin(context)
        jaw = bpy.data.objects["Head"].data.shape_keys.key_blocks["jawOpen"]
        self.seen.clear()
        before = jaw.value  # no frame's
        while len({*self.seen} - {before}) < 4:
            assert self.modal(context, tick) == {"PASS_THROUGH"}
            self.seen.append(jaw.value)
            assert not bpy.data.actions
            time.sleep(0.01)
        assert keying.memory.running.delay > 0
        if self.key == "Stop":
            bpy.ops.mien.stop()
        else:
            self.modal(context, SimpleNamespace(type="ESC", value="PRESS"))
        while not (outcome := self.modal(context, tick)) & {"FINISHED", "CANCELLED"}:
            time.sleep(0.01)
        return outcome


@pytest.fixture
def play(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> Callable[[str], set[str]]:
    scene.mien.source, scene.mien.target = str(media("expressions.mp4")), head
    scene.mien.live = True
    head.data.shape_keys.key_blocks["jawOpen"].value = 0.0625

    def run(key: str) -> set[str]:
        MIEN_OT_play.key = key
        bpy.utils.register_class(MIEN_OT_play)
        try:
            return bpy.ops.mien.play()
        finally:
            bpy.utils.unregister_class(MIEN_OT_play)

    return run


def test_stop_keeps_and_keys_what_was_shown(
    play: Callable[[str], set[str]], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    assert play("Stop") == {"FINISHED"}
    take = takes.read(scene.mien.take)
    assert 4 <= len(take) < 300
    curve = curves_of(head.data.shape_keys)[('key_blocks["jawOpen"].value', 0)]
    assert len(curve.keyframe_points) == len(take)
    assert keying.memory.running is None


def test_esc_puts_the_character_back(
    play: Callable[[str], set[str]], head: bpy.types.Object
) -> None:
    assert play("Esc") == {"CANCELLED"}
    assert head.data.shape_keys.key_blocks["jawOpen"].value == 0.0625
    assert not bpy.data.actions and not bpy.data.texts


@pytest.fixture
def running(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> Iterator[Session]:
    scene.mien.source, scene.mien.target = str(media("expressions.mp4")), head
    scene.mien.live = True
    session = Session(bpy.context)
    yield session
    session.close()


def shown(running: Session) -> float:
    """The delay of the next frame that comes."""
    while not running.show():
        assert not running.step()
        time.sleep(0.002)
    return running.delay


def test_sliders_that_contradict_each_other_are_told_and_end_nothing(
    running: Session, scene: bpy.types.Scene
) -> None:
    tuning = scene.mien.tuning
    least, most = tuning.low, tuning.high
    tuning.low, tuning.high = 0.8, 0.2
    shown(running)
    (line,) = keying.memory.lines
    assert "stand the wrong way round" in line
    tuning.low, tuning.high = least, most
    shown(running)
    assert keying.memory.lines == []


def test_a_window_that_was_busy_goes_on_with_the_newest_frame(
    running: Session,
) -> None:
    usual = sorted(shown(running) for _ in range(9))[4]
    before = running.progress.done
    time.sleep(1)
    assert shown(running) < usual + 0.5, "frames that came meanwhile are left out, not shown late"
    assert running.progress.done > before + 5, "the worker did not wait"


def test_a_puppet_moves_as_tuned_and_rests(head: bpy.types.Object, scene: bpy.types.Scene) -> None:
    scene.mien.target = head
    bone = head.parent.pose.bones["head"]
    bone.location.x = 0.5
    jaw = head.data.shape_keys.key_blocks["jawOpen"]
    jaw.value = 0.25
    puppet = Puppet(scene.mien)
    puppet.move(scene.mien, REST | {"AU26": 0.8, "head.yaw": 20.0})
    assert jaw.value == pytest.approx(0.8)
    assert bone.rotation_quaternion.angle > 0.1
    scene.mien.tuning.strength = 0.5
    puppet.move(scene.mien, REST | {"AU26": 0.8})
    assert jaw.value == pytest.approx(0.4)
    scene.mien.tuning.regions.jaw.use = False
    puppet.move(scene.mien, REST | {"AU26": 0.8, "AU12.L": 1.0})
    assert jaw.value == 0.25, "a region that is left out is as it was"
    scene.mien.tuning.regions.jaw.use = True
    puppet.move(scene.mien, REST | {"AU26": 0.8})
    assert jaw.value == pytest.approx(0.4)
    puppet.rest()
    assert jaw.value == 0.25
    assert bone.rotation_quaternion.angle == 0
    bpy.data.objects.remove(head)
    puppet.move(scene.mien, REST)
    puppet.rest()
