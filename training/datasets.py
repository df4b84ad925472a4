"""Readers of the face data sets of section 3.1, for whoever has their licences.

Each reads the layout in which the set is distributed, unpacked into one folder, and knows which
subjects the paper tests on.  Frames themselves are read by whoever needs them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import UserError

Array = NDArray[np.float64]

DISFA_AUS: Final = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
BP4D_AUS: Final = (6, 10, 12, 14, 17)


@dataclass(frozen=True)
class Clip:
    """Footage of one subject.  ``intensities`` holds, for every labelled AU, (N,) on the scale of
    0-5 with NaN where the coders gave none, of the frames ``frames`` (N,), counted from 0."""

    name: str
    subject: str
    footage: Path  # a video, or a folder of pictures
    testing: bool  # whether the paper tests on this subject
    frames: NDArray[np.int64]
    intensities: dict[str, Array]


Codes = tuple[NDArray[np.int64], dict[str, Array]]


@dataclass(frozen=True)
class Layout:
    title: str
    footage: str  # pattern below the folder, one match a clip
    subject: str  # pattern of the subject in that path
    tests: Callable[[list[str]], set[str]]  # those of the sorted subjects who are tested on
    codes: Callable[[Path, Path], Codes]  # of the folder and a clip's footage
    every: int = 24  # frames of it differ enough to be lessons of their own


def read_dataset(name: str, folder: Path, tests: bool = False) -> list[Clip]:
    """The clips of one of ``LAYOUTS`` in order, or of its test subjects alone; UserError where the
    folder is not in its layout."""
    return [
        Clip(
            path.relative_to(folder).as_posix(), who, path, tested,
            *LAYOUTS[name].codes(folder, path),
        )
        for path, who, tested in footage(name, folder)
        if tested or not tests
    ]  # fmt: skip


def footage(name: str, folder: Path) -> list[tuple[Path, str, bool]]:
    """(what shows it, the subject, whether the paper tests on this one) of every clip of one of
    ``LAYOUTS``, without its codes; UserError where the folder is not in its layout."""
    layout = LAYOUTS[name]
    found = sorted(folder.glob(layout.footage), key=lambda path: path.as_posix())
    if not found:
        raise UserError(
            f"{folder} is not {layout.title} as it is distributed: name the folder that holds "
            f"{layout.footage}."
        )
    subjects = []
    for path in found:
        match = re.search(layout.subject, path.relative_to(folder).as_posix())
        if match is None:
            raise UserError(f"{path} is not named as in {layout.title}: restore its name.")
        subjects.append(match[1])
    tested = layout.tests(sorted(set(subjects)))
    return [(path, who, who in tested) for path, who in zip(found, subjects, strict=True)]


def _table(path: Path, what: str) -> Array:
    """(N, M) of a text of numbers between commas or spaces."""
    try:
        with path.open(encoding="ascii") as file:
            rows = [[float(x) for x in row] for row in csv.reader(
                re.sub(r"[,\s]+", ",", line.strip()) for line in file if line.strip()
            )]  # fmt: skip
        return np.array(rows).reshape(len(rows), -1)
    except (OSError, ValueError):
        raise UserError(f"{path} is missing or no table of {what}: unpack it again.") from None


def _coded(values: Array) -> Array:
    """Intensities, NaN where they are not 0-5: coders write 9 for what cannot be seen."""
    return np.where((values >= 0) & (values <= 5), values, np.nan)


def _joined(tables: dict[str, Array], first: int) -> Codes:
    """Codes of tables (N, 2) of frame numbers from ``first`` on and intensities, of the frames that
    all of them have."""
    shared: Any = None
    for table in tables.values():
        numbers = set(table[:, 0].astype(int).tolist())
        shared = numbers if shared is None else shared & numbers
    frames = np.array(sorted(shared), np.int64)
    out = {}
    for au, table in tables.items():
        of = dict(zip(table[:, 0].astype(int).tolist(), table[:, 1], strict=True))
        out[au] = _coded(np.array([of[n] for n in frames.tolist()]))
    return frames - first, out


def _disfa(folder: Path, footage: Path) -> Codes:
    who = footage.stem.removeprefix("LeftVideo").removesuffix("_comp")
    labels = folder / "ActionUnit_Labels" / who
    return _joined(
        {f"AU{n:02d}": _table(labels / f"{who}_au{n}.txt", "AU codes") for n in DISFA_AUS}, 1
    )


def _bp4d(folder: Path, footage: Path) -> Codes:
    pictures = sorted(int(p.stem) for p in footage.glob("*.jpg") if p.stem.isdigit())
    place = {number: i for i, number in enumerate(pictures)}
    clip = f"{footage.parent.name}_{footage.name}"
    codes = folder / "AUCoding" / "AU_INT"
    numbers, intensities = _joined(
        {
            f"AU{n:02d}": _table(codes / f"AU{n:02d}" / f"{clip}_AU{n:02d}.csv", "AU codes")
            for n in BP4D_AUS
        },
        0,
    )
    kept = np.array([number in place for number in numbers.tolist()], bool)
    frames = np.array([place[number] for number in numbers[kept].tolist()], np.int64)
    return frames, {au: values[kept] for au, values in intensities.items()}


def _ck(folder: Path, footage: Path) -> Codes:
    """The last picture alone, the peak, is coded.  A unit that was seen but not graded is coded 0,
    one that was not seen is left out."""
    pictures = sorted(footage.glob("*.png"))
    path = folder / "FACS" / footage.parent.name / footage.name
    coded = sorted(path.glob("*_facs.txt"))
    if not pictures or not coded:
        return np.zeros(0, np.int64), {}
    text = coded[-1].read_text("ascii")
    table = _table(coded[-1], "AU codes") if text.strip() else np.zeros((0, 2))
    units = {f"AU{int(n):02d}": np.array([v if v else np.nan]) for n, v in table}
    return np.array([len(pictures) - 1]), units


def _uncoded(folder: Path, footage: Path) -> Codes:
    """The paper takes these for their expressions alone."""
    return np.zeros(0, np.int64), {}


LAYOUTS: Final[dict[str, Layout]] = {
    # The paper tests on 9 of the 27 and does not name them: here every third.
    "disfa": Layout(
        "DISFA", "Videos_LeftCamera/LeftVideoSN*_comp.avi", r"LeftVideo(SN\d{3})_comp",
        lambda subjects: set(subjects[2::3]), _disfa,
    ),
    # FERA 2015: women and men with odd numbers to learn from (21), with even ones to test (20).
    "bp4d": Layout(
        "BP4D", "2D+3D/[FM][0-9]*/T[0-9]*", r"2D\+3D/([FM]\d{3})/",
        lambda subjects: {who for who in subjects if int(who[1:]) % 2 == 0}, _bp4d,
    ),
    # 100 of the 123 for training, which the paper does not name: here the first.
    "ck+": Layout(
        "CK+", "cohn-kanade-images/S[0-9]*/[0-9]*", r"images/(S\d{3})/",
        lambda subjects: set(subjects[100:]), _ck, 6,
    ),
    "mmi": Layout(
        "MMI", "Sessions/*/S[0-9]*-[0-9]*.avi", r"/(S\d{3})-", lambda subjects: set(), _uncoded
    ),
    "facewarehouse": Layout(
        "FaceWarehouse", "Tester_*/TrainingPose", r"(Tester_\d+)/", lambda subjects: set(),
        _uncoded, 1,
    ),
}  # fmt: skip
