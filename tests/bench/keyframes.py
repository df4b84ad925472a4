"""How long it takes to key 1,000 frames on every channel of the Mien face.

    python tests/bench/keyframes.py

Prints the seconds of mien.blender_addon.actions.write, of a keyframe_insert loop over the same
channels, and their ratio; exits 1 when a key does not read back exactly or writing takes 0.5 s.
"""

from __future__ import annotations

import os
import sys
import time

import bpy
import numpy as np

from mien import rig_mappings
from mien.blender_addon import actions, keyframes
from mien.blender_addon.face_object import build_face
from mien.blender_addon.rig_names import character
from mien.core import parameters
from mien.core.retarget import retarget
from mien.core.take import Take

FRAMES = 1000
LIMIT = 0.5  # s


def performance() -> Take:
    """A take of ``FRAMES`` frames in which everything moves."""
    chance = np.random.default_rng(0)
    scale = {name: 20.0 if name in parameters.ANGLE_SIGNALS else 1.0 for name in parameters.SIGNALS}
    signals = {name: chance.random(FRAMES) * by for name, by in scale.items()}
    seen = np.ones(FRAMES, bool)
    return Take(np.arange(FRAMES), np.arange(FRAMES) / 30, seen * 1.0, seen, signals)


def insert(channels: list[keyframes.Channel]) -> None:
    """The way that is not ours: set a value, insert a key, once per channel and frame."""
    for channel in channels:
        custom = channel.path.startswith("[")
        holder, _, name = ("", "", channel.path) if custom else channel.path.rpartition(".")
        owner = channel.owner.path_resolve(holder) if holder else channel.owner
        for frame, value in zip(channel.frames, channel.values, strict=True):
            if custom:
                owner[name[2:-2]] = value
                owner.keyframe_insert(name, frame=frame)
            else:
                getattr(owner, name)[channel.index] = value
                owner.keyframe_insert(name, index=channel.index, frame=frame)


def exact(channels: list[keyframes.Channel], action: bpy.types.Action) -> bool:
    """Whether every key of the action is what was asked for, as far as a float32 goes."""
    data = channels[0].owner.animation_data
    bag = (
        action.layers[0].strips[0].channelbag(data.action_slot)
        if hasattr(data, "action_slot")
        else action
    )
    for channel in channels:
        points = bag.fcurves.find(channel.path, index=channel.index).keyframe_points
        got = np.empty(len(points) * 2, np.float32)
        points.foreach_get("co", got)
        asked = np.stack([channel.frames, channel.values], 1).astype(np.float32)
        if not np.array_equal(got.reshape(-1, 2), asked):
            return False
    return True


def main() -> int:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    on = character(build_face(bpy.context))
    began = time.perf_counter()
    curves = retarget(performance(), rig_mappings.load("bdfm"), on.names()).curves
    channels, _ = keyframes.plan(curves, on, fps=30, start=1)
    planned = time.perf_counter()
    (action,) = actions.write(channels, "bench")
    ours = time.perf_counter() - planned
    right = exact(channels, action)
    on.root.animation_data.action = None
    began_loop = time.perf_counter()
    insert(channels)
    loop = time.perf_counter() - began_loop
    print(f"Blender {bpy.app.version_string}: {len(channels)} channels x {FRAMES} frames")
    print(f"retarget and plan  {planned - began:.3f} s")
    print(f"write              {ours:.3f} s, read back {'exactly' if right else 'WRONG'}")
    print(f"keyframe_insert    {loop:.3f} s, {loop / ours:.0f} times as long")
    return 0 if right and ours < LIMIT else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
