# SPDX-License-Identifier: GPL-3.0-or-later
"""The take of the panel keyed with the settings of the panel, once and whenever they change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bpy
import numpy as np

from mien.core.errors import UserError
from mien.core.mapping import Mapping
from mien.core.performer import Neutral as Saved
from mien.core.take import Take

from . import actions, takes
from .apply import Report, applying
from .choices import AUTO, EDITED, FILE, MARKED, POSED, RANGE, SAVED
from .mapping_edit import read
from .rig_names import Character, character, there
from .slices import Steps, at_once
from .thinning import Keys
from .tuning import Neutral, cleanup
from .wording import told

if TYPE_CHECKING:
    from .properties import MienSettings
    from .session import Session


@dataclass
class Memory:
    """What the panel shows between captures.  Lives outside Blender's data: nothing of it is
    undone, saved, or left behind by a cancel.

    held: changes are not to be keyed as yet.
    """

    running: Session | None = None
    lines: list[str] = field(default_factory=list)
    held: bool = False


memory = Memory()


@contextmanager
def held() -> Iterator[None]:
    """Settings that change in here key nothing."""
    before, memory.held = memory.held, True
    try:
        yield
    finally:
        memory.held = before


def changed(_: object, context: bpy.types.Context) -> None:
    """For ``update`` of a property: keys the take again where the character still plays it.

    At once and not from a timer, so that the slider and the keys are one step to undo.  While a
    slider is dragged Blender hands on only the newest of the waiting mouse moves, so that the
    keys never lag behind by more than one keying.
    """
    settings: MienSettings = context.scene.mien
    if memory.held or memory.running or settings.take is None or not there(settings.target):
        return
    made = takes.actions(settings.take)
    if actions.playing(chosen_character(settings).owners, made):
        try:
            key(context, settings.take)
        except UserError as error:
            memory.lines = [told(error)]


def key(context: bpy.types.Context, text: bpy.types.Text) -> Report:
    """Keys a take with the settings of the panel, in the place of what it was keyed into before,
    and remembers the report for the panel.  UserError says why not."""
    neutral, again, frame = takes.neutral(text), takes.actions(text), takes.frame(text)
    on = chosen_character(context.scene.mien)
    takes.recall(text)
    report = at_once(keying(context.scene, takes.read(text), on, neutral, again, frame))
    takes.remember(text, report.actions)
    memory.lines = report.lines()
    return report


def keying(
    scene: bpy.types.Scene,
    take: Take,
    on: Character,
    neutral: tuple[int, int] | str | None,
    again: Collection[bpy.types.Action] = (),
    frame: int | None = None,
) -> Steps[Report]:
    """Keys a take on a character with the settings of the panel.

    neutral: what the take was measured against.  again: what it was keyed into before.
    A photo goes, as a key or as nothing but a pose, onto ``frame`` of the scene, where it was keyed
    before; else onto the current one.
    """
    from .session import is_photo  # which imports this module

    settings: MienSettings = scene.mien
    if frame is None and not again and len(take) == 1 and is_photo(settings):
        frame = scene.frame_current
    report = yield from applying(
        take,
        on,
        scene=scene,
        mapping=chosen_mapping(settings),
        settings=cleanup(settings.tuning, _neutral(settings, take, neutral)),
        start=settings.start_frame if frame is None else frame,
        neck_share=neck_share(settings),
        keys=_keys(settings),
        where=settings.where,
        again=again,
        pose=frame is not None and settings.photo == POSED,
    )
    if frame is not None:
        takes.pin(report.actions, frame)
    return report


def chosen_character(settings: MienSettings) -> Character:
    """The target with all that belongs to it."""
    return character(settings.target, settings.others)


def neck_share(settings: MienSettings) -> float | None:
    """The neck's share that the user chose, if any."""
    return float(settings.tuning.neck_share) if settings.tuning.own_neck else None


def chosen_neutral(settings: MienSettings) -> tuple[int, int] | str | None:
    """The frames in which the performer rests, or the file of one, if the user names them."""
    if settings.neutral == SAVED:
        if not settings.neutral_file:
            raise UserError("Choose the performer's saved neutral (.json), or another neutral.")
        return str(bpy.path.abspath(settings.neutral_file))
    if settings.neutral != MARKED:
        return None
    first, last = settings.neutral_start, settings.neutral_end
    if last < first:
        raise UserError(f"The neutral frames {first} to {last} run backwards: swap them.")
    return first, last


def chosen_mapping(settings: MienSettings) -> str | Mapping:
    """The mapping in the editor, or a mapping's name or file; "" where it is to be detected."""
    if settings.mapping == EDITED:
        return read(settings.edited)
    if settings.mapping == FILE:
        if not settings.mapping_file:
            raise UserError("Choose the mapping's file (.toml), or one of the known mappings.")
        return str(bpy.path.abspath(settings.mapping_file))
    return "" if settings.mapping == AUTO else str(settings.mapping)


def _neutral(settings: MienSettings, take: Take, measured: tuple[int, int] | str | None) -> Neutral:
    """What the clean-up is to take as neutral of a take that was measured against one."""
    if len(take) == 1:
        return "none"  # a single picture would be its own neutral
    wanted = chosen_neutral(settings)
    if wanted is None:
        return settings.neutral
    if wanted == measured:
        return "none"  # a capture that was estimated against it is not to lose its neutral twice
    if isinstance(wanted, str):
        if isinstance(measured, str) and _is_neutral_of(take, wanted):
            return "none"
        name = take.source or "This take"
        raise UserError(f"{name} was not measured against this performer: capture again.")
    return wanted


def _is_neutral_of(take: Take, path: str) -> bool:
    """Whether a file holds the neutral of a take: its place may change with that of a project.
    UserError when it holds none."""
    if take.neutral is None:
        return False
    saved = Saved.load(path, take.neutral.network)
    return np.array_equal(saved.points, take.neutral.points) and np.array_equal(
        saved.features, take.neutral.features
    )


def _keys(settings: MienSettings) -> Keys:
    within = (settings.window_start, settings.window_end) if settings.where == RANGE else None
    if within and within[1] < within[0]:
        raise UserError(f"Frames {within[0]} to {within[1]} run backwards: swap them.")
    return Keys(settings.how_many, settings.step, settings.bound / 100, within)
