"""From a take and a mapping to curves on the names that a character has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import rotation
from .mapping import Channel, GazeTarget, HeadTarget, Kind, Mapping, RigNames
from .names import find, find_any
from .take import Take

Array = NDArray[np.float64]
_HEAD_SIGNALS = ("head.yaw", "head.pitch", "head.roll")
_GAZE_SIGNALS = ("gaze.yaw", "gaze.pitch")
_VECTORS = ("location", "rotation_quaternion")  # properties whose channels add up, axis by axis


@dataclass(slots=True)
class _Vector:
    """What channels do to a bone together: values (N, 3) along its axes, and the axes in use."""

    values: Array
    axes: set[int] = field(default_factory=set)


Vectors = dict[tuple[str, str], _Vector]  # by bone and property


@dataclass(slots=True)
class _Strongest:
    """Values (N,) of one number that several channels move, such as a lid that both eyes share:
    of every frame the one that is ``away`` (N,) farthest from where its channel rests."""

    values: Array
    away: Array

    def add(self, values: Array, away: Array) -> None:
        farther = away > self.away
        self.values = np.where(farther, values, self.values)
        self.away = np.maximum(away, self.away)


Numbers = dict[tuple[Kind, str, str, int], _Strongest]  # by kind, target, property and axis


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
    vectors: Vectors = {}
    numbers: Numbers = {}
    moved: set[str] = set()
    for channel in mapping.channels:
        kind, targets = _targets(channel, available)
        scale, lacking = _unit(channel, available)
        if not targets or lacking:
            out.unmatched += lacking if targets else [channel.target]
        elif not any(name in take.signals for name in channel.signals):
            out.silent.append(channel.target)
        else:
            moved.add(channel.target)
            values, away = _values(take, channel)
            for target in targets:
                if channel.property in _VECTORS:
                    way = np.eye(3)
                    if channel.character:
                        way = _to_bone(target, channel.property, available)
                    ways = way[[channel.axis]]
                    _add(vectors, target, channel.property, scale * values[:, None], ways)
                else:
                    number = kind, target, channel.property, channel.axis
                    numbers.setdefault(number, _Strongest(values, away)).add(values, away)
    if mapping.head:
        _head(take, mapping.head, available, vectors, out)
    if mapping.gaze:
        _gaze(take, mapping.gaze, available, vectors, out)
    for number, strongest in numbers.items():
        out.curves.append(Curve(*number, take.timestamps, strongest.values))
    for (bone, prop), vector in vectors.items():
        columns, axes = vector.values.T, sorted(vector.axes)
        if prop == "rotation_quaternion":
            columns, axes = rotation.from_vector(vector.values).T, [0, 1, 2, 3]
        for axis in axes:
            out.curves.append(Curve("bone", bone, prop, axis, take.timestamps, columns[axis]))
    out.unmatched = list(dict.fromkeys(out.unmatched))
    out.silent = [name for name in dict.fromkeys(out.silent) if name not in moved]
    return out


def _targets(channel: Channel, rig: RigNames) -> tuple[Kind, list[str]]:
    """What a channel moves on a rig.  A custom property goes before the shape key of its name:
    it is the slider that drives it."""
    kinds: tuple[Kind, ...] = (channel.kind,)
    if channel.kind == "shape_key":
        kinds = ("property", "shape_key")
    for name in (channel.target, *channel.aliases):
        for kind in kinds:
            if found := find(name, rig.of(kind)):
                return kind, found
    return channel.kind, []


def _unit(channel: Channel, rig: RigNames) -> tuple[float, list[str]]:
    """(what a value counts in: the distance of the two bones of a unit, those that lack)."""
    known = tuple(rig.bone_heads)
    ends = [find_any([bone], known)[:1] for bone in channel.unit]
    lacking = [bone for bone, end in zip(channel.unit, ends, strict=True) if not end]
    if lacking or not ends:
        return 1.0, lacking
    here, there = (rig.bone_heads[end] for (end,) in ends)
    return float(np.linalg.norm(here - there)), []


def _add(vectors: Vectors, bone: str, prop: str, values: Array, ways: Array) -> None:
    """Values (N, K) along K ways (K, 3) in the bone's axes."""
    vector = vectors.setdefault((bone, prop), _Vector(np.zeros((len(values), 3))))
    vector.values = vector.values + values @ ways
    vector.axes.update(np.flatnonzero(np.abs(ways).max(axis=0) > 1e-6).tolist())


def _values(take: Take, channel: Channel) -> tuple[Array, Array]:
    """(values (N,), how far each is from where the channel rests)."""
    total = np.zeros(len(take))
    for name, weight in channel.signals.items():
        if name in take.signals:
            total += weight * take.signals[name]
    values = np.clip(channel.offset + channel.gain * total, channel.low, channel.high)
    away = np.abs(values - np.clip(channel.offset, channel.low, channel.high))
    if channel.property.startswith("rotation"):
        return np.radians(values), np.radians(away)
    return values, away


def _head(take: Take, target: HeadTarget, rig: RigNames, vectors: Vectors, out: Retargeted) -> None:
    """The rotation goes to the head, and its share by the log of the rotation to the neck."""
    bone, neck = _bone(target.bone, rig), _bone(target.neck, rig)
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
    for name, part in ((bone, 1 - share if target.inherits else 1.0), (neck, share)):
        if name is not None and part:
            ways = _to_bone(name, "rotation_quaternion", rig)
            _add(vectors, name, "rotation_quaternion", part * whole, ways)


def _gaze(take: Take, target: GazeTarget, rig: RigNames, vectors: Vectors, out: Retargeted) -> None:
    """The target moves across the line of sight as far as the angles say at its distance."""
    bone, eye = _bone([target.bone], rig), _bone([target.eye], rig)
    if bone is None or eye is None or not {bone, eye} <= rig.bone_heads.keys():
        out.unmatched.append(target.bone)
        return
    if not any(name in take.signals for name in _GAZE_SIGNALS):
        out.silent.append(bone)
        return
    way = (rig.bone_heads[bone] - rig.bone_heads[eye]) @ rotation.CHARACTER_AXES
    still = np.zeros(len(take))
    yaw, pitch = (np.radians(take.signals.get(name, still)) for name in _GAZE_SIGNALS)
    across = way[2] * np.stack([np.tan(yaw), np.tan(pitch) / np.cos(yaw)], axis=1)
    _add(vectors, bone, "location", across, _to_bone(bone, "location", rig)[:2])


def _bone(candidates: Iterable[str], rig: RigNames) -> str | None:
    return next(iter(find_any(candidates, rig.bones)), None)


def _to_bone(bone: str, prop: str, rig: RigNames) -> Array:
    """(3, 3) that takes row vectors in the character's axes to those of a bone's property."""
    rest = rig.bone_axes.get(bone, rotation.CHARACTER_AXES)
    if prop == "location":
        rest = rig.location_axes.get(bone, rest)
    return np.asarray(rotation.CHARACTER_AXES.T @ rest, float)
