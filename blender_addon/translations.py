# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in the languages of translations.toml, through Blender's own switch of language."""

from __future__ import annotations

import bpy

from mien.core.parameters import SIGNALS

from .tune_panel import meaning
from .wording import table

_CONTEXTS = ("*", "Operator")  # the names of operators are looked up in one of their own

Texts = dict[str, dict[tuple[str, str], str]]  # by language, then by context and English text


def texts() -> Texts:
    """Everything that is translated."""
    kept = table()
    out: Texts = {}
    for i, language in enumerate(kept["languages"]):
        parts = {english: others[i] for english, others in kept["channel"].items()}
        whole = kept["text"] | kept["sentence"]
        said = {english: others[i] for english, others in whole.items()}
        said |= {meaning(signal): _channel(meaning(signal), parts) for signal in SIGNALS}
        out[language] = {(context, e): t for e, t in said.items() for context in _CONTEXTS}
    return out


def _channel(words: str, parts: dict[str, str]) -> str:
    """ "AU12.L lip corner puller, left" part by part, the longest first."""
    for english in sorted(parts, key=len, reverse=True):
        words = words.replace(english, parts[english])
    return words


def register() -> None:
    bpy.app.translations.register(__package__, texts())


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
