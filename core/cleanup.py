"""Clean-up of a take, in this order: sides swapped, gaps, the performer's neutral, gain and offset,
smoothing, limits, regions."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .names import nearest
from .one_euro import zero_phase
from .parameters import ANGLE_SIGNALS, AU_SIGNALS, AUS, REGIONS, SIDED_AUS, SIGNALS
from .take import Take

Array = NDArray[np.float64]
T = TypeVar("T")

GAP: Final = 0.5  # s: shorter gaps are crossed in a line, longer ones held, then left this slowly
QUIET_SHARE: Final = 0.1  # of the frames with a face serve as the clip's own neutral ...
QUIET_FRAMES: Final = 5  # ... and at least so many
AUTO_NEUTRAL_LIMIT: Final = 0.2  # a clip that smiles throughout must keep its smile
ANGLE_UNIT: Final = 30.0  # degrees that count as much as a whole AU when smoothing
CUTOFFS: Final = (8.0, 0.5)  # Hz at rest, for smoothing just above 0 and for 1
_OTHER_SIDE: Final = {"L": "R", "R": "L"}
BETA: Final = 6.0  # Hz per unit/s: fast movements, blinks above all, stay


@dataclass(frozen=True)
class Cleanup:
    """Settings.  Names are those of ``parameters.SIGNALS``; "AU12" speaks for its sides too.

    neutral: "auto" takes each AU's level in the clip's quietest frames as its zero and leaves
    angles alone; (start, end) takes frame numbers, both included, that the user marked, for AUs
    and angles; "none" changes nothing.  strength multiplies every AU, gain the signals it names,
    0 and more.  offset is added to the signals it names, AUs in 0..1, angles in degrees.
    smoothing 0 (off) .. 1; calm has its own for the signals it names.  limits: (low, high), in the
    units of offset.  mirror swaps left and right, and the names above are those of the character
    that comes out.  regions: those of ``parameters.REGIONS`` that are kept; signals of others leave
    the take, so that what they would move keeps its animation.
    """

    neutral: Literal["auto", "none"] | tuple[int, int] = "auto"
    strength: float = 1.0
    smoothing: float = 0.5
    gain: Mapping[str, float] = field(default_factory=dict)
    offset: Mapping[str, float] = field(default_factory=dict)
    calm: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    mirror: bool = False
    regions: Collection[str] = tuple(REGIONS)

    def __post_init__(self) -> None:
        for name in (*self.gain, *self.offset, *self.calm, *self.limits):
            if name not in SIGNALS:
                raise UserError(f"There is no signal {name!r}{nearest(name, SIGNALS)}.")
        for name in self.regions:
            if name not in REGIONS:
                raise UserError(f"There is no region {name!r}{nearest(name, REGIONS)}.")
        for value in (self.smoothing, *self.calm.values()):
            if not 0 <= value <= 1:
                raise UserError(f"Smoothing is {value:g}; give a number from 0 to 1.")
        if min(self.strength, *self.gain.values(), 0) < 0:
            raise UserError("Strength and gain must not be negative; give 0 or more.")
        for name, (low, high) in self.limits.items():
            if low > high:
                raise UserError(f"The limits of {name} stand the wrong way round; swap them.")


def clean(take: Take, settings: Cleanup = Cleanup()) -> Take:
    """A new take with every frame filled in; ``success`` still tells what was seen.

    Raises UserError when the take holds no face, or the neutral range none.
    """
    if not take.success.any():
        raise UserError("The take holds no frame with a face; capture a clip that shows one.")
    signals = mirrored(take.signals) if settings.mirror else take.signals
    if not take.success.all():
        signals = {name: _fill(take, values) for name, values in signals.items()}
    signals = dict(signals)
    zero = _neutral(take, settings, signals)
    for name, values in signals.items():
        gain, offset = _by_name(settings.gain, name, 1.0), _by_name(settings.offset, name, 0.0)
        if name in ANGLE_SIGNALS:
            signals[name] = (values - zero.get(name, 0.0)) * gain + offset
        else:
            # From neutral..1 to 0..1, as Epic's calibration has it.
            rest = min(zero.get(name, 0.0), 0.99)
            moved = (values - rest) / (1 - rest) * gain * settings.strength
            signals[name] = np.clip(moved + offset, 0, 1)
    if len(take) > 1:
        signals |= _smooth(signals, take.timestamps, settings)
    for name in signals:
        signals[name] = np.clip(signals[name], *_by_name(settings.limits, name, (-np.inf, np.inf)))
    for au in SIDED_AUS:  # the whole is the stronger side, whatever was done to either
        if f"{au}.L" in signals and f"{au}.R" in signals:
            signals[au] = np.maximum(signals[f"{au}.L"], signals[f"{au}.R"])
    kept = {name for region in settings.regions for name in REGIONS[region]}
    signals = {name: values for name, values in signals.items() if name in kept}
    return dataclasses.replace(take, signals=signals)


def mirrored(signals: Mapping[str, Array]) -> dict[str, Array]:
    """The signals of the face in a mirror: sides swapped, turns and tilts the other way."""
    out = {}
    for name, values in signals.items():
        stem, _, last = name.rpartition(".")
        if last in _OTHER_SIDE:
            out[f"{stem}.{_OTHER_SIDE[last]}"] = values
        else:
            out[name] = -values if last in ("yaw", "roll") else values
    return out


def _by_name(table: Mapping[str, T], name: str, default: T) -> T:
    """The entry of a signal, else of the AU it is a side of."""
    return table.get(name, table.get(name.removesuffix(".L").removesuffix(".R"), default))


def _fill(take: Take, values: Array) -> Array:
    """Values in frames without a face: from one side of the gap to the other, held at the ends."""
    seen = np.flatnonzero(take.success)
    times, known = take.timestamps[seen], values[seen]
    long = np.flatnonzero(np.diff(times) > GAP)
    long = long[np.diff(seen)[long] > 1]  # a slow camera leaves no gap
    times = np.insert(times, long + 1, times[long + 1] - GAP)
    known = np.insert(known, long + 1, known[long])
    return np.interp(take.timestamps, times, known)


def _neutral(take: Take, settings: Cleanup, signals: Mapping[str, Array]) -> dict[str, float]:
    """The performer's level at rest, by signal."""
    if settings.neutral == "none":
        return {}
    if settings.neutral == "auto":
        frames = _quiet(take, [signals[name] for name in AUS if name in signals])
        return {
            name: min(float(np.median(values[frames])), AUTO_NEUTRAL_LIMIT)
            for name, values in signals.items()
            if name in AU_SIGNALS
        }
    start, end = settings.neutral
    frames = np.flatnonzero((take.frames >= start) & (take.frames <= end) & take.success)
    if not len(frames):
        raise UserError(f"Frames {start} to {end} show no face; choose another neutral range.")
    return {name: float(np.median(values[frames])) for name, values in signals.items()}


def _quiet(take: Take, aus: Iterable[Array]) -> NDArray[np.intp]:
    """The frames in which the face does least."""
    seen = np.flatnonzero(take.success)
    activity = sum(aus, np.zeros(len(take)))[seen]
    count = max(QUIET_FRAMES, round(QUIET_SHARE * len(seen)))
    return np.asarray(seen[np.argsort(activity, kind="stable")[:count]])


def _smooth(signals: Mapping[str, Array], times: Array, settings: Cleanup) -> Mapping[str, Array]:
    """The signals that are to be smoothed, smoothed."""
    amounts = {name: _by_name(settings.calm, name, settings.smoothing) for name in signals}
    amounts = {name: amount for name, amount in amounts.items() if amount}
    if not amounts:
        return {}
    low, high = CUTOFFS
    cutoffs = low * (high / low) ** np.array(list(amounts.values()))
    units = np.array([ANGLE_UNIT if name in ANGLE_SIGNALS else 1.0 for name in amounts])
    table = np.stack([signals[name] for name in amounts], axis=1) / units  # (N, signals)
    return dict(zip(amounts, (zero_phase(table, times, cutoffs, BETA) * units).T, strict=True))
