"""The one place that knows the layout of a parameter vector.

A vector holds, in this order, the 269 numbers of Song et al. 2020 (head pose 2, AU 23, identity
208, brow style 36) and, unless the layout is ``"paper"``, 16 more (asymmetry of 12 AUs, gaze 2,
cheek puff, jaw thrust).  Left and right are the subject's.  Signs: yaw > 0 turns to the subject's
left, pitch > 0 looks up, roll > 0 tilts towards the subject's left shoulder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

YAW_LIMIT: Final = 60.0  # degrees at parameter 0 or 1
PITCH_LIMIT: Final = 40.0
GAZE_YAW_LIMIT: Final = 40.0
GAZE_PITCH_LIMIT: Final = 30.0
FACS_SCALE: Final = 5.0  # parameter 1 is FACS level E, 5 on the scale of DISFA and BP4D

AU_MEANING: Final[dict[str, str]] = {
    "AU01": "inner brow raiser",
    "AU02": "outer brow raiser",
    "AU04": "brow lowerer",
    "AU05": "upper lid raiser",
    "AU06": "cheek raiser",
    "AU07": "lid tightener",
    "AU09": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU16": "lower lip depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU22": "lip funneler",
    "AU24": "lip presser",
    "AU25": "lips part",
    "AU26": "jaw drop, at 1 mouth stretch (AU27)",
    "AU28": "lip suck",
    "AU30.L": "jaw to the left",
    "AU30.R": "jaw to the right",
    "AU43": "eyes closed, blink included",
}
ACTION_MEANING: Final[dict[str, str]] = {"AD34": "cheek puff", "AU29": "jaw thrust"}
AUS: Final = tuple(AU_MEANING)
SIDED_AUS: Final = (
    "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU12", "AU14", "AU15", "AU20", "AU43",
)  # fmt: skip
BROW_STYLES: Final = 36

# Facial components: those in SIDED come as a mirrored pair that moves together.
SIDED_COMPONENTS: Final = (
    "brow_head", "brow_body", "brow_tail", "eye", "lid_upper_outer", "lid_upper_inner",
    "lid_lower", "eye_corner_inner", "eye_corner_outer", "cheekbone", "cheek_inner", "cheek",
    "mouth_side", "jaw_corner", "jaw_side", "chin_side", "temple", "forehead_inner",
    "forehead_outer", "ear", "nose_wing", "nose_side", "lip_upper", "lip_upper_outer",
    "lip_lower", "lip_lower_outer",
)  # fmt: skip
CENTRE_COMPONENTS: Final = (
    "nose_bridge", "nose_tip", "nose_bottom", "nose", "mouth", "chin", "jaw",
)  # fmt: skip
_SIDED_MOTIONS: Final = ("move_x", "move_y", "move_z", "scale_x", "scale_y", "scale_z")
_CENTRE_MOTIONS: Final = ("move_y", "move_z", "turn_x", "scale_x", "scale_y", "scale_z")
_SIDED_TURNS: Final = (
    "brow_head.turn_z", "brow_body.turn_z", "brow_tail.turn_z", "eye.turn_y", "eye.turn_z",
    "lid_upper_outer.turn_z", "ear.turn_x", "ear.turn_y", "ear.turn_z", "nose_wing.turn_z",
)  # fmt: skip

_MOTION_MEANING: Final = {
    "move": "position along {} (x: subject's left, mirrored on the right; y: up; z: forward)",
    "turn": "orientation about {} through the component's centre",
    "scale": "size along {} about the component's centre",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of the vector: ``low <= value <= high``, ``neutral`` where nothing happens."""

    name: str
    group: str  # pose | au | identity | brow | asymmetry | gaze | action
    neutral: float
    low: float
    high: float
    meaning: str


def _identity() -> Iterable[Parameter]:
    names = [f"{c}.{m}" for c in SIDED_COMPONENTS for m in _SIDED_MOTIONS]
    names += _SIDED_TURNS
    names += [f"{c}.{m}" for c in CENTRE_COMPONENTS for m in _CENTRE_MOTIONS]
    for name in names:
        component, motion = name.split(".")
        kind, axis = motion.split("_")
        meaning = f"{component.replace('_', ' ')}: {_MOTION_MEANING[kind].format(axis)}"
        yield Parameter(name, "identity", 0.5, 0.0, 1.0, meaning)


