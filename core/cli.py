"""The command line: ``mien capture``, and the doors to the other parts."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from . import models
from .convert import CSV_KINDS, convert
from .errors import UserError
from .frames import SEQUENCE_FPS

BLENDER: Final = {
    "animate": "put a take onto a character and save the .blend",
    "render-pairs": "render training images with their parameters",
}
TRAINING: Final = {
    "train": "train a network on rendered pairs",
    "evaluate": "measure the networks on held-out people",
    "fit": "the parameters of one picture's face, through the taught renderer",
    "export": "turn checkpoints into the networks of capture",
    "calibrate": "make them say as much of strangers as is there",
}
STOPPED: Final = {  # what Ctrl+C leaves behind
    "capture": "stopped, nothing was written",
    "convert": "stopped, nothing was written",
    "train": "stopped; go on with --resume",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status, 2 after an error of the user's."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        return _run(argv)
    except UserError as error:
        print(f"mien: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"mien: {STOPPED.get(argv[0], 'stopped')}.", file=sys.stderr)
        return 130


def _run(argv: list[str]) -> int:
    command, rest = (argv[0], argv[1:]) if argv else ("", [])
    # What the other parts understand is theirs to say, down to their --help.
    if command in BLENDER:
        _demand(command, "bpy", "blender")
        return _blender(command, rest)
    if command == "mappings":
        return int(importlib.import_module("mien.rig_mappings.cli").main(rest))
    if command in TRAINING:
        _demand(command, "torch", "train")
        training = argparse.ArgumentParser(prog="mien")
        importlib.import_module("mien.training.cli").add_parsers(training.add_subparsers())
        chosen = training.parse_args(argv)
        return int(chosen.run(chosen))
    arguments = _parser().parse_args(argv)
    if arguments.command == "doctor":
        from .doctor import report

        return report()
    if arguments.command == "convert":
        print(convert(arguments.input, arguments.output, arguments.to))
        return 0
    return _capture(arguments)


def _blender(command: str, rest: list[str]) -> int:
    # A process of its own: bpy takes over the one that it is imported into.
    child = subprocess.Popen([sys.executable, "-m", "mien.blender_addon", command, *rest])
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # Ctrl+C reaches the child too, which tidies up before it ends


def _demand(command: str, module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise UserError(f"mien {command} needs {module}: pip install 'mien[{extra}]'.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mien", description="Facial capture for Blender.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    capture = commands.add_parser("capture", help="footage of a face in, its action units out")
    capture.add_argument(
        "input", help="video, image, folder or pattern of images (shot_%%04d.png), webcam number"
    )
    capture.add_argument("-o", "--output", required=True, help="take to write, .csv or .json")
    capture.add_argument("--faces", type=int, default=1, help="how many to follow (1)")
    capture.add_argument("--device", choices=models.DEVICES, default="auto")
    capture.add_argument("--frames", type=_frames, help="FIRST:LAST, either may be left out")
    capture.add_argument(
        "--neutral",
        type=_neutral,
        help="FIRST:LAST where the face is at rest, or the file of a saved neutral",
    )
    capture.add_argument(
        "--save-neutral", metavar="FILE", type=Path, help="write the face at rest, for other clips"
    )
    capture.add_argument(
        "--identity", metavar="FILE", type=Path,
        help="also write who it is, the face model's parameters, as JSON",
    )  # fmt: skip
    capture.add_argument("--fps", type=float, default=SEQUENCE_FPS, help="of an image sequence")
    conversion = commands.add_parser("convert", help="a take from one format to another")
    conversion.add_argument(
        "input", help="take: .json, or a .csv of mien, OpenFace, Live Link Face or ARKit"
    )
    conversion.add_argument("output", help=".csv, .json, or .bvh (the head's rotation alone)")
    conversion.add_argument("--to", choices=CSV_KINDS, help="the kind of .csv (openface)")
    commands.add_parser("doctor", help="what works here, and what is missing")
    commands.add_parser("mappings", help="list, check and detect rig mappings", add_help=False)
    for name, about in {**BLENDER, **TRAINING}.items():
        commands.add_parser(name, help=about, add_help=False)
    return parser


def _frames(text: str) -> tuple[int | None, int | None]:
    first, _, last = text.partition(":")
    try:
        return int(first) if first else None, int(last) if last else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"give FIRST:LAST such as 0:14, not {text!r}") from None


def _neutral(text: str) -> tuple[int, int] | Path:
    if not re.fullmatch(r"\d*:\d*", text):
        return Path(text)
    first, last = _frames(text)
    return first or 0, sys.maxsize if last is None else last


def _capture(arguments: argparse.Namespace) -> int:
    from .bar import Bar
    from .capture import capture, check_output, check_place, place, save

    check_output(arguments.output, arguments.faces)
    for beside in filter(None, (arguments.save_neutral, arguments.identity)):
        check_place(beside, arguments.faces)
    if arguments.faces > 1 and isinstance(arguments.neutral, Path):
        raise UserError("A saved neutral is that of one performer: leave out --faces.")
    start, end = arguments.frames or (None, None)
    finish = threading.Event()
    if arguments.input.isdigit():
        # A webcam runs until Ctrl+C, which keeps what was recorded.
        signal.signal(signal.SIGINT, lambda *_: finish.set())
    with Bar() as bar:
        takes = capture(
            arguments.input,
            faces=arguments.faces,
            device=arguments.device,
            start=start,
            end=end,
            neutral=arguments.neutral,
            progress=bar.show,
            finished=finish.is_set,
            fps=arguments.fps,
        )
    for take, path in zip(takes, save(takes, arguments.output), strict=True):
        print(f"{path}: a face in {take.success.sum()} of {len(take)} frames.")
        if take.neutral is None and take.success.sum() > 1:
            print(
                "None shows it at rest: with --neutral, marked or saved, it is read more exactly."
            )
    if len(takes) < arguments.faces:
        print(f"Only {len(takes)} of {arguments.faces} faces came.")
    for take in takes:
        if arguments.identity:
            take.save_identity(place(arguments.identity, take.face))
        if arguments.save_neutral and take.neutral is None and take.face:
            print(f"Face {take.face + 1} never rests: its neutral is not saved.")
        elif arguments.save_neutral:
            take.save_neutral(place(arguments.save_neutral, take.face))
    print(bar.summary())
    return 0


if __name__ == "__main__":
    sys.exit(main())
