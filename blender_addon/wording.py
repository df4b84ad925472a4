# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that are made while Blender runs, in its language."""

from __future__ import annotations

import re
import string
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from bpy.app.translations import pgettext_iface as translated


def say(english: str, **values: object) -> str:
    """The sentence as translations.toml has it, with the values in its {places}."""
    return str(translated(english)).format(**values)


def told(what: str | Exception) -> str:
    """What an error or a worker says, as translations.toml has it.

    mien.core speaks nothing but English, and may do so from another process: a sentence is known by
    the words around its values.
    """
    for english, shape in _shapes():
        if found := shape.fullmatch(str(what)):
            return say(english, **found.groupdict())
    return str(what)


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """translations.toml."""
    path = Path(__file__).with_name("translations.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _shapes() -> list[tuple[str, re.Pattern[str]]]:
    """Each sentence and what matches it, those with the most words of their own first."""
    out = []
    for english in table()["sentence"]:
        parts = list(string.Formatter().parse(english))
        own = sum(len(words) for words, *_ in parts)
        shape = "".join(re.escape(words) + (f"(?P<{n}>.+)" if n else "") for words, n, *_ in parts)
        out.append((own, english, re.compile(shape, re.DOTALL)))
    return [(english, shape) for _, english, shape in sorted(out, key=lambda o: -o[0])]
