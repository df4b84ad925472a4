"""``mien mappings list|check|detect``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mien.core.errors import UserError
from mien.core.mapping import Mapping
from mien.core.names import find

from .loader import detect, load, names

_NAMES = "a text file of shape key, bone and property names, one a line; - reads standard input"


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status.  UserError says what the user can put right."""
    parser = argparse.ArgumentParser(
        prog="mien mappings", description="List, check and recognise rig mappings."
    )
    commands = parser.add_subparsers(required=True, metavar="list|check|detect")

    listing = commands.add_parser("list", help="the mappings that come with mien")
    listing.set_defaults(run=_list)

    check = commands.add_parser("check", help="what a mapping moves, or what is wrong with it")
    check.add_argument("mapping", help="a name from 'mien mappings list', or a .toml file")
    check.add_argument("names", nargs="?", help=f"also what a rig lacks: {_NAMES}")
    check.set_defaults(run=_check)

    detection = commands.add_parser("detect", help="the mappings that fit a rig, the best first")
    detection.add_argument("names", help=_NAMES)
    detection.set_defaults(run=_detect)

    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def _list(_: argparse.Namespace) -> int:
    for name in names():
        mapping = load(name)
        print(f"{name:12} {len(_targets(mapping)):4} targets  {mapping.title}")
    return 0


def _check(args: argparse.Namespace) -> int:
    mapping = load(args.mapping)
    targets = _targets(mapping)
    still = [channel.target for channel in mapping.channels if not channel.signals]
    print(f"{mapping.title}: {len(targets)} targets, sound.")
    if still:
        print(f"Moved by no signal: {', '.join(still)}.")
    if args.names:
        available = _read(args.names)
        lacking = [target for target in targets if not find(target, available)]
        print(f"Found on the rig: {len(targets) - len(lacking)} of {len(targets)}.")
        if lacking:
            print(f"Not found: {', '.join(lacking)}.")
    return 0


def _detect(args: argparse.Namespace) -> int:
    found = detect(_read(args.names))
    for name, matched, total in found:
        print(f"{name:12} {matched:4} of {total} targets")
    if not found:
        raise UserError(
            "No mapping fits these names: write a .toml file for the rig and try it with"
            " 'mien mappings check'."
        )
    return 0


def _targets(mapping: Mapping) -> list[str]:
    return list(dict.fromkeys(channel.target for channel in mapping.channels))


def _read(path: str) -> list[str]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read names from {path}: give a text file, one a line.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
