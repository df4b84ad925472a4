# SPDX-License-Identifier: GPL-3.0-or-later
"""From the sliders to a clean-up.

Strengths multiply from level to level (overall, region, channel), offsets and smoothing add up,
limits narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mien.core.cleanup import Cleanup
from mien.core.parameters import ANGLE_SIGNALS, REGIONS, SIGNALS

if TYPE_CHECKING:
    from .tune_properties import MienTuning

Neutral = Literal["auto", "none"] | tuple[int, int]
_REGION_OF = {signal: region for region, signals in REGIONS.items() for signal in signals}


def cleanup(tuning: MienTuning, neutral: Neutral) -> Cleanup:
    """The clean-up that the sliders ask for; UserError where they contradict each other."""
    gain, added, calm, limits = {}, {}, {}, {}
    own = {channel.name: channel for channel in tuning.channels}
    for signal in SIGNALS:
        region = getattr(tuning.regions, _REGION_OF[signal])
        channel = own.get(signal) or own.get(signal.removesuffix(".L").removesuffix(".R"))
        gain[signal] = region.strength
        calm[signal] = tuning.smoothing + region.smoothing
        if signal in ANGLE_SIGNALS:
            added[signal], low, high = 0.0, -region.furthest, region.furthest
        else:
            added[signal] = tuning.offset + region.offset
            low, high = max(tuning.low, region.low), min(tuning.high, region.high)
        if channel:
            gain[signal] *= channel.strength
            calm[signal] += channel.smoothing
            added[signal] += channel.offset
            low, high = max(low, channel.low), min(high, channel.high)
        calm[signal] = min(max(calm[signal], 0.0), 1.0)
        limits[signal] = (low, high)
    return Cleanup(
        neutral=neutral,
        strength=tuning.strength,
        gain=gain,
        offset=added,
        calm=calm,
        limits=limits,
        mirror=tuning.mirror,
        regions=tuple(name for name in REGIONS if getattr(tuning.regions, name).use),
    )
