"""What a face does right now: each frame on its own, against a neutral learnt as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import parameters
from .cleanup import ANGLE_UNIT, BETA
from .estimator import Estimator, Sample
from .frames import Frame
from .head_pose import with_head_pose
from .one_euro import OneEuro

Array = NDArray[np.float64]

LEARN: Final = 90  # frames of a face from which its neutral is learnt ...
AGAIN: Final = 15  # ... and how often meanwhile
CUTOFF: Final = 3.0  # Hz at rest; what is live cannot wait for the frames to come
LATE: Final = 0.02  # s by which a frame may be late before it is left out
BEHIND: Final = 0.2  # s after which one is shown nevertheless, and the others wait for it


class Live:
    """Estimates the newest frame of one face and smooths it without looking ahead.

    ``neutral`` finds the face at rest among the frames so far, or None.
    """

    def __init__(self, estimator: Estimator, neutral: Callable[[], Sample | None]) -> None:
        self._estimator, self._neutral = estimator, neutral
        self._rest: Sample | None = None
        self._seen = 0
        units = [
            ANGLE_UNIT if name in parameters.ANGLE_SIGNALS else 1.0 for name in parameters.SIGNALS
        ]
        self._units = np.array(units)
        self._smooth = OneEuro(CUTOFF, BETA)

    def __call__(self, sample: Sample, roll: float, now: float) -> dict[str, float]:
        """The signals of a frame at ``now`` seconds: AUs in 0..1, angles in degrees."""
        self._seen += 1
        if self._seen <= LEARN and self._seen % AGAIN == 1:
            self._rest = self._neutral()
        vector = self._estimator([sample], self._rest)[0]
        signals = with_head_pose(parameters.signals(vector), roll)
        values = np.array([float(signals[name]) for name in parameters.SIGNALS]) / self._units
        smooth = self._smooth(values, now) * self._units
        return {name: float(value) for name, value in zip(parameters.SIGNALS, smooth, strict=True)}


def paced(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Frames at the time that their time stamps say, as a camera gives them: none too early, and
    those left out for which it is too late, but for one now and then of footage that is read more
    slowly than it plays."""
    began: float | None = None
    shown = 0.0
    for frame in frames:
        now = time.monotonic()
        early = 0.0 if began is None else began + frame.time - now
        if began is None or (early <= -LATE and now - shown > BEHIND):
            began, early = now - frame.time, 0.0
        if early > 0:
            time.sleep(early)
        if early > -LATE:
            yield frame
            shown = time.monotonic()
