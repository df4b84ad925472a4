"""Tables in the shape of the paper's, beside the paper's own figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from mien.training.checkpoint import write_file

MEASURES: Final = ("ICC", "MAE")

# Table 1 of Song et al. 2020: the methods that learn without intensities, AU by AU, and as the
# last figure their average as the paper has it.
_PAPER: Final[dict[str, tuple[tuple[str, ...], dict[str, dict[str, tuple[float, ...]]]]]] = {
    "bp4d": (
        ("AU06", "AU10", "AU12", "AU14", "AU17"),
        {
            "ICC": {
                "GENet": (0.69, 0.85, 0.73, 0.63, 0.53, 0.68),
                "Song et al. 2020": (0.67, 0.62, 0.67, 0.62, 0.53, 0.62),
            },
            "MAE": {
                "GENet": (0.45, 0.60, 0.37, 0.40, 0.27, 0.42),
                "Song et al. 2020": (0.44, 0.31, 0.45, 0.48, 0.36, 0.41),
            },
        },
    ),
    "disfa": (
        (
            "AU01", "AU02", "AU04", "AU05", "AU06", "AU09", "AU12", "AU15", "AU17", "AU20", "AU25",
            "AU26",
        ),
        {
            "ICC": {
                "GENet": (
                    0.66, 0.67, 0.73, 0.71, 0.60, 0.59, 0.60, 0.66, 0.58, 0.45, 0.80, 0.70, 0.64,
                ),
                "Song et al. 2020": (
                    0.64, 0.74, 0.59, 0.67, 0.63, 0.58, 0.55, 0.61, 0.49, 0.50, 0.71, 0.66, 0.61,
                ),
            },
            "MAE": {
                "GENet": (
                    0.36, 0.33, 0.38, 0.14, 0.34, 0.36, 0.57, 0.18, 0.42, 0.26, 0.27, 0.32, 0.33,
                ),
                "Song et al. 2020": (
                    0.40, 0.21, 0.39, 0.16, 0.28, 0.30, 0.51, 0.15, 0.32, 0.19, 0.25, 0.26, 0.29,
                ),
            },
        },
    ),
}  # fmt: skip

# Table 2: what learns from intensities, on DISFA, (ICC, MAE).
_SUPERVISED: Final = {
    "CNN": (0.33, 0.42), "ResNet18": (0.27, 0.48), "CNN-IT": (0.38, 0.66),
    "Song et al. 2020": (0.61, 0.29),
}  # fmt: skip

Table = list[list[str]]  # the head first


def table_1(name: str, scores: Mapping[str, Mapping[str, float]]) -> Table:
    """A row for each measure and method: ``scores`` are mien's, measure -> AU -> figure, on
    ``"disfa"`` or ``"bp4d"``.  The last column is the average over the AUs."""
    aus, published = _PAPER[name]
    out = [["", "", *(au.removeprefix("AU") for au in aus), "Avg"]]
    for measure in MEASURES:
        ours = [scores[measure][au] for au in aus]
        rows = {**published[measure], "mien": (*ours, float(np.mean(ours)))}
        out += [[measure, method, *map(figure, row)] for method, row in rows.items()]
    return out


def table_2(scores: Mapping[str, Mapping[str, float]]) -> Table:
    """Averages on DISFA beside those of methods that learn from intensities."""
    icc, mae = (float(np.mean([*scores[measure].values()])) for measure in MEASURES)
    return side_by_side({**_SUPERVISED, "mien": (icc, mae)})


def side_by_side(columns: Mapping[str, tuple[float, float]]) -> Table:
    """A column for each method, of its ICC over its MAE."""
    rows = [[m, *(figure(c[i]) for c in columns.values())] for i, m in enumerate(MEASURES)]
    return [["", *columns], *rows]


def figure(value: float) -> str:
    """As the paper writes it: .67, 1.08."""
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"


def markdown(table: Table) -> str:
    """GitHub's tables."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]]) + "\n"


def write_tables(folder: Path, tables: Mapping[str, Table]) -> str:
    """Writes NAME.md and NAME.csv of every table; their Markdown in one."""
    for name, table in tables.items():
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(table)
        write_file(folder / f"{name}.csv", buffer.getvalue().encode())
        write_file(folder / f"{name}.md", markdown(table).encode())
    return "\n".join(markdown(table) for table in tables.values())
