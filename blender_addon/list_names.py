# SPDX-License-Identifier: GPL-3.0-or-later
"""``names``: what a character in a .blend offers to a mapping, for ``mien mappings``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from .animate import find_target, open_blend
from .rig_names import character


def main(argv: Sequence[str]) -> int:
    """Prints the names as one line of JSON: Blender writes lines of its own."""
    parser = argparse.ArgumentParser(prog="mien names", description=__doc__)
    parser.add_argument("blend", metavar="CHARACTER.blend")
    options = parser.parse_args(argv)
    open_blend(options.blend)
    on = character(find_target(None))
    print("\n" + json.dumps([*on.shape_keys, *on.bones, *on.properties]))
    return 0
