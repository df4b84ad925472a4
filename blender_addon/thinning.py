# SPDX-License-Identifier: GPL-3.0-or-later
"""How many keys a channel gets, and on which frames."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UserError
from mien.core.reduce import reduce

from .choices import EVERY, REDUCED, STEP
from .keyframes import Channel

Array = NDArray[np.float64]

# What counts as a whole movement where a curve moves less: a shape key from 0 to 1, a turn of 30
# degrees.  Locations have no size of their own.
_WHOLE = {"location": 0.0, "rotation_quaternion": np.sin(np.radians(15))}
_WHOLE |= dict.fromkeys(("rotation_euler", "rotation_axis_angle"), np.radians(30))


@dataclass(frozen=True, slots=True)
class Keys:
    """EVERY captured frame at its own time, every ``step``-th whole frame of the scene (STEP), or
    as few as keep each curve within ``bound``, a share of a whole movement (REDUCED).

    within: (first, last) frames of the scene outside of which nothing is keyed.
    """

    how: str = EVERY
    step: int = 1
    bound: float = 0.01
    within: tuple[float, float] | None = None


EVERY_CAPTURE = Keys()


def thinned(channels: list[Channel], keys: Keys) -> list[Channel]:
    """The channels with those keys; UserError where the take lies outside ``within``."""
    return [_thin(_cut(channel, keys.within), keys) for channel in channels]


def _cut(channel: Channel, within: tuple[float, float] | None) -> Channel:
    """What of a channel lies in a stretch of frames, with a key on each end of it."""
    if within is None:
        return channel
    first, last = max(within[0], channel.frames[0]), min(within[1], channel.frames[-1])
    if first > last:
        raise UserError(
            f"The take runs from frame {channel.frames[0]:.0f} to {channel.frames[-1]:.0f}, "
            f"outside of {within[0]:g} to {within[1]:g}: choose other frames."
        )
    inside = channel.frames[(channel.frames > first) & (channel.frames < last)]
    return _sampled(channel, np.unique([first, *inside, last]))


def _thin(channel: Channel, keys: Keys) -> Channel:
    if keys.how == STEP:
        first, last = np.ceil(channel.frames[0]), np.floor(channel.frames[-1])
        if last < first:  # a single frame
            return _sampled(channel, np.round(channel.frames[:1]))
        return _sampled(channel, np.unique([*np.arange(first, last, keys.step), last]))
    if keys.how == REDUCED:
        kept = reduce(channel.frames, channel.values, keys.bound * whole(channel))
        return dataclasses.replace(
            channel, frames=channel.frames[kept], values=channel.values[kept]
        )
    return channel


def whole(channel: Channel) -> float:
    """A whole movement of a channel, of which ``Keys.bound`` is a share."""
    usual = _WHOLE.get(channel.path.rpartition(".")[2], 1.0)
    return float(max(np.ptp(channel.values), usual))


def _sampled(channel: Channel, frames: Array) -> Channel:
    values = np.interp(frames, channel.frames, channel.values)
    return dataclasses.replace(channel, frames=frames, values=values)
