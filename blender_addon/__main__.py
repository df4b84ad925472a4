# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m mien.blender_addon COMMAND ...``: what the command line needs Blender for."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import NoReturn

from mien.core.errors import UserError

# command -> module with main
COMMANDS = {"animate": "animate", "names": "list_names", "render-pairs": "render_pairs"}


def run(argv: list[str]) -> int:
    """Runs a command; its exit status is 0, or 2 after one sentence on what to put right."""
    if not argv or argv[0] not in COMMANDS:
        print(f"mien: give one of the commands {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    try:
        return int(importlib.import_module(f".{COMMANDS[argv[0]]}", __package__).main(argv[1:]))
    except UserError as error:
        print(f"mien: {error}", file=sys.stderr)
        return 2
    except SystemExit as ending:  # argparse, after it has printed its own sentence
        return ending.code if isinstance(ending.code, int) else 1
    except KeyboardInterrupt:
        print("mien: stopped.", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        return 1


def leave(status: int) -> NoReturn:
    """Ends the process at once: Blender as a module may hang when the interpreter shuts down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(run(sys.argv[1:]))
