"""``mien mappings list|check|detect``."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from mien.core.errors import UserError
from mien.core.names import find_any

from .detection import detect
from .loader import load, names

_NAMES = (
    "a .blend with the rig, or a text file of its shape key, bone and property names, one a line;"
    " - reads standard input"
)


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
        print(f"{name:16} {len(mapping.targets()):4} targets  {mapping.title}")
    return 0


def _check(args: argparse.Namespace) -> int:
    mapping = load(args.mapping)
    targets = mapping.targets()
    moved = {channel.target for channel in mapping.channels if channel.signals}
    moved |= {mapping.gaze.bone} if mapping.gaze else set()
    still = [target for target in targets if target not in moved]
    print(f"{mapping.title}: {len(targets)} targets, sound.")
    if still:
        print(f"Moved by no signal: {', '.join(still)}.")
    if lost := mapping.not_shown():
        print(f"Action units that it cannot show: {', '.join(lost)}.")
    if args.names:
        available = frozenset(_read(args.names))
        lacking = [t for t, called in targets.items() if not find_any(called, available)]
        print(f"Found on the rig: {len(targets) - len(lacking)} of {len(targets)}.")
        if lacking:
            print(f"Not found: {', '.join(lacking)}.")
    return 0


def _detect(args: argparse.Namespace) -> int:
    found = detect(_read(args.names))
    for match in found:
        print(f"{match.name:16} {match.matched:4} of {match.total} targets  {match.words()}")
    if not found:
        raise UserError(
            "No mapping fits these names: write a .toml file for the rig and try it with"
            " 'mien mappings check'."
        )
    return 0


def _read(path: str) -> list[str]:
    if path.lower().endswith(".blend"):
        return _read_blend(path)
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read names from {path}: give a text file, one a line.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read_blend(path: str) -> list[str]:
    if importlib.util.find_spec("bpy") is None:
        raise UserError("To read a .blend takes bpy: pip install 'mien[blender]'.")
    command = [sys.executable, "-m", "mien.blender_addon", "names", path]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if done.returncode or not lines:
        said = done.stderr.strip().rpartition("mien: ")[2]
        raise UserError(said or f"Blender cannot read {path}.")
    names: list[str] = json.loads(lines[-1])
    return names
