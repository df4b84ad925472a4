"""Takes as the CSV of Live Link Face, Epic's face capture on the iPhone.

A row is Timecode, BlendshapeCount (61), the 52 shapes of ARKit with a capital letter in front,
and three angles each of the head, the left and the right eye.

Time codes are HH:MM:SS:FF.fff, where FF counts frames from the start of the second and fff
thousandths of one: recordings go from 14:58:02:59.666 to 14:58:03:00.668.  The file does not say
how many frames make a second; it is the smallest usual rate above the highest FF at which frames
are evenly apart, or the smallest of all, and 60, the app's own, in a file too short to tell.

Angles are radians.  The head's yaw > 0 turns to the subject's left, pitch > 0 looks up, roll > 0
tilts towards the right shoulder; the eyes go the other way round, yaw > 0 to the right and pitch
> 0 down.  The eyes' unit and signs are seen in recordings
(https://github.com/alexdjulin/LiveLinkFace-CSV-Retarget-For-Motionbuilder, anim/ and csv/), where
EyeLookIn, Out, Up and Down rise with them by 1.6 to 2.0 a radian; both eyes' yaw is some 0.07 off
there, each towards its temple.  Those recordings have no head rotation.  Its signs are the ones of
https://github.com/markandre13/makehuman.js-backend, src/livelink/livelink.cc, which turns a face
by the app's packets as Rz(roll) Rx(-pitch) Ry(yaw), x to the subject's left, y up, z forward, and
of https://github.com/JimWest/MeFaMo, which sends to Unreal Engine in the app's place.  Held in
landscape the app writes yaw and pitch the other way round, says
https://github.com/nmfisher/blender_livelinkface; that cannot be told from a file.  In which order
the three axes follow one another is written nowhere, and those two sources differ: we take ours.

A recording without head rotation, an option of the app, has zeros there: the take then has no
head signals.  Gaze comes from the eyes' angles, else from the EyeLook shapes.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import arkit
from .table import Rows, numbers

Array = NDArray[np.float64]
EXPECTED: Final = "Live Link Face's (Timecode, BlendshapeCount, EyeBlinkLeft, ...)"
RATE: Final = 60  # frames in a second of time code, as the app has it
_USUAL_RATES: Final = (24, 25, 30, 48, 50, 60, 120)
_DAY: Final = 86400.0
_TIMECODE: Final = re.compile(r"\s*(\d+):(\d+):(\d+)[:;.](\d+(?:\.\d+)?)\s*")
ANGLES: Final = {
    "HeadYaw": ("head.yaw", 1.0),
    "HeadPitch": ("head.pitch", 1.0),
    "HeadRoll": ("head.roll", -1.0),
    "LeftEyeYaw": ("gaze.yaw", -1.0),
    "LeftEyePitch": ("gaze.pitch", -1.0),
    "LeftEyeRoll": ("", 0.0),
    "RightEyeYaw": ("gaze.yaw", -1.0),
    "RightEyePitch": ("gaze.pitch", -1.0),
    "RightEyeRoll": ("", 0.0),
}
# In the app's order, which is not quite ARKit's.
_SHAPES: Final = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft",
    "EyeSquintLeft", "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight",
    "EyeLookOutRight", "EyeLookUpRight", "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight",
    "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft",
    "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight", "MouthDimpleLeft",
    "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight",
    "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
)  # fmt: skip


def dumps(take: dict[str, Any]) -> str:
    """The text of a take's fields, its first time stamp at 00:00:00:00.

    The format cannot say that a frame shows no face: fill the gaps first.
    """
    signals: dict[str, Array] = take["signals"]
    times = take["timestamps"] - take["timestamps"][:1]
    still = np.zeros(len(times))
    shapes = arkit.shapes(signals, len(times))
    columns = [shapes[name[0].lower() + name[1:]] for name in _SHAPES]
    columns += [np.radians(sign * signals.get(name, still)) for name, sign in ANGLES.values()]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Timecode", "BlendshapeCount", *_SHAPES, *ANGLES])
    for time, *values in zip(times, *columns, strict=True):
        writer.writerow([_timecode(time), len(values), *(f"{v:.10f}" for v in values)])
    return text.getvalue()


def _timecode(time: float) -> str:
    thousandths = round(time * RATE * 1000)
    seconds, part = divmod(thousandths, RATE * 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour % 24:02d}:{minute:02d}:{second:02d}:{part // 1000:02d}.{part % 1000:03d}"


def fits(header: list[str]) -> bool:
    """Whether the columns look like Live Link Face's."""
    return header[:1] == ["Timecode"]


