# SPDX-License-Identifier: GPL-3.0-or-later
"""From a take to keys on a character: clean-up, mapping, curves, actions."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import bpy

from mien import rig_mappings
from mien.core.cleanup import Cleanup, clean
from mien.core.errors import UserError
from mien.core.mapping import Mapping, RigNames
from mien.core.retarget import Retargeted, retarget
from mien.core.take import Take

from . import actions, keyframes
from .choices import ACTION
from .overrides import editable
from .rig_names import Character, character
from .showing import show
from .slices import Steps, at_once
from .thinning import EVERY_CAPTURE, Keys, thinned
from .wording import say


@dataclass(frozen=True)
class Report:
    """What was keyed, or ``posed`` without keys: frames (first, last), channels, and what was not,
    by name.

    not_shown: action units for which the convention of the rig has nothing.
    """

    actions: list[bpy.types.Action]
    posed: bool
    first: float
    last: float
    channels: int
    unmatched: list[str]
    driven: list[str]
    not_shown: list[str]

    def lines(self) -> list[str]:
        """For people to read: what was done, then what was left out."""
        if self.posed:
            done = say("{count} channels posed, without keys", count=self.channels)
        else:
            done = say(
                "{count} channels keyed, frames {first:.0f} to {last:.0f}",
                count=self.channels, first=self.first, last=self.last,
            )  # fmt: skip
        out = [done]
        if self.unmatched:
            out.append(say("Not on this character: {names}", names=", ".join(self.unmatched)))
        if self.driven:
            out.append(say("Left to their drivers: {names}", names=", ".join(self.driven)))
        if self.not_shown:
            names = ", ".join(self.not_shown)
            out.append(say("This kind of rig cannot show: {names}", names=names))
        return out


@lru_cache(maxsize=16)
def _detect(names: frozenset[str]) -> tuple[rig_mappings.Match, ...]:
    return tuple(rig_mappings.detect(names))


def detected(on: Character) -> rig_mappings.Match | None:
    """The likeliest convention, how much of it is there and how sure that is; None: none fits."""
    ranked = _detect(frozenset((*on.shape_keys, *on.bones, *on.properties)))
    return ranked[0] if ranked else None


def mapping_for(on: Character, wanted: str) -> Mapping:
    """The mapping of that name or file, or, for an empty one, the detected one."""
    if wanted:
        return rig_mappings.load(wanted)
    found = detected(on)
    if found is None:
        raise UserError(
            f"{on.root.name} has no names that a known rig has: "
            "choose a mapping, or another target."
        )
    return rig_mappings.load(found[0])


def apply(take: Take, target: bpy.types.Object | Character, **options: Any) -> Report:
    """All of :func:`applying` at once."""
    return at_once(applying(take, target, **options))


def applying(
    take: Take,
    target: bpy.types.Object | Character,
    *,
    scene: bpy.types.Scene,
    mapping: str | Mapping,
    settings: Cleanup,
    start: float,
    neck_share: float | None = None,
    keys: Keys = EVERY_CAPTURE,
    where: str = ACTION,
    again: Collection[bpy.types.Action] = (),
    pose: bool = False,
) -> Steps[Report]:
    """Keys the take on the target's character, the first time stamp on frame ``start``.

    mapping: a mapping, or its name or file, or "" to detect it.  neck_share: how much of the head's
    turn the neck takes, 0..1; None leaves it to the mapping.
    where, again: see ``actions.writing``.
    pose: the first frame is put onto the character instead, without keys.
    Raises UserError, and then nothing has changed.
    """
    on = target if isinstance(target, Character) else character(target)
    chosen = mapping_for(on, mapping) if isinstance(mapping, str) else mapping
    chosen = with_neck(chosen, neck_share)
    result = yield partial(_retargeted, take, settings, chosen, on.names())
    fps = scene.render.fps / scene.render.fps_base
    channels, driven = keyframes.plan(result.curves, on, fps=fps, start=start)
    if not channels:
        raise UserError(
            f"Nothing on {on.root.name} answers to the mapping {chosen.title!r}: "
            "choose another mapping, or another target."
        )
    thin = yield partial(thinned, channels, keys)
    with editable(thin, on) as channels:
        keyed = [] if pose else channels
        made = yield from actions.writing(keyed, "mien", where, on.owners, again)
    if pose:
        show(channels)
    return Report(
        made,
        pose,
        min(float(c.frames[0]) for c in channels),
        max(float(c.frames[-1]) for c in channels),
        len(channels),
        result.unmatched,
        driven,
        chosen.not_shown(),
    )


def _retargeted(take: Take, settings: Cleanup, mapping: Mapping, names: RigNames) -> Retargeted:
    return retarget(clean(take, settings), mapping, names)


def with_neck(mapping: Mapping, share: float | None) -> Mapping:
    """The mapping with another share of the head's turn for the neck, if one is given."""
    if mapping.head is None or share is None:
        return mapping
    return dataclasses.replace(mapping, head=dataclasses.replace(mapping.head, neck_share=share))
