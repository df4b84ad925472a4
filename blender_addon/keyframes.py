# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves of a retargeted take become channels of a character, and channels become keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Quaternion
from numpy.typing import NDArray

from mien.core.retarget import Curve

from .rig_names import Character

Array = NDArray[np.float64]
Numbers = NDArray[Any]

# Every writable number of a key, and how many there are per key.
KEY_FIELDS = {
    "co": 2, "handle_left": 2, "handle_right": 2, "interpolation": 1, "handle_left_type": 1,
    "handle_right_type": 1, "type": 1, "easing": 1, "amplitude": 1, "back": 1, "period": 1,
}  # fmt: skip
_REAL_FIELDS = ("co", "handle_left", "handle_right", "amplitude", "back", "period")


@dataclass(frozen=True, slots=True)
class Channel:
    """One F-curve to be: the ID that owns it, its path and index, and its keys (N,), (N,)."""

    owner: bpy.types.ID
    path: str
    index: int
    frames: Array
    values: Array


def plan(
    curves: Iterable[Curve], on: Character, *, fps: float, start: float
) -> tuple[list[Channel], list[str]]:
    """Channels of the character for the curves; touches nothing.

    The first time stamp falls on frame ``start``; fps turns seconds to frames.  Bone rotations
    are turned into the rotation mode that the bone has.  The second result names the targets
    whose channel is driven, so that keys on it would not be seen.
    """
    curves = list(curves)
    zero = min((float(c.times[0]) for c in curves if len(c.times)), default=0.0)
    channels: list[Channel] = []
    turns: dict[str, list[Curve]] = defaultdict(list)
    for curve in curves:
        if curve.kind == "bone" and curve.property.startswith("rotation"):
            turns[curve.target].append(curve)
            continue
        frames = start + (curve.times - zero) * fps
        for owner, path, index in _places(curve, on):
            channels.append(Channel(owner, path, index, frames, curve.values))
    for bone, parts in turns.items():
        assert on.armature
        frames = start + (parts[0].times - zero) * fps
        pose_bone = on.armature.pose.bones[bone]
        base = pose_bone.path_from_id()
        for name, index, values in _rotation(pose_bone, parts):
            channels.append(Channel(on.armature, f"{base}.{name}", index, frames, values))
    free = [c for c in channels if not _driven(c)]
    return free, list(dict.fromkeys(c.path for c in channels if _driven(c)))


def _places(curve: Curve, on: Character) -> Iterable[tuple[bpy.types.ID, str, int]]:
    """Where a curve goes: (owner, data path, index); a shape key may be on several meshes."""
    if curve.kind == "shape_key":
        for key in on.keys:
            if curve.target in key.key_blocks:
                yield key, f"{key.key_blocks[curve.target].path_from_id()}.value", 0
    elif curve.kind == "property":
        for item in on.objects:
            if curve.target in item:
                yield item, f'["{bpy.utils.escape_identifier(curve.target)}"]', 0
    elif on.armature:
        bone = on.armature.pose.bones[curve.target]
        yield on.armature, f"{bone.path_from_id()}.{curve.property}", curve.axis


def _rotation(bone: bpy.types.PoseBone, parts: list[Curve]) -> Iterable[tuple[str, int, Array]]:
    """(property, index, values) of a bone's rotation curves, in the bone's rotation mode."""
    mode = bone.rotation_mode
    native = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
    name = native.get(mode, "rotation_euler")
    if all(part.property == name for part in parts):
        for part in parts:
            yield name, part.axis, part.values
        return
    count = len(parts[0].values)
    quaternions, eulers = np.tile([1.0, 0, 0, 0], (count, 1)), np.zeros((count, 3))
    for part in parts:
        into = quaternions if part.property == "rotation_quaternion" else eulers
        into[:, part.axis] = part.values
    order = mode if name == "rotation_euler" else "XYZ"
    rows, last = [], None
    for quaternion, euler in zip(quaternions, eulers, strict=True):
        turn = Quaternion(quaternion) @ Euler(euler, order).to_quaternion()
        if name == "rotation_quaternion":
            rows.append(turn[:])
        elif name == "rotation_axis_angle":
            axis, angle = turn.to_axis_angle()
            rows.append((angle, *axis))
        else:
            last = turn.to_euler(mode, last) if last else turn.to_euler(mode)
            rows.append(last[:])
    for index, values in enumerate(np.array(rows).T):
        yield name, index, values


def _driven(channel: Channel) -> bool:
    data = channel.owner.animation_data
    found = data and data.drivers.find(channel.path, index=channel.index)
    return bool(found and not found.mute)


def key(fcurve: bpy.types.FCurve, channel: Channel) -> None:
    """Linear keys; those that the curve had outside the time of the take stay as they are."""
    points = fcurve.keyframe_points
    had = len(points)
    kept: dict[str, Numbers] = {}
    if had:
        for modifier in list(fcurve.modifiers):
            fcurve.modifiers.remove(modifier)
        fcurve.mute = False
        # Plain numbers are compared in the precision of the keys, also by NumPy 2.
        kept = _outside(fcurve, float(channel.frames[0]), float(channel.frames[-1]))
        points.clear()
    rest = len(kept["co"]) if had else 0
    count = len(channel.frames)
    points.add(count + rest)
    linear = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    co = np.stack([channel.frames, channel.values], axis=1)
    new = {"co": co, "interpolation": np.full((count, 1), linear)}
    if not rest:
        for name, values in new.items():
            points.foreach_set(name, _flat(name, values))
    else:
        for name, old in kept.items():
            fresh = new.get(name)
            if fresh is None:
                current = stored(points, name)[:count]
                fresh = current if "handle" not in name or "type" in name else co
            points.foreach_set(name, _flat(name, np.concatenate([fresh, old])))
    fcurve.update()


def _outside(fcurve: bpy.types.FCurve, first: float, last: float) -> dict[str, Numbers]:
    keys = {name: stored(fcurve.keyframe_points, name) for name in KEY_FIELDS}
    frames = keys["co"][:, 0]
    outside = (frames < first) | (frames > last)
    return {name: values[outside] for name, values in keys.items()}


def stored(points: bpy.types.FCurveKeyframePoints, name: str) -> Numbers:
    kind = np.float32 if name in _REAL_FIELDS else np.int32
    out = np.empty(len(points) * KEY_FIELDS[name], kind)
    points.foreach_get(name, out)
    return out.reshape(len(points), -1)


def _flat(name: str, values: Numbers) -> Numbers:
    return np.ascontiguousarray(values, np.float32 if name in _REAL_FIELDS else np.int32).ravel()
