# SPDX-License-Identifier: GPL-3.0-or-later
"""`mien render-pairs`: pictures of faces and the parameters that made them, as WebDataset shards.

A shard is written whole or not at all, so an interrupted run goes on where it stopped; shards may
be shared out among processes and machines.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path

from mien.core.errors import UserError

from .render_card import NAME as CARD
from .render_card import write_card
from .render_picture import SAMPLES, PairRenderer
from .render_preview import write_preview
from .render_shards import PER_SHARD, last_index, read_shard, remove_leftovers, write_shard


def main(argv: list[str]) -> int:
    """The command; raises UserError for what a user can mend."""
    args = _arguments(argv)
    if args.count is not None:
        _render(args)
    if args.preview:
        write_preview(args.out, args.preview)
        print(args.preview)
    return 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    p = argparse.ArgumentParser("mien render-pairs", description=__doc__.splitlines()[0])
    p.add_argument("--count", type=int, help="pairs in all, those already there included")
    p.add_argument("--out", type=Path, required=True, help="folder of the shards")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--flavour", choices=("studio", "wild", "alone"), default="wild")
    p.add_argument("--engine", choices=("auto", "cycles", "eevee", "workbench"), default="auto")
    p.add_argument("--size", type=int, default=256, help="of the pictures in px (256)")
    p.add_argument(
        "--samples", type=int, default=SAMPLES,
        help=f"Cycles' rays for each pixel ({SAMPLES}); pictures far below 256 px want more",
    )  # fmt: skip
    p.add_argument("--geometry", action="store_true", help="depth and normals of each picture too")
    p.add_argument("--shard", default="0/1", help="i/n: render every n-th shard from the i-th")
    p.add_argument("--preview", type=Path, metavar="FILE.png", help="draw the folder's first pairs")
    args = p.parse_args(argv)
    try:
        args.first, args.step = (int(x) for x in args.shard.split("/"))
        if not 0 <= args.first < args.step:
            raise ValueError
    except ValueError:
        raise UserError(f"--shard {args.shard} is not i/n with 0 <= i < n, such as 0/4") from None
    if args.count is None and not args.preview:
        raise UserError("say how many pairs with --count, or draw those there are with --preview")
    if args.count is not None and args.count < 1:
        raise UserError("--count must be at least 1")
    if args.samples < 1:
        raise UserError("--samples must be at least 1")
    return args


def _render(args: argparse.Namespace) -> None:
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UserError(f"cannot write to {args.out}: {e.strerror}; choose another --out") from None
    _refuse_a_mixture(args)
    remove_leftovers(args.out)
    todo = {}
    for n in range(args.first, -(-args.count // PER_SHARD), args.step):
        path = args.out / f"pairs-{n:05d}.tar"
        indices = range(n * PER_SHARD, min((n + 1) * PER_SHARD, args.count))
        if last_index(path) < indices[-1]:  # none, torn, or of a smaller --count
            todo[path] = indices
    if todo:
        renderer = PairRenderer(
            args.seed, args.flavour, args.size, args.engine, args.geometry, args.samples
        )
        progress = Progress(sum(map(len, todo.values())))
        for path, indices in todo.items():
            try:
                write_shard(renderer, path, indices, progress.tick)
            except OSError as e:
                raise UserError(
                    f"cannot write {path}: {e.strerror}; free some space and run again"
                ) from None
            progress.show()
        if sys.stdout.isatty():
            print()
    else:
        print("all pairs are there already")
    if todo or not (args.out / CARD).exists():
        write_card(args.out)


def _refuse_a_mixture(args: argparse.Namespace) -> None:
    whole = (p for p in sorted(args.out.glob("pairs-*.tar")) if last_index(p) >= 0)
    about = next((pair.about() for path in whole for pair in read_shard(path)), {})
    for name in ("seed", "flavour", "size", "samples"):
        mine = getattr(args, name)
        if about.get(name, mine) != mine:
            raise UserError(
                f"{args.out} holds pairs with --{name} {about[name]}, not {mine}: "
                "choose another --out or go on with theirs"
            )
    if about and about.get("geometry", False) != args.geometry:
        what, way = ("without", "leave out") if args.geometry else ("with", "add")
        raise UserError(
            f"{args.out} holds pairs {what} depth and normals: "
            f"choose another --out or {way} --geometry"
        )


class Progress:
    """A line that is drawn over on a terminal, and one per shard in a log."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.start = total, 0, time.monotonic()

    def tick(self) -> None:
        """One pair more."""
        self.done += 1
        if sys.stdout.isatty():
            self.show()

    def show(self) -> None:
        """How many, how fast, and how long it will go on."""
        spent = time.monotonic() - self.start
        left = timedelta(seconds=round(spent / self.done * (self.total - self.done)))
        line = f"{self.done}/{self.total} pairs, {60 * self.done / spent:.0f} a minute, {left} left"
        print(*("\r", line, "  ") if sys.stdout.isatty() else (line,),
              sep="", end="" if sys.stdout.isatty() else "\n", flush=True)  # fmt: skip
