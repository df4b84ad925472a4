"""What each loss gives, by one command: Tables 1 to 3 and Fig. 6 on held-out rendered people.

mien evaluate ablations PAIRS --generator G --minutes 60 --out DIR

Every run lies in a folder of its own; the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.parameters import AUS
from mien.training.checkpoint import read_network, write_picture
from mien.training.data import Pairs, Pixels, load_pairs
from mien.training.evaluate import evaluate_pairs, held_out
from mien.training.metrics import Scores
from mien.training.regressor import Regressor
from mien.training.tables import MEASURES, Table, figure, side_by_side, write_tables
from mien.training.task import sheet
from mien.training.task_regressor import RegressorTask
from mien.training.train import train

FULL: Final = "full"
WITHOUT: Final = ("id", "lp", "pr", "adv")  # the rows of Table 3
BASELINES: Final = {"CNN": "cnn", "ResNet18": "resnet18"}
SHOWN: Final = {FULL: FULL, "without_ct": "no content", "with_landmarks": "with landmarks"}
WHOLE: Final = "R, five losses"
SHIPPED: Final = {"without neutral": "shipped", "with neutral": "shipped, face at rest known"}
FACES: Final = 8  # in the rows of Fig. 6
_TILE: Final = 128  # px
_AVERAGES: Final = ("mean ICC(3,1) of 23 AUs", "mean MAE of 23 AUs, 0-5")
_BY_UNIT: Final = ("ICC(3,1)", "MAE, 0-5")


def ablate(
    folders: Sequence[Path],
    networks: dict[str, Path],
    out: Path,
    minutes: float,
    device: str,
    width: int = 512,
    batch: int | None = None,
    landmarks: Path | None = None,
) -> str:
    """Teaches R whole and without each of its losses, and the baselines, some minutes each, and
    judges them beside what ships; the tables' Markdown.

    ``networks`` are the checkpoints ``generator``, ``parser`` and ``recognizer``, and ``landmarks``
    that of the network which stands in for F_seg in one of the runs; None for what ships.
    ``width`` is R's, ``batch`` that of every run.  Writes table1 to table3 (.md, .csv) and fig6.png
    into ``out``.
    """
    common = {**networks, "width": width}
    runs: dict[str, dict[str, Any]] = {FULL: {}}
    runs |= {f"without_{term}": {"without": [term]} for term in (*WITHOUT, "ct")}
    runs |= {
        "without_beginning": {"beginning": 0.0},
        "with_beta_1": {"beta": 1.0},
        "with_landmarks": {"landmarks": landmarks or True},
    }
    judged = evaluate_pairs(folders, device)  # what is wrong with the pairs is told before the work
    for name, own in runs.items():
        begun = (out / name / "regressor.pt").exists()
        train("regressor", folders, out / name, minutes, device, begun, batch, **common, **own)
    for task in BASELINES.values():
        begun = (out / task / f"{task}.pt").exists()
        train(task, folders, out / task, minutes, device, begun, batch)
    scores = {name: read_scores(out / task / f"{task}.json") for name, task in BASELINES.items()}
    learnt = {name: read_scores(out / name / "regressor.json") for name in runs}
    scores[WHOLE] = learnt.pop(FULL)
    scores |= {label: judged[name] for name, label in SHIPPED.items()}
    rows = {term: averages(learnt[f"without_{term}"]) for term in WITHOUT}
    others = {f"R {name.replace('_', ' ')}": found for name, found in learnt.items()}
    tables = {
        "table1": by_unit({**scores, **others}),
        "table2": side_by_side({name: averages(found) for name, found in scores.items()}),
        "table3": table_3(rows, averages(scores[WHOLE])),
    }
    pairs = load_pairs(*folders)
    drawn = {
        label: draw(pairs, out / name / "regressor.pt", {**common, **runs[name]})
        for name, label in SHOWN.items()
    }
    write_picture(out / "fig6.png", figure_6(drawn))
    return write_tables(out, tables)


def read_scores(report: Path) -> Scores:
    """Those of a run's report."""
    return dict(json.loads(report.read_text("utf-8"))["scores"])


def averages(scores: Scores) -> tuple[float, float]:
    """(ICC, MAE), the means over 23 AUs."""
    icc, mae = (float(scores[name]) for name in _AVERAGES)
    return icc, mae


def by_unit(scores: Mapping[str, Scores]) -> Table:
    """A row for each measure and method, as Table 1; the last column is the average."""
    out = [["", "", *(au.removeprefix("AU") for au in AUS), "Avg"]]
    for i, (measure, key) in enumerate(zip(MEASURES, _BY_UNIT, strict=True)):
        for method, found in scores.items():
            row = [*(found[key][au] for au in AUS), averages(found)[i]]
            out.append([measure, method, *map(figure, row)])
    return out


def table_3(rows: dict[str, tuple[float, float]], full: tuple[float, float]) -> Table:
    """Table 3: which terms were there, ICC and MAE; whole at the end."""
    head = [*(f"L_{term}" for term in WITHOUT), "ICC", "MAE"]
    out = [
        [*("×" if term == missing else "✓" for term in WITHOUT), *map(figure, scores)]
        for missing, scores in rows.items()
    ]
    return [head, *out, ["✓"] * len(WITHOUT) + [*map(figure, full)]]


def draw(pairs: Pairs, checkpoint: Path, options: dict[str, Any]) -> NDArray[np.float32]:
    """(FACES, 2, S, S, 3) in 0..1: held-out faces, and as G draws what this R says of them."""
    task = RegressorTask(pairs, **options)
    indices = np.resize(np.array(held_out(pairs)), FACES)
    images, _ = task.batch(np.random.default_rng(13), indices, disturbed=False)
    y = task.say(read_network(checkpoint, Regressor), images)
    with torch.no_grad():
        both = torch.stack((images, task.generator(y)), 1)
    return np.asarray(both.permute(0, 1, 3, 4, 2).numpy())


def figure_6(drawn: dict[str, NDArray[np.float32]]) -> Pixels:
    """A row of the faces, and one of what each R makes of them, named on the left."""
    faces = next(iter(drawn.values()))[:, 0]
    rows = {"input": faces, **{name: both[:, 1] for name, both in drawn.items()}}
    tiles = []
    for name, row in rows.items():
        label = np.full((_TILE, _TILE, 3), 255, np.uint8)
        at = (6, _TILE // 2 + 4)
        cv2.putText(label, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(label)
        for face in row:
            tiles.append(cv2.resize((face * 255).round().astype(np.uint8), (_TILE, _TILE)))
    return sheet(tiles, FACES + 1)
