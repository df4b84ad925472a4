# SPDX-License-Identifier: GPL-3.0-or-later
"""A character that does what a face does right now, without keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mien.core.cleanup import clean
from mien.core.retarget import retarget
from mien.core.take import Take

from . import keyframes
from .apply import mapping_for, with_neck
from .keying import chosen_character, chosen_mapping, neck_share
from .showing import Place, Shown, put_back, show
from .tuning import cleanup

if TYPE_CHECKING:
    from .properties import MienSettings


class Puppet:
    """Moves a target, by its name as it may go away, until :meth:`rest`."""

    def __init__(self, settings: MienSettings) -> None:
        """UserError when no mapping fits the target."""
        on = chosen_character(settings)
        self._target = str(settings.target.name)
        wanted = chosen_mapping(settings)
        mapping = mapping_for(on, wanted) if isinstance(wanted, str) else wanted
        self._mapping = with_neck(mapping, neck_share(settings))
        self._names = on.names()  # slow on a large rig, and the same for every frame
        self._moved: dict[Place, Shown] = {}

    def move(self, settings: MienSettings, signals: Mapping[str, float]) -> None:
        """Shows the signals of one frame, tuned as the panel says."""
        if settings.target is None or settings.target.name != self._target:
            return
        tuned = clean(Take.still(signals), cleanup(settings.tuning, "none"))
        curves = retarget(tuned, self._mapping, self._names).curves
        channels, _ = keyframes.plan(curves, chosen_character(settings), fps=1, start=0)
        now = {one.place: one for one in show(channels)}
        put_back([one for place, one in self._moved.items() if place not in now])  # left out now
        self._moved = {
            place: dataclasses.replace(one, before=self._moved.get(place, one).before)
            for place, one in now.items()
        }

    def rest(self) -> None:
        """Puts everything back as it was before the first move."""
        put_back(list(self._moved.values()))
        self._moved = {}
