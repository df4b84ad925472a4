"""From a take and a mapping to curves on the names that a character has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .mapping import Channel, HeadTarget, Kind, Mapping, RigNames
from .names import find
from .take import Take

Array = NDArray[np.float64]
_HEAD_SIGNALS = ("head.yaw", "head.pitch", "head.roll")


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time for one number of a rig: times (N,) s, values (N,).

    property is "value" for shape keys and properties.  Bones: "location" and "scale" with axis
    0..2, "rotation_euler" in radians with axis 0..2, "rotation_quaternion" with axis 0..3 for
    w, x, y, z.
    """

    kind: Kind
    target: str
    property: str
    axis: int
    times: Array
    values: Array


@dataclass
class Retargeted:
    """Curves; unmatched: targets the character lacks; silent: targets that no signal of the take
    moves, so that they keep what animation they have."""

    curves: list[Curve] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


def retarget(take: Take, mapping: Mapping, available: RigNames) -> Retargeted:
    """Curves for every channel of the mapping that the character has.

    Every frame is keyed at its time stamp; ``cleanup.clean`` the take first, so that frames
    without a face hold sensible values.
    """
    out = Retargeted()
    turns: dict[str, Array] = defaultdict(lambda: np.zeros((len(take), 3)))  # bone -> vectors
    for channel in mapping.channels:
        targets = find(channel.target, available.of(channel.kind))
        if not targets:
            out.unmatched.append(channel.target)
        elif not any(name in take.signals for name in channel.signals):
            out.silent.append(channel.target)
        else:
            values = _values(take, channel)
            for target in targets:
                if channel.property == "rotation_quaternion":
                    turns[target][:, channel.axis] += values
                else:
                    out.curves.append(_curve(take, channel, target, values))
    if mapping.head:
        _head(take, mapping.head, available, turns, out)
    for bone, vectors in turns.items():
        for axis, values in enumerate(rotation.from_vector(vectors).T):
            out.curves.append(
                Curve("bone", bone, "rotation_quaternion", axis, take.timestamps, values)
            )
    out.unmatched = list(dict.fromkeys(out.unmatched))
    out.silent = list(dict.fromkeys(out.silent))
    return out


def _values(take: Take, channel: Channel) -> Array:
    total = np.zeros(len(take))
    for name, weight in channel.signals.items():
        if name in take.signals:
            total += weight * take.signals[name]
    values = np.clip(channel.offset + channel.gain * total, channel.low, channel.high)
    return np.radians(values) if channel.property.startswith("rotation") else values


def _curve(take: Take, channel: Channel, target: str, values: Array) -> Curve:
    return Curve(channel.kind, target, channel.property, channel.axis, take.timestamps, values)


def _first(candidates: Iterable[str], bones: tuple[str, ...]) -> str | None:
    return next((found[0] for name in candidates if (found := find(name, bones))), None)


def _head(
    take: Take, target: HeadTarget, rig: RigNames, turns: dict[str, Array], out: Retargeted
) -> None:
    """The rotation goes to the head, and its share by the log of the rotation to the neck."""
    bone, neck = _first(target.bone, rig.bones), _first(target.neck, rig.bones)
    if bone is None:
        out.unmatched.append(target.bone[0])
        return
    if not any(name in take.signals for name in _HEAD_SIGNALS):
        out.silent.append(bone)
        return
    if target.neck and neck is None:
        out.unmatched.append(target.neck[0])
    still = np.zeros(len(take))
    whole = rotation.to_vector(rotation.head(*(take.signals.get(n, still) for n in _HEAD_SIGNALS)))
    share = target.neck_share if neck is not None else 0.0
    for name, part in ((bone, 1 - share), (neck, share)):
        if name is not None and part:
            turns[name] += part * whole @ _to_bone(name, rig)


def _to_bone(bone: str, rig: RigNames) -> Array:
    """(3, 3) that takes row vectors in the character's axes to the bone's own."""
    rest = rig.bone_axes.get(bone, rotation.CHARACTER_AXES)
    return np.asarray(rotation.CHARACTER_AXES.T @ rest, float)
