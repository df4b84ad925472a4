"""A take: what one face did over time, as named signals, and the files it travels in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import table, take_arkit, take_csv, take_json, take_livelink
from .errors import UserError
from .files import written_whole
from .names import nearest
from .parameters import IDENTITY, NAMES, SIGNALS
from .performer import Neutral

Array = NDArray[np.float64]


@dataclass
class Take:
    """One face over N frames.

    frames (N,) int; timestamps (N,) seconds, strictly increasing; confidence (N,) 0..1;
    success (N,) bool; signals: name from ``parameters.SIGNALS`` -> (N,), AUs in 0..1, angles in
    degrees with the signs of ``parameters``.  Where success is False a signal means nothing
    (``cleanup`` fills it in).  identity: (244,) in 0..1, who it is, or None.
    neutral: the face at rest that the take was measured against, or None.

    Raises ValueError when shapes, names or numbers contradict this.
    """

    frames: NDArray[np.int64]
    timestamps: Array
    confidence: Array
    success: NDArray[np.bool_]
    signals: dict[str, Array]
    face: int = 0
    source: str = ""
    identity: Array | None = None
    neutral: Neutral | None = None

    def __post_init__(self) -> None:
        self.frames = np.asarray(self.frames, np.int64)
        self.timestamps = np.asarray(self.timestamps, float)
        self.confidence = np.asarray(self.confidence, float)
        self.success = np.asarray(self.success, bool)
        self.signals = {name: np.asarray(v, float) for name, v in self.signals.items()}
        numbers = {"timestamps": self.timestamps, "confidence": self.confidence, **self.signals}
        for name, values in {"success": self.success, **numbers}.items():
            if values.shape != (len(self),):
                raise ValueError(f"{name} has shape {values.shape}, not ({len(self)},)")
        for name, values in numbers.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        if len(self) > 1 and np.diff(self.timestamps).min() <= 0:
            raise ValueError("the time stamps do not increase")
        for name in self.signals:
            if name not in SIGNALS:
                raise ValueError(f"no signal {name!r}{nearest(name, SIGNALS)}")
        if self.identity is not None:
            self.identity = np.asarray(self.identity, float)
            if self.identity.shape != (244,):
                raise ValueError(f"identity has shape {self.identity.shape}, not (244,)")

    def __len__(self) -> int:
        return len(self.frames)

    @classmethod
    def still(cls, signals: Mapping[str, float]) -> Take:
        """A take of one frame, at time 0, that shows these signals."""
        values = {name: np.array([value]) for name, value in signals.items()}
        return cls(np.zeros(1, int), np.zeros(1), np.ones(1), np.ones(1, bool), values)

    def fields(self) -> dict[str, Any]:
        """What it is made of, by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes ``.csv`` (OpenFace's columns; no source, identity, neutral) or ``.json`` (all)."""
        write = {".csv": take_csv.dumps, ".json": take_json.dumps}[_suffix(path)]
        with written_whole(path) as draft:
            draft.write_text(write(self.fields()), encoding="utf-8", newline="")

    def save_neutral(self, path: str | os.PathLike[str]) -> None:
        """Writes the performer's face at rest for other clips; UserError when it is not known."""
        if self.neutral is None:
            raise UserError(
                "This take does not hold the performer's face at rest: capture a clip that shows"
                " it, and mark the frames where it is not found by itself."
            )
        self.neutral.save(path)

    def save_identity(self, path: str | os.PathLike[str]) -> None:
        """Writes who it is, the face model's parameters by name, as JSON; UserError when it is not
        known."""
        if self.identity is None:
            raise UserError("This take does not say who it is: capture a clip that shows a face.")
        whole = dict(zip(NAMES[IDENTITY], self.identity.tolist(), strict=True))
        with written_whole(path) as draft:
            draft.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Take:
        """Reads a take, or CSV of OpenFace, Live Link Face or ARKit; UserError when it is none."""
        read = {".csv": _from_csv, ".json": take_json.loads}[_suffix(path)]
        try:
            fields: dict[str, Any] = read(Path(path).read_text(encoding="utf-8-sig"))
            return cls(**fields)
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path} is not a take: {reason}.") from error


def _from_csv(text: str) -> dict[str, Any]:
    """The fields of a take in CSV, told by its header; ValueError says why there are none."""
    header, rows = table.read(text)
    kinds = (take_livelink, take_arkit, take_csv)
    for kind in kinds:
        if kind.fits(header):
            return kind.fields(header, rows)
    expected = " nor ".join(kind.EXPECTED for kind in reversed(kinds))
    raise ValueError(f"it has neither {expected}")


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".json"):
        raise UserError(f"A take is a .csv or a .json file: give {path} one of these endings.")
    return suffix
