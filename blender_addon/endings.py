# SPDX-License-Identifier: GPL-3.0-or-later
"""The endings of files that are saved."""

from __future__ import annotations

import os
from collections.abc import Collection

from mien.core.errors import UserError


def with_ending(path: str, ending: str, others: Collection[str] = ()) -> str:
    """A path with an ending such as ".json", in place of one of the others; any other dot belongs
    to the name.  UserError where there is no name."""
    folder, name = os.path.split(path)
    stem, dot, last = name.rpartition(".")
    now = (dot + last).lower()
    if now not in (ending, *others):
        stem, now = name, ""
    if not stem.strip():
        raise UserError("Give the file a name.")
    return path if now == ending else os.path.join(folder, stem + ending)