def _table() -> Iterable[Parameter]:
    yield Parameter(
        "head.yaw", "pose", 0.5, 0, 1, f"0..1 is -{YAW_LIMIT:g}..+{YAW_LIMIT:g} degrees"
    )
    yield Parameter(
        "head.pitch", "pose", 0.5, 0, 1, f"0..1 is -{PITCH_LIMIT:g}..+{PITCH_LIMIT:g} degrees"
    )
    for name, meaning in AU_MEANING.items():
        yield Parameter(name, "au", 0.02, 0, 1, f"{meaning}; 0..1 is FACS 0..E")
    yield from _identity()
    for i in range(BROW_STYLES):
        yield Parameter(f"brow_style.{i:02d}", "brow", 0.5, 0, 1, "one-hot; the largest is drawn")
    for name in SIDED_AUS:
        meaning = "s: left = a*min(1, 1+s), right = a*min(1, 1-s); +1 is left alone"
        yield Parameter(f"{name}.asymmetry", "asymmetry", 0.0, -1, 1, meaning)
    yield Parameter("gaze.yaw", "gaze", 0.5, 0, 1, f"0..1 is -/+{GAZE_YAW_LIMIT:g} degrees")
    yield Parameter("gaze.pitch", "gaze", 0.5, 0, 1, f"0..1 is -/+{GAZE_PITCH_LIMIT:g} degrees")
    for name, meaning in ACTION_MEANING.items():
        yield Parameter(name, "action", 0.0, 0, 1, meaning)


PARAMETERS: Final = tuple(_table())
NAMES: Final = tuple(p.name for p in PARAMETERS)
INDEX: Final = {p.name: i for i, p in enumerate(PARAMETERS)}
PAPER_SIZE: Final = 2 + len(AUS) + 208 + BROW_STYLES
SIZE: Final = len(PARAMETERS)

# The Take's angles and sliders, what a mapping may name as a signal.
AU_SIGNALS: Final = (
    *AUS,
    *(f"{au}.{side}" for au in SIDED_AUS for side in "LR"),
    "AU29",
    "AD34",
)
ANGLE_SIGNALS: Final = ("head.yaw", "head.pitch", "head.roll", "gaze.yaw", "gaze.pitch")
SIGNALS: Final = AU_SIGNALS + ANGLE_SIGNALS
# Of every signal but the sides of an AU, which mean the same on theirs.
SIGNAL_MEANING: Final[dict[str, str]] = {
    **AU_MEANING,
    **ACTION_MEANING,
    "head.yaw": "head turned to the left",
    "head.pitch": "head looking up",
    "head.roll": "head tilted to the left",
    "gaze.yaw": "gaze to the left",
    "gaze.pitch": "gaze up",
}
# Parts of a face that animators tune and choose together; every signal is in one.
_REGION_AUS: Final = {
    "brows": ("AU01", "AU02", "AU04"),
    "eyes": ("AU05", "AU07", "AU43"),
    "nose_cheeks": ("AU06", "AU09", "AD34"),
    "mouth": (
        "AU10", "AU12", "AU14", "AU15", "AU16", "AU17", "AU18", "AU20", "AU22", "AU24", "AU25",
        "AU28",
    ),
    "jaw": ("AU26", "AU29", "AU30"),
}  # fmt: skip
REGIONS: Final[dict[str, tuple[str, ...]]] = {
    **{r: tuple(s for s in AU_SIGNALS if s[:4] in aus) for r, aus in _REGION_AUS.items()},
    "head": ("head.yaw", "head.pitch", "head.roll"),
    "gaze": ("gaze.yaw", "gaze.pitch"),
}
_ANGLE_LIMITS: Final = {
    "head.yaw": YAW_LIMIT,
    "head.pitch": PITCH_LIMIT,
    "gaze.yaw": GAZE_YAW_LIMIT,
    "gaze.pitch": GAZE_PITCH_LIMIT,
}


