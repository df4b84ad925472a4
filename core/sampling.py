"""What faces do, as a distribution over parameter vectors that one can read and plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import parameters

Array = NDArray[Any]

# FACS-typical combinations at full strength: smiles, surprise, anger, disgust, fear, sadness,
# tears, visemes, blinks.  Single AUs, sampled beside them, break what usually goes together.
COMBINATIONS: Final[tuple[dict[str, float], ...]] = (
    {"AU06": 0.8, "AU12": 1, "AU25": 0.7},
    {"AU06": 0.8, "AU12": 1, "AU25": 0.8, "AU26": 0.3},
    {"AU12": 1}, {"AU06": 0.7, "AU12": 0.8}, {"AU12": 0.8, "AU25": 0.8}, {"AU06": 1},
    {"AU01": 1, "AU02": 1, "AU05": 0.7, "AU26": 0.6, "AU25": 0.5},
    {"AU01": 1, "AU02": 1}, {"AU01": 0.9, "AU02": 0.9, "AU05": 0.8},
    {"AU04": 1, "AU09": 0.8, "AU10": 0.5}, {"AU04": 1, "AU07": 0.8}, {"AU04": 1},
    {"AU04": 0.9, "AU07": 0.7, "AU10": 0.8, "AU25": 0.6}, {"AU04": 0.8, "AU24": 0.9},
    {"AU15": 0.8, "AU17": 1}, {"AU17": 1, "AU24": 0.5}, {"AU17": 1, "AU18": 0.7}, {"AU17": 1},
    {"AU15": 0.5, "AU17": 1, "AU18": 0.9}, {"AU17": 0.9, "AU18": 0.5, "AU24": 0.7},
    {"AU17": 1, "AU26": 0.4}, {"AU17": 1, "AU26": 0.8}, {"AU17": 1, "AU18": 0.6, "AU26": 0.5},
    {"AU17": 0.6, "AU26": 0.6}, {"AU15": 1},
    {"AU01": 0.8, "AU04": 0.8, "AU15": 0.8}, {"AU01": 1, "AU04": 0.6},
    {"AU01": 0.7, "AU04": 0.6, "AU20": 0.9, "AU25": 0.7, "AU26": 0.3},
    {"AU25": 1, "AU26": 0.5}, {"AU26": 1, "AU25": 1}, {"AU26": 0.7}, {"AU25": 1, "AU16": 0.6},
    {"AU25": 0.8}, {"AU25": 0.6, "AU26": 0.2}, {"AU20": 0.8, "AU25": 0.6}, {"AU20": 0.9},
    {"AU43": 1}, {"AU43": 1, "AU12": 0.5}, {"AU43": 0.5}, {"AU43": 1, "AU06": 0.7, "AU12": 0.7},
    {"AU18": 1}, {"AU22": 1, "AU25": 0.8, "AU26": 0.2}, {"AU22": 0.8}, {"AU18": 0.8, "AU25": 0.4},
    {"AU14": 1}, {"AU24": 1}, {"AU28": 1}, {"AU12": 0.6, "AU14": 0.6}, {"AU07": 1},
    {"AU10": 0.9, "AU12": 0.7, "AU25": 0.9, "AU06": 0.7}, {"AU10": 1}, {"AU09": 1},
    {"AU01": 0.8, "AU02": 0.8, "AU12": 0.8, "AU25": 0.7, "AU26": 0.3},
    {"AU06": 0.8, "AU07": 0.5, "AU09": 0.6, "AU10": 0.6}, {"AD34": 1}, {"AU29": 1},
    {"AU06": 0.8, "AU12": 1, "AU25": 0.8, "AU26": 0.9}, {"AU12": 0.9, "AU26": 0.8},
    {"AU10": 0.6, "AU12": 0.8, "AU20": 0.5, "AU25": 0.9, "AU26": 0.9},
    # Eyes closed in tears, not in laughter, and a mouth as wide.
    {"AU01": 0.8, "AU04": 0.7, "AU15": 0.6, "AU17": 0.6, "AU43": 0.9},
    {"AU01": 0.7, "AU04": 0.8, "AU07": 0.6, "AU17": 0.5, "AU20": 0.7, "AU43": 1},
    {"AU01": 0.6, "AU04": 0.6, "AU14": 0.7, "AU17": 0.6, "AU20": 0.5, "AU43": 0.8},
    {"AU04": 0.9, "AU06": 0.7, "AU07": 0.8, "AU15": 0.5, "AU20": 0.6, "AU25": 0.6, "AU43": 0.8},
    {"AU01": 0.6, "AU06": 0.6, "AU10": 0.5, "AU20": 0.7, "AU25": 0.8, "AU26": 0.5, "AU43": 0.9},
    {"AU15": 0.4, "AU17": 1, "AU18": 0.8, "AU26": 0.4}, {"AU17": 1, "AU18": 1, "AU26": 0.3},
    {"AU06": 0.6, "AU12": 1, "AU14": 0.5, "AU16": 0.4, "AU25": 1},
)  # fmt: skip

# The smile of photographs, of all that faces do the most usual: teeth shown, cheeks raised or not.
# Each unit by itself, of any strength between the two; what is drawn below 0 does not move.
SMILE: Final = {
    "AU06": (-0.2, 1.0), "AU07": (-0.5, 0.5), "AU10": (-0.5, 0.5), "AU12": (0.4, 1.0),
    "AU16": (-0.5, 0.6), "AU20": (-0.5, 0.5), "AU25": (0.4, 1.0), "AU26": (-0.3, 0.3),
}  # fmt: skip

# Pairs that no face holds at once; of each, one is dropped.
CLASHES: Final = (
    ("AU24", "AU25"), ("AU24", "AU26"), ("AU24", "AU22"), ("AU24", "AU10"), ("AU24", "AU16"),
    ("AU28", "AU25"), ("AU28", "AU26"), ("AU28", "AU22"), ("AU28", "AU18"), ("AU28", "AU10"),
    ("AU28", "AU16"), ("AU18", "AU20"), ("AU18", "AU12"), ("AU22", "AU20"), ("AU22", "AU12"),
    ("AU43", "AU05"), ("AU12", "AU15"), ("AU20", "AU14"), ("AU17", "AU16"),
    ("AU18", "AU22"), ("AU15", "AU10"), ("AU14", "AU22"), ("AU14", "AU18"), ("AU24", "AU28"),
    ("AU17", "AU22"), ("AU30.L", "AU30.R"), ("AD34", "AU26"), ("AD34", "AU25"), ("AD34", "AU22"),
)  # fmt: skip

# Single AUs; what is hard to see must be seen more often.
_SUBTLE: Final = ("AU05", "AU06", "AU07", "AU14", "AU16", "AU17", "AU20", "AU24", "AU28")
_SPARSE: Final = (*parameters.AUS, *_SUBTLE, "AD34", "AU29")


def action_units(rng: np.random.Generator) -> dict[str, float]:
    """AUs (and asymmetries) of one believable expression, by parameter name."""
    a: dict[str, float] = {}
    kind = rng.random()
    # Many units at once: pictures are dear, and each is a lesson in all that move in it.
    if kind < 0.44:  # single units
        for i in rng.choice(len(_SPARSE), rng.integers(2, 11), replace=False):
            a[_SPARSE[i]] = float(rng.random() ** 0.8)
    else:
        if kind < 0.58:
            drawn = {au: float(rng.uniform(*between)) for au, between in SMILE.items()}
            a |= {au: strength for au, strength in drawn.items() if strength > 0}
        else:
            combination = COMBINATIONS[rng.integers(len(COMBINATIONS))]
            strength = 0.2 + 0.8 * rng.random()
            for au, w in combination.items():
                a[au] = min(1.0, strength * w * rng.uniform(0.7, 1.3))
        for i in rng.choice(len(_SPARSE), rng.integers(0, 6), replace=False):
            a.setdefault(_SPARSE[i], float(rng.random() * 0.8))
    if rng.random() < 0.12:  # a blink at any moment, of any degree
        a["AU43"] = float(rng.random())
    if rng.random() < 0.2:  # and a jaw that drops: shouts, speech
        a["AU26"] = float(rng.random())
    if rng.random() < 0.06:  # laughter, the widest that faces open
        laugh = {"AU06": 0.7, "AU12": 0.9, "AU25": 0.8, "AU26": 0.8}
        a |= {au: min(1.0, w * rng.uniform(0.6, 1.3)) for au, w in laugh.items()}
    for x, y in CLASHES:
        if x in a and y in a:
            del a[x if rng.random() < 0.5 else y]
    one_sided = rng.random() < 0.5
    for au in [k for k in a if k in parameters.SIDED_AUS]:
        if one_sided and rng.random() < 0.7:
            a[f"{au}.asymmetry"] = float(
                rng.uniform(-1, 1) if rng.random() < 0.5 else rng.choice([-1, 1])
            )
        else:
            a[f"{au}.asymmetry"] = float(np.clip(rng.normal(0, 0.06), -1, 1))
    return a


# Each AU alone on both sides, and those that have sides on one of them too.
ALONE: Final = (*((au, 0) for au in parameters.AUS), *((au, 1) for au in parameters.SIDED_AUS))


def alone(rng: np.random.Generator, identity: Array, turn: int) -> Array:
    """(285,) like :func:`vector`, with the ``turn``-th of ``ALONE`` between .4 and 1 and all else
    at rest; at rest altogether where ``turn`` is negative.  All else is the same for every
    ``turn``."""
    y = parameters.from_values(pose(rng))
    y[parameters.group("au")] = 0
    strength, side = rng.uniform(0.4, 1), rng.choice([-1, 1])
    if turn >= 0:
        au, sided = ALONE[turn % len(ALONE)]
        y[parameters.INDEX[au]] = strength
        if sided:
            y[parameters.INDEX[f"{au}.asymmetry"]] = side
    y[parameters.IDENTITY] = identity
    return y


def pose(rng: np.random.Generator) -> dict[str, float]:
    """Head and gaze of one picture, by parameter name; mostly near the front, extremes too."""
    wide = rng.random() < 0.2
    yaw = rng.uniform(-55, 55) if wide else rng.normal(0, 16)
    pitch = rng.uniform(-32, 32) if wide else rng.normal(0, 10)
    free = rng.random() < 0.5
    gaze_yaw = rng.uniform(-30, 30) if free else -0.5 * yaw + rng.normal(0, 5)
    gaze_pitch = rng.uniform(-22, 22) if free else -0.5 * pitch + rng.normal(0, 5)
    degrees = {
        "head.yaw": yaw, "head.pitch": pitch, "gaze.yaw": gaze_yaw, "gaze.pitch": gaze_pitch,
    }  # fmt: skip
    return {k: float(parameters.from_angle(k, v)) for k, v in degrees.items()}


def vector(rng: np.random.Generator, identity: Array, expression: bool = True) -> Array:
    """(285,) with an identity (244,), a pose, and an expression unless it is a neutral picture."""
    values = pose(rng)
    if expression:
        values |= action_units(rng)
    y = parameters.from_values(values)
    y[parameters.group("au")] = np.maximum(y[parameters.group("au")], 0)
    if not expression:
        y[parameters.group("au")] = 0.0
    y[parameters.IDENTITY] = identity
    return y


def studio(
    rng: np.random.Generator, sample_identity: Callable[[np.random.Generator], Array]
) -> Array:
    """(285,) of what G is to draw: believable people and expressions, and a quarter of the paper's
    uniform ones."""
    y = uniform(rng)
    return vector(rng, sample_identity(rng)) if rng.random() < 0.75 else y


def uniform(rng: np.random.Generator) -> Array:
    """(285,) as the paper samples for G: every one of the 269 uniform in [0, 1], symmetric."""
    y = parameters.neutral()
    y[: parameters.PAPER_SIZE] = rng.random(parameters.PAPER_SIZE)
    brow = parameters.group("brow")
    y[brow] = 0
    y[brow.start + rng.integers(parameters.BROW_STYLES)] = 1
    return y
