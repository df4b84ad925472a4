"""A performer's face at rest: what takes are measured against, and a file for the next clip."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from .errors import UserError
from .estimator import Sample
from .files import tagged, written_whole

_FORMAT: Final = "mien neutral"
_VERSION: Final = 1
_POINTS: Final = 68


@dataclass(frozen=True, slots=True)
class Neutral(Sample):
    """A face at rest.  network: that of the Models that saw it, as no other sees the same
    features."""

    network: str

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Neutral:
        """The inverse of :meth:`fields`; ValueError, KeyError or TypeError when it is not."""
        points = np.asarray(fields["points"], np.float32)
        features = np.asarray(fields["features"], np.float32)
        if points.shape != (_POINTS, 2) or features.ndim not in (1, 2):
            raise ValueError(f"its points have shape {points.shape}, not ({_POINTS}, 2)")
        if not (np.isfinite(points).all() and np.isfinite(features).all()):
            raise ValueError("it holds numbers that are not finite")
        return cls(points, features, str(fields["network"]))

    def fields(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "points": self.points.tolist(),
            "features": self.features.tolist(),
            "network": self.network,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it, as JSON; UserError when that cannot be."""
        whole = {"format": _FORMAT, "version": _VERSION, **self.fields()}
        with written_whole(path) as draft:
            draft.write_text(json.dumps(whole, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str], network: str) -> Neutral:
        """Reads one; UserError when it is none, or when another network saw it."""
        try:
            text = Path(path).read_text(encoding="utf-8")
            neutral = cls.from_fields(tagged(text, _FORMAT, _VERSION))
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path} is not a saved neutral: {reason}.") from error
        # Features of one look, (F,), are of a time when no mirror image was seen.
        if neutral.network != network or neutral.features.ndim == 1:
            raise UserError(
                f"The neutral {path} was made with other networks: save it again from a new take."
            )
        return neutral
