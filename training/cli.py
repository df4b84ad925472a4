"""`mien train`, `mien evaluate`, `mien fit`, `mien export` and `mien calibrate`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from mien.core.models import WEIGHTS
from mien.training import evaluate, export
from mien.training.ablations import ablate
from mien.training.calibrate import calibrate
from mien.training.calibrate_parser import calibrate_parser
from mien.training.checkpoint import make_folder, write_file
from mien.training.compare import compare
from mien.training.crosstalk import crosstalk, write_crosstalk
from mien.training.data import load_pairs
from mien.training.evaluate_datasets import TESTED, dataset_tables, evaluate_dataset
from mien.training.fit import STEPS, fit_image
from mien.training.tables import write_tables
from mien.training.task import Task, positive
from mien.training.task_regressor import FROZEN, add_frozen
from mien.training.train import TASKS, pick_device, train

DRAWING: Final = ("generator", "parser")  # the networks that a fit goes through


def _tell(scores: dict[str, Any], out: Path | None) -> None:
    text = json.dumps(scores, indent=1)
    print(text)
    if out:
        write_file(out, (text + "\n").encode())


def _train(args: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(args).items() if name not in ("command", "run")}
    report = train(given.pop("network"), given.pop("pairs"), **given)
    if report:
        print(json.dumps(report["scores"], indent=1))
    return 0


def _evaluate_pairs(args: argparse.Namespace) -> int:
    scores = evaluate.evaluate_pairs(args.folders, args.device, args.weights, args.plots)
    _tell(scores, args.out)
    return 0


def _evaluate_crosstalk(args: argparse.Namespace) -> int:
    matrix, faces = crosstalk(load_pairs(*args.folders), args.device, args.weights)
    write_crosstalk(args.out, matrix, faces)
    others = np.abs(matrix[~np.eye(len(matrix), dtype=bool)])
    print(
        f"{faces.sum()} faces; of one AU at full, the others answer with {np.nanmean(others):.1%} "
        f"in the mean and {np.nanmax(others):.1%} at most."
    )
    return 0


def _evaluate_dataset(args: argparse.Namespace) -> int:
    make_folder(args.out)  # told before the work, not after it
    scores = evaluate_dataset(args.what, args.folder, args.device)
    print(write_tables(args.out, dataset_tables(args.what, scores)), end="")
    print(
        f"{scores['subjects']} subjects, {scores['frames']} coded frames, of which "
        f"{scores['frames without a face']} show no face."
    )
    return 0


def _evaluate_fit(args: argparse.Namespace) -> int:
    networks = {name: getattr(args, name) for name in (*DRAWING, "regressor")}
    pairs, device = load_pairs(*args.folders), pick_device(args.device)
    _tell(compare(pairs, networks, device, args.count, args.steps), args.out)
    return 0


def _evaluate_ablations(args: argparse.Namespace) -> int:
    networks = {name: getattr(args, name) for name in FROZEN}
    given = args.folders, networks, args.out, args.minutes, args.device
    print(ablate(*given, args.width, args.batch, args.landmarks), end="")
    return 0


def _fit(args: argparse.Namespace) -> int:
    device = pick_device(args.device)
    out = args.out or args.image.with_name(f"{args.image.stem}_fit.json")
    report = fit_image(args.image, args.generator, args.parser, out, device, args.steps)
    first, last = report["content loss"].values()
    print(f"{out}: content loss {first:.4f} -> {last:.4f} in {report['seconds']} s.")
    return 0


def _export(args: argparse.Namespace) -> int:
    for path in export.export_folder(args.runs, args.out, args.mean):
        print(path)
    return 0


def _calibrate(args: argparse.Namespace) -> int:
    what = args.folders, args.device, args.weights
    if args.network == "parser":
        for name, more in calibrate_parser(*what).items():
            print(f"{name:10s} {more:+.2f}")
        return 0
    for unit, (gain, offset) in calibrate(*what).items():
        print(f"{unit:7s} {gain:.2f} {-offset:+.2f}")
    return 0


def _add_task(learn: argparse.ArgumentParser, task: type[Task]) -> None:
    learn.add_argument(
        "--pairs", type=Path, required=True, nargs="+", help="folders of pairs-*.tar"
    )
    learn.add_argument("--out", type=Path, required=True, help="for checkpoint and report")
    learn.add_argument(
        "--minutes", type=positive(float), default=12, help="wall-clock budget in all"
    )
    learn.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    learn.add_argument(
        "--resume", type=Path, nargs="?", const=True, default=False, metavar="CHECKPOINT",
        help="go on from the checkpoint in --out, or from a copy of this one",
    )  # fmt: skip
    learn.add_argument(
        "--shipped", action="store_true", help="begin with the network that capture runs"
    )
    learn.add_argument("--batch", type=int, help="samples in a step, on each graphics card")
    task.add_options(learn)
    learn.set_defaults(run=_train)


def _add_evaluate(evaluation: argparse.ArgumentParser) -> None:
    whats = evaluation.add_subparsers(dest="what", required=True, metavar="WHAT")
    test = whats.add_parser("pairs", help="the shipped networks on held-out rendered people")
    test.add_argument("folders", type=Path, nargs="+", help="folders of pairs-*.tar")
    test.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the networks")
    test.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    test.add_argument("--plots", type=Path, help="folder for a picture of every AU, said and true")
    test.set_defaults(run=_evaluate_pairs)
    test = whats.add_parser("crosstalk", help="what the networks say of AUs that do not move")
    test.add_argument("folders", type=Path, nargs="+", help="folders of pairs-*.tar")
    test.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the networks")
    test.add_argument("--out", type=Path, default=Path("crosstalk"), help="without ending")
    test.set_defaults(run=_evaluate_crosstalk)
    test = whats.add_parser("fit", help="R against GENet's iterative fit through G")
    test.add_argument("folders", type=Path, nargs="+", help="folders of pairs-*.tar")
    add_frozen(test, DRAWING)
    test.add_argument("--regressor", type=Path, required=True, help="R: regressor.pt")
    test.add_argument("--count", type=positive(int), default=100, help="held-out faces (100)")
    test.add_argument("--steps", type=positive(int), default=STEPS, help=f"of descent ({STEPS})")
    test.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    test.set_defaults(run=_evaluate_fit)
    test = whats.add_parser("ablations", help="R without each of its losses, and the baselines")
    test.add_argument("folders", type=Path, nargs="+", help="folders of pairs-*.tar")
    add_frozen(test)
    test.add_argument(
        "--landmarks", type=Path, help="landmarks.pt, to stand in for F_seg (the shipped one)"
    )
    test.add_argument("--width", type=int, default=512, help="numbers in R's FC layers")
    test.add_argument(
        "--minutes", type=positive(float), default=60, help="wall-clock budget of each run"
    )
    test.add_argument("--batch", type=int, help="samples in a step")
    test.add_argument("--out", type=Path, required=True, help="folder of runs, tables and fig6.png")
    test.set_defaults(run=_evaluate_ablations)
    for name in TESTED:
        test = whats.add_parser(name, help=f"capture on the test subjects of {name.upper()}")
        test.add_argument("folder", type=Path, help="the set as it is distributed, unpacked")
        test.add_argument("--out", type=Path, default=Path(), help="folder of the tables")
        test.set_defaults(run=_evaluate_dataset)
    for test in whats.choices.values():
        test.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def add_parsers(subparsers: Any) -> None:
    """Adds the commands to the subparsers of `mien`; each sets ``run(args) -> exit status``."""
    learn = subparsers.add_parser(
        "train", help="train a network on rendered pairs",
        epilog="On several graphics cards: torchrun --nproc-per-node 4 --no-python mien train ...",
    )  # fmt: skip
    networks = learn.add_subparsers(dest="network", required=True, metavar="NETWORK")
    for name, task in sorted(TASKS.items()):
        _add_task(networks.add_parser(name), task)

    _add_evaluate(subparsers.add_parser("evaluate", help="measure how good the networks are"))

    one = subparsers.add_parser("fit", help="the parameters of one picture's face, through G")
    one.add_argument("image", type=Path)
    one.add_argument("-o", "--out", type=Path, help=".json; a .png lies beside it (IMAGE_fit.json)")
    add_frozen(one, DRAWING)
    one.add_argument("--steps", type=positive(int), default=STEPS, help=f"of descent ({STEPS})")
    one.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    one.set_defaults(run=_fit)

    ship = subparsers.add_parser("export", help="turn checkpoints into the networks of capture")
    ship.add_argument("runs", type=Path, help="the --out folder of 'mien train'")
    ship.add_argument("--out", type=Path, default=WEIGHTS)
    ship.add_argument(
        "--mean", action="store_true",
        help="the means of what shipped and of what was taught on from it, often better than both",
    )  # fmt: skip
    ship.set_defaults(run=_export)

    tune = subparsers.add_parser("calibrate", help="make them say as much of strangers as is there")
    tune.add_argument("folders", type=Path, nargs="+", help="folders of pairs-*.tar")
    tune.add_argument(
        "--network", choices=("estimator", "parser"), default="estimator",
        help="how much is said of each unit (estimator), or how readily each class (parser)",
    )  # fmt: skip
    tune.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the networks")
    tune.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    tune.set_defaults(run=_calibrate)
