# SPDX-License-Identifier: GPL-3.0-or-later
"""Mappings into the editor and out of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mien.core.errors import UserError
from mien.core.mapping import Channel, GazeTarget, HeadTarget, Mapping
from mien.core.parameters import SIGNALS
from mien.rig_mappings.loader import AXES, CHARACTER_AXES

if TYPE_CHECKING:
    from .mapping_properties import MienMapped, MienMapping

_OR = " | "  # between names of which the first that a rig has counts


def fill(into: MienMapping, mapping: Mapping) -> None:
    """Puts a mapping into the editor."""
    into.amount, into.channel = 0, 0
    into.title, into.source = mapping.title, mapping.source
    into.requires = _OR.join(mapping.requires)
    head, gaze = mapping.head or HeadTarget(()), mapping.gaze or GazeTarget("", "")
    into.head, into.neck = _OR.join(head.bone), _OR.join(head.neck)
    into.neck_share, into.inherits = head.neck_share, head.inherits
    into.gaze, into.eye = gaze.bone, gaze.eye
    into.channels.clear()
    for channel in mapping.channels:
        add(into, channel)


def add(into: MienMapping, channel: Channel) -> None:
    """Puts a channel at the end."""
    new = into.channels.add()
    new.name = channel.target
    new.kind, new.target = channel.kind, _OR.join((channel.target, *channel.aliases))
    if channel.kind == "bone":
        new.motion = channel.property
        new.axis = (CHARACTER_AXES if channel.character else AXES)[channel.axis]
    new.gain, new.offset = channel.gain, channel.offset
    new.bounded_low, new.bounded_high = math.isfinite(channel.low), math.isfinite(channel.high)
    new.low = channel.low if new.bounded_low else 0
    new.high = channel.high if new.bounded_high else 1
    new.unit = _OR.join(channel.unit)
    for signal, weight in channel.signals.items():
        one = new.weights.add()
        one.signal, one.weight = signal, weight


def read(edited: MienMapping) -> Mapping:
    """The mapping in the editor; UserError says what is wrong with it."""
    head, gaze = _names(edited.head), edited.gaze and edited.eye
    return Mapping(
        name="edited",
        title=edited.title,
        source=edited.source,
        requires=_names(edited.requires),
        channels=tuple(read_channel(one) for one in edited.channels if _names(one.target)),
        head=HeadTarget(head, _names(edited.neck), _round(edited.neck_share), edited.inherits)
        if head
        else None,
        gaze=GazeTarget(edited.gaze, edited.eye) if gaze else None,
    )


def read_channel(of: MienMapped) -> Channel:
    """A channel of the editor; UserError says what is wrong with it."""
    names = _names(of.target)
    if not names:
        raise UserError("Choose a target for the channel: a shape key, a bone or a property.")
    target, *aliases = names
    unknown = [one.signal for one in of.weights if one.signal and one.signal not in SIGNALS]
    if unknown:
        raise UserError(f"{target} asks for an unknown signal {unknown[0]!r}: choose another.")
    low = _round(of.low) if of.bounded_low else -math.inf
    high = _round(of.high) if of.bounded_high else math.inf
    unit = _names(of.unit)
    if low > high:
        raise UserError(
            f"{target} has its limits the wrong way round: change that in the mapping editor."
        )
    if len(unit) not in (0, 2):
        raise UserError(f"{target} needs two bones as unit: change that in the mapping editor.")
    prop, axis, character_axis = "value", -1, False
    if of.kind == "bone":
        character_axis = of.axis in CHARACTER_AXES
        if character_axis and of.motion not in ("location", "rotation_quaternion"):
            raise UserError(f"{target} needs an axis of the bone for its motion: choose X, Y or Z.")
        prop = of.motion
        axis = (CHARACTER_AXES if character_axis else AXES).index(of.axis)
    return Channel(
        of.kind,
        target,
        {one.signal: _round(one.weight) for one in of.weights if one.signal},
        prop,
        axis,
        gain=_round(of.gain),
        offset=_round(of.offset),
        low=low,
        high=high,
        aliases=tuple(aliases),
        character=character_axis,
        unit=unit if prop == "location" else (),
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(_OR.strip()) if name.strip())


def _round(value: float) -> float:
    """Blender keeps single precision, in which 0.1 reads 0.10000000149."""
    return float(f"{value:.6g}")
