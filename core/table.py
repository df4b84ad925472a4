"""Comma-separated text as a header and numbers; what is wrong with it is said in a ValueError."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = list[list[str]]


def read(text: str) -> tuple[list[str], Rows]:
    """The header, its blanks stripped as OpenFace writes some, and the rows that hold anything."""
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        return header, [row for row in rows if row]
    except csv.Error as error:  # a cell without end, after a stray quote
        raise ValueError(f"a cell of it cannot be read ({error})") from None


def chosen(header: list[str], rows: Rows, wanted: Iterable[int]) -> tuple[list[str], Array]:
    """(names, table (N, K) as :func:`numbers`) of K columns; the others may hold what they like."""
    if any(len(row) != len(header) for row in rows):
        raise ValueError("its rows and its header differ in length")
    kept = list(wanted)
    names = [header[i] for i in kept]
    return names, numbers(names, [[row[i] for i in kept] for row in rows])


def numbers(header: list[str], rows: Rows) -> Array:
    """(N, columns) of rows as long as the header; an empty cell and every way to spell nan become
    nan."""
    try:
        table = np.array(rows, float)
    except ValueError:
        table = np.array([[_number(cell) for cell in row] for row in rows])
    return table.reshape(-1, len(header))


def _number(cell: str) -> float:
    cell = cell.strip().lower()
    if not cell or cell.lstrip("+-").startswith("nan"):  # Windows writes -nan(ind)
        return np.nan
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"a cell holds no number but {cell[:20]!r}") from None