def size(layout: str = "full") -> int:
    """Length of a vector: 285 for ``"full"``, 269 for ``"paper"``."""
    if layout not in ("full", "paper"):
        raise ValueError(f"unknown layout {layout!r}; use 'full' or 'paper'")
    return SIZE if layout == "full" else PAPER_SIZE


def group(name: str) -> slice:
    """The stretch of a vector that holds a group ('pose', 'au', 'identity', 'brow', ...)."""
    where = [i for i, p in enumerate(PARAMETERS) if p.group == name]
    if not where:
        raise KeyError(
            f"no parameter group {name!r}; there are {sorted({p.group for p in PARAMETERS})}"
        )
    return slice(where[0], where[-1] + 1)


# Who it is: the 208 controls and the brow style, (244,) of a vector.
IDENTITY: Final = slice(group("identity").start, group("brow").stop)


def neutral(layout: str = "full") -> Array:
    """The neutral vector: pose 0.5, AU 0.02, identity 0.5 (Song et al. 2020, section 3.1)."""
    return np.array([p.neutral for p in PARAMETERS[: size(layout)]])


def from_values(values: Mapping[str, float]) -> Array:
    """The neutral vector with some parameters set by name; KeyError names an unknown one."""
    y = neutral()
    for name, value in values.items():
        if name not in INDEX:
            raise KeyError(f"no parameter {name!r}")
        y[INDEX[name]] = value
    return y


def mirror_values(values: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
    """Parameters (..., N) of these names, of the face turned left to right."""
    out = values.copy()
    for i, name in enumerate(names):
        if name.endswith(".asymmetry"):
            out[..., i] *= -1
        elif name.endswith(".yaw"):
            out[..., i] = 1 - values[..., i]
        elif name.endswith((".L", ".R")):
            other = name[:-1] + ("R" if name.endswith("L") else "L")
            out[..., i] = values[..., names.index(other)]
    return out


def sides(intensity: ArrayLike, asymmetry: ArrayLike) -> tuple[Array, Array]:
    """(left, right) of a paired AU from its intensity in [0, 1] and asymmetry s in [-1, 1]."""
    a, s = np.asarray(intensity, float), np.asarray(asymmetry, float)
    return a * np.minimum(1, 1 + s), a * np.minimum(1, 1 - s)


def from_sides(left: ArrayLike, right: ArrayLike) -> tuple[Array, Array]:
    """(intensity, asymmetry) of a paired AU; the inverse of :func:`sides`."""
    lo, hi = np.asarray(left, float), np.asarray(right, float)
    a = np.maximum(lo, hi)
    return a, np.where(a > 1e-9, (lo - hi) / np.maximum(a, 1e-9), 0.0)


def angle(name: str, value: ArrayLike) -> Array:
    """Degrees of an angle parameter in [0, 1], such as ``"head.yaw"``."""
    return (np.asarray(value, float) * 2 - 1) * _ANGLE_LIMITS[name]


def from_angle(name: str, degrees: ArrayLike) -> Array:
    """The parameter of an angle in degrees, clipped to [0, 1]."""
    return np.clip(np.asarray(degrees, float) / _ANGLE_LIMITS[name] / 2 + 0.5, 0, 1)


def signals(y: ArrayLike) -> dict[str, Array]:
    """Named signals of vectors (..., 285) or (..., 269): AUs in [0, 1], angles in degrees.

    Every paired AU comes whole (the stronger side) and as ``.L`` and ``.R``.  Roll is not in the
    vector (it comes from the alignment) and is left out.
    """
    y = np.asarray(y, float)
    full = y.shape[-1] == SIZE
    out = {name: y[..., INDEX[name]] for name in AUS}
    for name in SIDED_AUS:
        s = y[..., INDEX[f"{name}.asymmetry"]] if full else np.zeros(y.shape[:-1])
        out[f"{name}.L"], out[f"{name}.R"] = sides(out[name], s)
    for name in ("AU29", "AD34"):
        out[name] = y[..., INDEX[name]] if full else np.zeros(y.shape[:-1])
    for name in _ANGLE_LIMITS:
        if INDEX[name] < y.shape[-1]:
            out[name] = angle(name, y[..., INDEX[name]])
    return out
