"""How good: agreement of intensities, errors of pose and landmarks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core import parameters
from mien.training.networks import VALUES

Array = NDArray[np.float64]
Scores = dict[str, Any]

ONE_SIDED: Final = 0.4  # of an AU's full strength, between its sides


def icc31(ratings: ArrayLike) -> float:
    """ICC(3,1) of ratings (targets, judges), after Shrout & Fleiss 1979: consistency of fixed
    judges, (BMS - EMS) / (BMS + (k - 1) EMS).  0 where nothing varies."""
    x = np.asarray(ratings, float)
    n, k = x.shape
    rows, columns, mean = x.mean(1), x.mean(0), x.mean()
    between = k * ((rows - mean) ** 2).sum() / (n - 1)
    rest = x - rows[:, None] - columns + mean
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    total = between + (k - 1) * error
    return float((between - error) / total) if total > 1e-12 else 0.0


def landmark_error(found: ArrayLike, truth: ArrayLike) -> Array:
    """(N,) mean distance of landmarks (N, 68, 2) in % of the outer eye corners' distance."""
    f, t = np.asarray(found, float), np.asarray(truth, float)
    eyes = np.linalg.norm(t[:, 36] - t[:, 45], axis=-1)
    # In profile the corners fall together; the face's height stands in.
    eyes = np.maximum(eyes, 0.45 * np.ptp(t[..., 1], axis=1))
    return np.asarray(100 * np.linalg.norm(f - t, axis=-1).mean(1) / eyes)


def estimator_scores(found: ArrayLike, truth: ArrayLike) -> Scores:
    """ICC(3,1) and MAE (0-5 scale) per AU, angle errors in degrees, and the share of the one-sided
    AUs whose stronger side is the right one, of values (N, 41)."""
    f, t = np.asarray(found, float), np.asarray(truth, float)
    column = {name: (t[:, i], f[:, i]) for i, name in enumerate(VALUES)}
    unsided = (*parameters.AUS, "AU29", "AD34")
    icc = {name: icc31(np.stack(column[name], 1)) for name in unsided}
    kept: list[bool] = []
    for au in parameters.SIDED_AUS:
        pair = [parameters.sides(column[au][k], column[f"{au}.asymmetry"][k]) for k in (0, 1)]
        apart, said = (left - right for left, right in pair)
        kept += list((apart * said > 0)[np.abs(apart) > ONE_SIDED])
        for side, letter in enumerate("LR"):
            icc[f"{au}.{letter}"] = icc31(np.stack([pair[0][side], pair[1][side]], 1))
    mae = {name: float(np.abs(column[name][0] - column[name][1]).mean()) for name in unsided}
    degrees = {
        name: float(np.abs(np.subtract(*(parameters.angle(name, v) for v in column[name]))).mean())
        for name in ("head.yaw", "head.pitch", "gaze.yaw", "gaze.pitch")
    }
    sides = {"side kept, of one-sided AUs": float(np.mean(kept))} if kept else {}
    return {
        "mean ICC(3,1) of 23 AUs": float(np.mean([icc[name] for name in parameters.AUS])),
        "mean MAE of 23 AUs, 0-5": parameters.FACS_SCALE
        * float(np.mean([mae[name] for name in parameters.AUS])),
        "pose error, degrees": float(np.mean([degrees["head.yaw"], degrees["head.pitch"]])),
        **sides,
        "degrees": degrees,
        "ICC(3,1)": icc,
        "MAE, 0-5": {name: parameters.FACS_SCALE * value for name, value in mae.items()},
    }
