"""Takes as CSV in OpenFace's columns, so that its users and their files feel at home.

https://github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format: radians, camera axes (x right and
y down in the image, so that a head that turns to the subject's left has a negative pose_Ry and
one that looks up a negative pose_Rx), AUs 0..5.  OpenFace's gaze is that of the camera, ours that
of the head: head and eye angles add up, to first order.  Sides (AU12_L_r) are our addition.

OpenFace measures 17 intensities; all but AU23, which our vector has not, are read.  Presence
(AU12_c) adds nothing to an intensity and is left aside, but AU28 has nothing else.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .parameters import AU_SIGNALS, FACS_SCALE, SIDED_AUS
from .table import Rows, chosen

Array = NDArray[np.float64]
EXPECTED: Final = "OpenFace's columns (frame, timestamp, AU01_r, ..., pose_Rx, ...)"
PRESENT: Final = 3 / FACS_SCALE  # what an AU counts that is only known to be there: FACS level C
_POSE = {"pose_Rx": ("head.pitch", -1), "pose_Ry": ("head.yaw", -1), "pose_Rz": ("head.roll", 1)}
_GAZE = {
    "gaze_angle_x": ("gaze.yaw", 1, "head.yaw"),
    "gaze_angle_y": ("gaze.pitch", -1, "head.pitch"),
}


def _column(signal: str, kind: str = "r") -> str:
    """AU12.L -> AU12_L_r; the closed eye, AU43, is written as OpenFace's AU45."""
    return f"{signal.replace('AU43', 'AU45').replace('.', '_')}_{kind}"


_READ = {
    "frame", "face_id", "timestamp", "confidence", "success", *_POSE, *_GAZE,
    *(_column(signal, kind) for signal in AU_SIGNALS for kind in "rc"),
}  # fmt: skip


def dumps(take: dict[str, Any]) -> str:
    """The text of a take's fields; see ``Take`` for their shapes."""
    signals: dict[str, Array] = take["signals"]
    n = len(take["frames"])
    columns: dict[str, Any] = {
        "frame": take["frames"],
        "face_id": np.full(n, take["face"]),
        "timestamp": take["timestamps"],
        "confidence": take["confidence"],
        "success": take["success"].astype(int),
    }
    for column, (name, sign) in _POSE.items():
        if name in signals:
            columns[column] = sign * np.radians(signals[name])
    for column, (name, sign, head) in _GAZE.items():
        if name in signals:
            columns[column] = sign * np.radians(signals[name] + signals.get(head, 0.0))
    for name in AU_SIGNALS:
        if name in signals:
            columns[_column(name)] = signals[name] * FACS_SCALE
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([v if isinstance(v, np.integer) else f"{v:.6f}" for v in row])
    return text.getvalue()


def fits(header: list[str]) -> bool:
    """Whether the columns look like OpenFace's."""
    return any(name == "frame" or name.startswith(("AU", "pose_R")) for name in header)


def fields(header: list[str], rows: Rows) -> dict[str, Any]:
    """The fields of a take; ValueError says why the table holds none."""
    missing = [name for name in ("frame", "timestamp") if name not in header]
    if missing:
        raise ValueError(f"it has no column {missing[0]!r}; it should have {EXPECTED}")
    columns, table = chosen(header, rows, (i for i, n in enumerate(header) if n in _READ))
    # OpenFace writes nan where it lost the face: such rows are no success, whatever they say.
    whole = np.isfinite(table).all(axis=1)
    data = dict(zip(columns, np.nan_to_num(table, nan=0.0, posinf=0.0, neginf=0.0).T, strict=True))
    ones = np.ones(len(table))
    faces = np.unique(data.get("face_id", np.zeros(1)))
    if len(faces) > 1:
        raise ValueError(f"it holds {len(faces)} faces; keep the rows of one face_id")
    signals = _signals(data)
    if not signals:
        raise ValueError(f"it has no action unit and no head pose; it should have {EXPECTED}")
    return {
        "frames": data["frame"].astype(np.int64),
        "timestamps": data["timestamp"],
        "confidence": data.get("confidence", ones),
        "success": (data.get("success", ones) > 0.5) & whole,
        "signals": signals,
        "face": int(faces[0]) if len(faces) else 0,
    }


def _signals(data: dict[str, Array]) -> dict[str, Array]:
    out = {}
    for name in AU_SIGNALS:
        if _column(name) in data:
            out[name] = np.clip(data[_column(name)] / FACS_SCALE, 0, 1)
        elif _column(name, "c") in data:
            out[name] = PRESENT * (data[_column(name, "c")] > 0.5)
    for au in SIDED_AUS:  # a file without sides moves both alike
        if au in out:
            for side in "LR":
                out.setdefault(f"{au}.{side}", out[au])
    for column, (name, sign) in _POSE.items():
        if column in data:
            out[name] = sign * np.degrees(data[column])
    for column, (name, sign, head) in _GAZE.items():
        if column in data:
            out[name] = sign * np.degrees(data[column]) - out.get(head, 0.0)
    return out
