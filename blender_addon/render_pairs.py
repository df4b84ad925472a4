# SPDX-License-Identifier: GPL-3.0-or-later
"""`mien render-pairs`: pictures of faces and the parameters that made them, as WebDataset shards.

A shard is written whole or not at all, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from mien.core.errors import UserError

from .render_picture import PairRenderer
from .render_shards import PER_SHARD, write_shard


def main(argv: list[str]) -> int:
    """The command; raises UserError for what a user can mend."""
    p = argparse.ArgumentParser("mien render-pairs", description=__doc__.splitlines()[0])
    p.add_argument("--count", type=int, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--flavour", choices=("studio", "wild"), default="wild")
    p.add_argument("--engine", choices=("auto", "cycles", "eevee", "workbench"), default="auto")
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--shard", default="0/1", help="i/n: render every n-th shard from the i-th")
    args = p.parse_args(argv)
    try:
        mine, of = (int(x) for x in args.shard.split("/"))
        if not 0 <= mine < of:
            raise ValueError
    except ValueError:
        raise UserError(f"--shard {args.shard} is not i/n with 0 <= i < n, such as 0/4") from None
    if args.count < 1:
        raise UserError("--count must be at least 1")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UserError(f"cannot write to {args.out}: {e.strerror}; choose another --out") from None
    shards = range(mine, -(-args.count // PER_SHARD), of)
    todo = {}
    for n in shards:
        path = args.out / f"pairs-{n:05d}.tar"
        if not path.exists():
            todo[path] = range(n * PER_SHARD, min((n + 1) * PER_SHARD, args.count))
    total, done, start = sum(map(len, todo.values())), 0, time.monotonic()
    if not total:
        print("all pairs are there already")
        return 0
    renderer = PairRenderer(args.seed, args.flavour, args.size, args.engine)

    def tick() -> None:
        nonlocal done
        done += 1
        spent = time.monotonic() - start
        left = spent / done * (total - done)
        rate = 60 * done / spent
        print(f"\r{done}/{total} pairs, {rate:.0f} a minute, {left / 60:.1f} min left ",
              end="" if sys.stdout.isatty() else "\n", flush=True)  # fmt: skip

    for path, indices in todo.items():
        try:
            write_shard(renderer, path, indices, tick)
        except OSError as e:
            raise UserError(
                f"cannot write {path}: {e.strerror}; free some space and run again"
            ) from None
    print()
    return 0
