# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""The tab "Mien" in the 3D view's sidebar."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable

import bpy

from . import takes
from .apply import detected
from .choices import AUTO, FILE, MARKED, SAVED, WEBCAM
from .keying import chosen_character, memory
from .operators import MIEN_OT_cancel, MIEN_OT_capture, MIEN_OT_key_again, MIEN_OT_stop
from .performer import MIEN_OT_build_performer, MIEN_OT_save_neutral
from .properties import MienSettings
from .session import from_take, is_photo
from .take_export import MIEN_OT_export_take
from .wording import say, told

PICTURE = 7.0  # times the height of a line
FIELD = 0.6  # of the sidebar's width is for what stands beside a label


class MIEN_PT_capture(bpy.types.Panel):
    """Capture from video"""

    bl_idname = "MIEN_PT_capture"
    bl_label = "Capture"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Mien"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.mien
        layout.use_property_split = True
        layout.use_property_decorate = False
        fields = layout.column()
        fields.enabled = memory.running is None
        fields.row().prop(settings, "source_type", expand=True)
        fields.prop(settings, "camera" if settings.source_type == WEBCAM else "source")
        if not from_take(settings):
            fields.prop(settings, "live")
        fields.prop(settings, "target")
        fields.prop(settings, "others")
        fields.prop(settings, "mapping")
        if settings.mapping == FILE:
            fields.prop(settings, "mapping_file")
        elif settings.mapping == AUTO and settings.target:
            row = fields.split(factor=1 - FIELD)
            row.label(text="")
            _notes(row, context, _match(settings), FIELD)
        if settings.source_type == FILE and not from_take(settings):
            fields.prop(settings, "use_range")
            if settings.use_range:
                _pair(fields, settings, "range_start", "range_end")
        if not from_take(settings):
            fields.prop(settings, "face")
        if is_photo(settings):
            fields.prop(settings, "photo")
        else:
            fields.prop(settings, "start_frame")
        fields.separator()
        fields.prop(settings, "neutral")
        if settings.neutral == MARKED:
            _pair(fields, settings, "neutral_start", "neutral_end")
        elif settings.neutral == SAVED:
            fields.prop(settings, "neutral_file")
        layout.separator()
        if memory.running:
            _progress(layout)
        else:
            buttons = layout.column()
            buttons.scale_y = 1.4
            buttons.operator(MIEN_OT_capture.bl_idname, icon="REC")
            if settings.take or any(map(takes.is_take, bpy.data.texts)):
                row = layout.row(align=True)
                row.prop(settings, "take", text="")
                row.operator(MIEN_OT_key_again.bl_idname, text="", icon="FILE_REFRESH")
                row.operator(MIEN_OT_export_take.bl_idname, text="", icon="EXPORT")
            if settings.take:
                layout.operator(MIEN_OT_save_neutral.bl_idname, icon="USER")
                layout.operator(MIEN_OT_build_performer.bl_idname, icon="MONKEY")
        _notes(layout, context, memory.lines)


def _pair(layout: bpy.types.UILayout, settings: MienSettings, *names: str) -> None:
    column = layout.column(align=True)
    for name in names:
        column.prop(settings, name)


def _notes(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    lines: Iterable[str],
    share: float = 1.0,
) -> None:
    """Lines of text, broken to fit into a share of the sidebar."""
    notes = layout.column(align=True)
    width = share * max(24, context.region.width // 8)
    for line in lines:
        wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
        for part in textwrap.wrap(line, int(width * len(line) / (len(line) + wide))):
            notes.label(text=part)


def _match(settings: MienSettings) -> tuple[str, ...]:
    """The convention that was detected, and how well it fits."""
    found = detected(chosen_character(settings))
    if found is None:
        return (say("No known names here"),)
    title = settings.bl_rna.properties["mapping"].enum_items[found.name].name
    sure = say(found.words())
    return say(title), say(
        "{matched} of {total} names, {sure}", matched=found.matched, total=found.total, sure=sure
    )


def _progress(layout: bpy.types.UILayout) -> None:
    assert memory.running
    now = memory.running.progress
    if memory.running.cancelled:
        text = say("Cancelling")
    elif not now.done:
        text = say("Starting")
    elif now.total and now.eta is not None:
        minutes, seconds = divmod(round(now.eta), 60)
        text = say(
            "{done} of {total}, {minutes}:{seconds:02d} left",
            done=now.done, total=now.total, minutes=minutes, seconds=seconds,
        )  # fmt: skip
    else:
        text = say("{done} frames", done=now.done)
    factor = now.done / now.total if now.total else 0.0
    layout.progress(factor=min(factor, 1.0), text=text)
    if now.provider:
        device = now.provider.removesuffix("ExecutionProvider")
        layout.label(text=say("{fps:.0f} frames/s on {device}", fps=now.fps, device=device))
    if memory.running.puppet:
        delay = 1000 * memory.running.delay
        layout.label(text=say("{delay:.0f} ms from frame to character", delay=delay))
    picture = memory.running.picture
    layout.template_icon(picture.icon if picture else 0, scale=PICTURE)  # its place is kept
    if now.note:
        layout.label(text=told(now.note), icon="ERROR")
    buttons = layout.row()
    if memory.running.recording:
        buttons.operator(MIEN_OT_stop.bl_idname, icon="SNAP_FACE")
    buttons.operator(MIEN_OT_cancel.bl_idname, icon="X")
