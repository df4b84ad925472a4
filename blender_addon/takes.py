# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes that stay with the .blend: each a text datablock, saved, undone and shared like any other.

Custom properties of the text say what was done with it: the marked neutral that it was measured
against, or the file of a saved one, the actions that it was keyed into, and what that did to each.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import bpy

from mien.core import take_json
from mien.core.errors import UserError
from mien.core.take import Take

from .actions import KEYED

_MARK, _NEUTRAL, _ACTION, _KEYED = "mien take", "mien neutral", "mien action ", "mien keyed "
_FRAME = "frame"


def content(take: Take) -> str:
    """What the text of a take holds: a line for each signal, as the text editor is slow with one
    that holds them all."""
    return take_json.dumps(take.fields()).replace('], "', '],\n"')


def keep(
    take: Take, neutral: tuple[int, int] | str | None = None, held: str = ""
) -> bpy.types.Text:
    """Puts a take into the file.  neutral: the marked frames, or the file of a saved neutral, that
    it was measured against.  held: its :func:`content`, where that is known."""
    face = f" face {take.face + 1}" if take.face else ""
    text = bpy.data.texts.new(f"{take.source or 'take'}{face}.json")
    text.from_string(held or content(take))
    text.use_fake_user = True
    text[_MARK] = True
    if neutral:
        text[_NEUTRAL] = neutral
    return text


def is_take(text: bpy.types.Text) -> bool:
    """Whether a text was put there by :func:`keep`."""
    return _MARK in text


def read(text: bpy.types.Text) -> Take:
    """The take in a text; UserError when somebody broke it."""
    try:
        return _read(text.as_string())
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{text.name} holds no take any more: capture again.") from error


@lru_cache(maxsize=4)
def _read(text: str) -> Take:
    return Take(**take_json.loads(text))


def neutral(text: bpy.types.Text) -> tuple[int, int] | str | None:
    """The marked frames, or the file, that the take was measured against, if any."""
    found = text.get(_NEUTRAL)
    return found if found is None or isinstance(found, str) else tuple(found)


def actions(text: bpy.types.Text) -> list[bpy.types.Action]:
    """Those that the take was last keyed into and that are still there."""
    found = (value for name, value in text.items() if name.startswith(_ACTION))
    return [action for action in found if action]


def remember(text: bpy.types.Text, made: Iterable[bpy.types.Action]) -> None:
    """Notes the actions that the take was keyed into, and what they remember of that."""
    for name in [name for name, _ in text.items() if name.startswith((_ACTION, _KEYED))]:
        del text[name]
    for number, action in enumerate(made):
        text[f"{_ACTION}{number}"] = action
        text[f"{_KEYED}{number}"] = action[KEYED]


def recall(text: bpy.types.Text) -> None:
    """Lets the actions remember the keying of this take: others may be in them since."""
    for name, keyed in text.items():
        action = text.get(name.replace(_KEYED, _ACTION)) if name.startswith(_KEYED) else None
        if action:
            action[KEYED] = keyed


def pin(made: Iterable[bpy.types.Action], frame: int) -> None:
    """Notes with actions, for :func:`remember`, the frame of the scene that a photo is on."""
    for action in made:
        action[KEYED][_FRAME] = frame


def frame(text: bpy.types.Text) -> int | None:
    """The frame of the scene on which a photo was last keyed; None: not keyed, or no photo."""
    keyed = text.get(f"{_KEYED}0", {})
    return keyed.get(_FRAME)