def fields(header: list[str], rows: Rows) -> dict[str, Any]:
    """The fields of a take, its first time stamp 0; ValueError says why the table holds none."""
    if not rows:
        raise ValueError("it holds no frame")
    times = _seconds([row[0] for row in rows])
    fresh = np.append(True, np.diff(times) != 0)  # a frame may be written twice
    padding = [""] * len(header)  # a row may end early where the face was lost
    cells = [(row + padding)[1 : len(header)] for row in rows]
    table = numbers(header[1:], cells)
    return take_fields(header[1:], table[fresh], (times - times[0])[fresh])


def take_fields(columns: list[str], table: Array, times: Array) -> dict[str, Any]:
    """The fields of a take of named columns (N, columns) of shapes, and of angles if there are."""
    found = arkit.find_shapes(tuple(columns))
    if not found:
        raise ValueError(f"it has no blend shape; it should have {EXPECTED}")
    count = [i for i, name in enumerate(columns) if name.lower() == "blendshapecount"]
    lost = (table[:, count] == 0).any(axis=1)
    used = [columns.index(name) for names in found.values() for name in names]
    used += [i for i, name in enumerate(columns) if name in ANGLES]
    whole = np.isfinite(table[:, used]).all(axis=1)
    data = dict(zip(columns, np.nan_to_num(table, posinf=0.0, neginf=0.0).T, strict=True))
    means = {shape: np.mean([data[n] for n in names], axis=0) for shape, names in found.items()}
    return {
        "frames": np.arange(len(times)),
        "timestamps": times,
        "confidence": (whole & ~lost).astype(float),
        "success": whole & ~lost,
        "signals": arkit.signals(means) | _angles(data),
    }


def _angles(data: dict[str, Array]) -> dict[str, Array]:
    """Degrees with our signs; the two eyes' mean."""
    out: dict[str, list[Array]] = {}
    for column, (name, sign) in ANGLES.items():
        if name and column in data:
            out.setdefault(name, []).append(sign * np.degrees(data[column]))
    for part in ("head.", "gaze."):
        names = [name for name in out if name.startswith(part)]
        if not any(np.any(values) for name in names for values in out[name]):
            for name in names:
                del out[name]
    return {name: np.mean(values, axis=0) for name, values in out.items()}


def _seconds(codes: list[str]) -> Array:
    """(N,) s, past midnight and on."""
    parts = []
    for code in codes:
        match = _TIMECODE.fullmatch(code)
        if not match:
            raise ValueError(f"its time code {code[:20]!r} is not HH:MM:SS:FF.fff")
        parts.append([float(part) for part in match.groups()])
    hours, minutes, seconds, frames = np.array(parts).T
    whole = 3600 * hours + 60 * minutes + seconds
    highest = int(frames.max())
    rates = [rate for rate in _USUAL_RATES if rate > highest]
    if not rates:
        raise ValueError(f"its time codes count {highest} frames in a second; 120 are too many")
    if not np.ptp(whole):
        rates = [max(rates[0], RATE)]
    # Frames of slow footage never come near their rate: but at it alone they are evenly apart.
    clocks = [np.unwrap(whole + frames / rate, period=_DAY) for rate in rates]
    return next((clock for clock in clocks if _unevenness(clock) < 0.01), clocks[0])


def _unevenness(times: Array) -> float:
    apart = np.diff(times)
    return float(apart.std() / max(apart.mean(), 1e-9)) if len(apart) else 0.0
