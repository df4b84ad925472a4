from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mien import blender_addon  # noqa: E402
from mien.blender_addon.keying import memory  # noqa: E402
from mien.core import parameters  # noqa: E402
from mien.core.take import Take  # noqa: E402


@pytest.fixture(autouse=True)
def scene() -> Iterator[bpy.types.Scene]:
    """An empty scene with the add-on switched on."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    yield bpy.context.scene
    blender_addon.unregister()
    memory.running, memory.lines = None, []


@pytest.fixture
def take() -> Take:
    """Forty frames at uneven times in which every signal moves."""
    count = 40
    times = np.cumsum(np.linspace(0.03, 0.05, count))
    wave = 0.5 - 0.5 * np.cos(np.linspace(0, 9, count))
    signals = {
        name: wave * (20 if name in parameters.ANGLE_SIGNALS else 1) for name in parameters.SIGNALS
    }
    return Take(np.arange(count), times, np.ones(count), np.ones(count, bool), signals)


@pytest.fixture
def head() -> bpy.types.Object:
    """A mesh with ARKit's shape keys under an armature with a neck and a head."""
    bpy.ops.object.armature_add()
    armature = bpy.context.object
    armature.name = "Rig"
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    bones[0].name = "neck"
    top = bones.new("head")
    top.head, top.tail, top.parent = (0, 0, 1), (0, -0.3, 2), bones["neck"]
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.mesh.primitive_cube_add()
    mesh = bpy.context.object
    mesh.name = "Head"
    mesh.parent = armature
    mesh.shape_key_add(name="Basis")
    for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight"):
        mesh.shape_key_add(name=name)
    return mesh


@pytest.fixture
def clip(tmp_path: Path) -> Callable[[int], Path]:
    """A function that makes a video of noise with so many frames."""

    def make(frames: int) -> Path:
        path = tmp_path / "clip.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (160, 120))
        noise = np.random.default_rng(0)
        for _ in range(frames):
            writer.write(noise.integers(0, 255, (120, 160, 3), np.uint8))
        writer.release()
        return path

    return make
