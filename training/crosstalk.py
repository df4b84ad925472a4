"""How much of one action unit leaks into the others: `mien evaluate crosstalk DIR`."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import models
from mien.core.errors import UserError
from mien.core.estimator import Estimator
from mien.core.parameters import AUS, INDEX
from mien.training.checkpoint import write_file, write_picture
from mien.training.data import Pairs, Pixels
from mien.training.evaluate import Array, held_out, see
from mien.training.networks import VALUES

_REST: Final = 0.03  # an action unit up to here is neutral
_ACTIONS: Final = (*AUS, "AD34", "AU29")
_CELL: Final = 44  # px
_EDGE: Final = 70  # px for the names


def crosstalk(
    pairs: Pairs, device: str = "auto", weights: Path = models.WEIGHTS
) -> tuple[Array, NDArray[np.int64]]:
    """How every AU answers when one alone moves: (23, 23), and how many faces (23,) tell it.

    Of the held-out people those samples are taken in which one AU alone moves.  Row i,
    column j: what the shipped networks say of AU j for each unit of AU i, by least squares through
    the same person's neutral face, which they are given.  NaN where no face moves AU i alone.
    UserError where no face moves any AU alone.
    """
    moved = pairs.values[:, [VALUES.index(name) for name in _ACTIONS]] > _REST
    single = (moved.sum(1) == 1) & moved[:, : len(AUS)].any(1) & (pairs.neutral >= 0)
    alone = [i for i in held_out(pairs, weights) if single[i]]
    if not alone:
        raise UserError("No held-out face in these pairs moves one AU alone: render more of them.")
    nets = models.load(device, weights)
    estimator = Estimator(nets.estimator, nets.values)
    seen = see(pairs, alone, nets).samples
    units = [INDEX[au] for au in AUS]
    count = len(AUS)
    power, answers, faces = np.zeros(count), np.zeros((count, count)), np.zeros(count, np.int64)
    for i in alone:
        rest = seen[int(pairs.neutral[i])]
        said = estimator.seen([seen[i], rest], rest)[:, units]
        au = int(moved[i].argmax())
        strength = float(pairs.values[i, VALUES.index(AUS[au])])
        answers[au] += strength * (said[0] - said[1])
        power[au] += strength**2
        faces[au] += 1
    with np.errstate(invalid="ignore"):
        return answers / power[:, None], faces


def write_crosstalk(out: Path, matrix: Array, faces: NDArray[np.int64]) -> None:
    """Writes OUT.csv, a row for each AU that moves, and OUT.png."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["moves", "faces", *AUS])
    for au, count, row in zip(AUS, faces, matrix, strict=True):
        table.writerow([au, count, *("" if np.isnan(v) else f"{v:.3f}" for v in row)])
    write_file(out.with_name(f"{out.name}.csv"), buffer.getvalue().encode())
    write_picture(out.with_name(f"{out.name}.png"), picture(matrix))


def picture(matrix: Array) -> Pixels:
    """RGB of a cross-talk matrix (23, 23): red is more than nothing, blue less, grey unknown; the
    figures are % of the AU that moves, whose row it is."""
    known = np.nan_to_num(matrix).clip(-1, 1)
    fade = np.abs(known)[..., None] ** 0.7  # so that a tenth is seen
    ink = np.where(known[..., None] > 0, (200, 40, 30), (30, 70, 200))
    cells = np.where(np.isnan(matrix)[..., None], 215, (1 - fade) * 255 + fade * ink)
    grid = np.kron(cells.round().astype(np.uint8), np.ones((_CELL, _CELL, 1), np.uint8))
    out = cv2.copyMakeBorder(grid, _EDGE, 0, _EDGE, 0, cv2.BORDER_CONSTANT, value=(255,) * 3)
    out[_EDGE::_CELL] = out[:, _EDGE::_CELL] = 230

    def write(text: str, x: int, y: int, colour: int) -> None:
        cv2.putText(
            out, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (colour,) * 3, 1, cv2.LINE_AA
        )

    for i, au in enumerate(AUS):
        middle = _EDGE + i * _CELL + _CELL // 2
        write(au.removeprefix("AU"), 20, middle + 5, 0)
        write(au.removeprefix("AU"), middle - 14, _EDGE - 10, 0)
        for j, value in enumerate(matrix[i]):
            if abs(value) >= 0.005:  # not NaN
                text = f"{100 * value:.0f}"
                x = _EDGE + j * _CELL + _CELL // 2 - 4 * len(text)
                write(text, x, middle + 5, 255 if abs(value) > 0.45 else 0)
    write("moves", 4, _EDGE - 24, 110)
    write("is said", _EDGE + 4, 18, 110)
    return np.asarray(out, np.uint8)
