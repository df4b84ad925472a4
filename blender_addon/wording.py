# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that are made while Blender runs, in its language."""

from __future__ import annotations

from bpy.app.translations import pgettext_iface as translated


def say(english: str, **values: object) -> str:
    """The sentence as translations.toml has it, with the values in its {places}."""
    return str(translated(english)).format(**values)
