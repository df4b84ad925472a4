"""Takes as BVH: the head's rotation and nothing else, as one joint named Head.

Y is up, the face looks along +Z and +X is the subject's left; centimetres.  The channels Yrotation
Xrotation Zrotation are degrees and multiply in this order, Ry(yaw) Rx(-pitch) Rz(-roll), which is
``rotation.head``.  BVH knows one frame time: frames are laid at even times, the median distance of
the take's, and angles in between are taken from the line between their neighbours.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import UserError

Array = NDArray[np.float64]
_ANGLES: Final = (("head.yaw", 1), ("head.pitch", -1), ("head.roll", -1))
_LONE: Final = 1 / 30  # s, the frame time of a single frame
_SKELETON: Final = """\
HIERARCHY
ROOT Head
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
  End Site
  {
    OFFSET 0 20 0
  }
}
MOTION
"""


def dumps(take: dict[str, Any]) -> str:
    """The text of a take's fields; UserError when it has no head rotation."""
    signals: dict[str, Array] = take["signals"]
    if not any(name in signals for name, _ in _ANGLES):
        raise UserError("This take has no head rotation, and BVH would hold nothing else.")
    times: Array = take["timestamps"]
    step = float(np.median(np.diff(times))) if len(times) > 1 else _LONE
    grid = times[0] + step * np.arange(round((times[-1] - times[0]) / step) + 1)
    still = np.zeros(len(times))
    angles = [sign * np.interp(grid, times, signals.get(name, still)) for name, sign in _ANGLES]
    lines = [f"0 0 0 {y:.6f} {x:.6f} {z:.6f}" for y, x, z in zip(*angles, strict=True)]
    return "\n".join([f"{_SKELETON}Frames: {len(grid)}", f"Frame Time: {step:.9f}", *lines, ""])
