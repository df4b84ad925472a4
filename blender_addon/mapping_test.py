# SPDX-License-Identifier: GPL-3.0-or-later
"""The test slider of the mapping editor: one channel on the character, without a key."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import bpy

from mien.core.cleanup import ANGLE_UNIT
from mien.core.errors import UserError
from mien.core.mapping import Mapping
from mien.core.parameters import ANGLE_SIGNALS
from mien.core.retarget import retarget
from mien.core.take import Take

from . import keyframes
from .keying import chosen_character, memory
from .mapping_edit import read_channel
from .rig_names import there
from .showing import Shown, put_back, show
from .wording import told

if TYPE_CHECKING:
    from .mapping_properties import MienMapping


def test(_: object, context: bpy.types.Context) -> None:
    """For ``update`` of the slider and of the chosen channel."""
    settings = context.scene.mien
    edited: MienMapping = settings.edited
    if memory.held:
        return
    put_back([Shown(*one) for one in json.loads(edited.tested or "[]")])
    edited.tested = ""
    if not edited.amount or not there(settings.target) or edited.channel >= len(edited.channels):
        return
    try:
        channel = read_channel(edited.channels[edited.channel])
    except UserError as error:
        memory.lines = [told(error)]
        return
    full = {name: ANGLE_UNIT if name in ANGLE_SIGNALS else 1.0 for name in channel.signals}
    take = Take.still({name: edited.amount * by for name, by in full.items()})
    on = chosen_character(settings)
    curves = retarget(take, Mapping("", "", "", (), (channel,)), on.names()).curves
    channels, _driven = keyframes.plan(curves, on, fps=1, start=0)
    # In the file itself, where it is undone and saved with the values that it tells of.
    edited.tested = json.dumps([dataclasses.astuple(one) for one in show(channels)])
