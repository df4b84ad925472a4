# SPDX-License-Identifier: GPL-3.0-or-later
"""Values on a character without a key: for a look, and to take back."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from .keyframes import Channel

Place = tuple[str, str, str, int]  # kind of owner, its name, data path, index
_KINDS = {"Object": "objects", "Key": "shape_keys"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that was put onto a character, where, and what was there before.

    The owner by its kind and name and not by Blender's pointer, which is gone after an undo.
    """

    kind: str
    owner: str
    path: str
    index: int
    before: float
    now: float

    @property
    def place(self) -> Place:
        """Where it was put."""
        return self.kind, self.owner, self.path, self.index


def show(channels: list[Channel]) -> list[Shown]:
    """Puts the first value of each channel onto its owner."""
    out = []
    for channel in channels:
        owner, path, index = channel.owner, channel.path, channel.index
        before = _get(owner, path, index)
        _set(owner, path, index, float(channel.values[0]))
        now = _get(owner, path, index)  # Blender may have clipped it
        out.append(Shown(owner.bl_rna.identifier, owner.name, path, index, before, now))
    for owner in dict.fromkeys(channel.owner for channel in channels):
        owner.update_tag()
    return out


def put_back(shown: list[Shown]) -> None:
    """Takes values back where they still stand; what was changed since is somebody's wish."""
    for one in shown:
        owner = getattr(bpy.data, _KINDS[one.kind]).get(one.owner)
        if owner is None:
            continue
        try:
            if _get(owner, one.path, one.index) == one.now:
                _set(owner, one.path, one.index, one.before)
        except (KeyError, ValueError):  # the bone or shape key was removed meanwhile
            continue
        owner.update_tag()


def _get(owner: bpy.types.ID, path: str, index: int) -> float:
    value = owner.path_resolve(path)
    return float(value if isinstance(value, int | float) else value[index])


def _set(owner: bpy.types.ID, path: str, index: int, value: float) -> None:
    if path.startswith("["):
        name = bpy.utils.unescape_identifier(path[2:-2])
        owner[name] = type(owner[name])(value)
        return
    holder, _, attribute = path.rpartition(".")
    item = owner.path_resolve(holder)
    if isinstance(getattr(item, attribute), float):
        setattr(item, attribute, value)
    else:
        getattr(item, attribute)[index] = value
