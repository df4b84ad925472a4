# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""The panels "Tune" and "Output": what may still be changed when the capture is done."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import bpy
from bpy.props import EnumProperty

from mien.core.parameters import REGIONS, SIGNAL_MEANING, SIGNALS

from .choices import RANGE, REDUCED, STEP
from .keying import changed, held, memory
from .operators import RUNNING, possible
from .tune_properties import MienTuning, add_channel, reset

_TITLES = {
    "brows": "Brows",
    "eyes": "Eyes",
    "nose_cheeks": "Nose and cheeks",
    "mouth": "Mouth",
    "jaw": "Jaw",
    "head": "Head",
    "gaze": "Gaze",
}
_SIDES = {"L": ", left", "R": ", right"}


def meaning(signal: str) -> str:
    """A signal in words, such as "AU12.L lip corner puller, left"."""
    if signal in SIGNAL_MEANING:
        return f"{signal} {SIGNAL_MEANING[signal]}"
    stem, _, side = signal.rpartition(".")
    return f"{signal} {SIGNAL_MEANING[stem]}{_SIDES[side]}"


class MIEN_OT_tune_channel(bpy.types.Operator):
    """Give one channel a strength, smoothing, offset and limits of its own"""

    bl_idname = "mien.tune_channel"
    bl_label = "Tune a Channel"
    bl_options = {"REGISTER", "UNDO"}
    bl_property = "signal"

    signal: EnumProperty(
        name="Channel",
        description="The action unit or angle to tune",
        items=[(signal, meaning(signal), "") for signal in SIGNALS],
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.invoke_search_popup(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        add_channel(context.scene.mien.tuning, self.signal)
        if context.area:
            context.area.tag_redraw()
        return {"FINISHED"}


class MIEN_OT_untune_channel(bpy.types.Operator):
    """Take the values of its own away from the channel"""

    bl_idname = "mien.untune_channel"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        tuning = context.scene.mien.tuning
        return possible(cls, (not tuning.channels, "No channel has values of its own"))

    def execute(self, context: bpy.types.Context) -> set[str]:
        tuning = context.scene.mien.tuning
        tuning.channels.remove(tuning.channel)
        tuning.channel = max(0, min(tuning.channel, len(tuning.channels) - 1))
        changed(self, context)
        return {"FINISHED"}


class MIEN_OT_untune(bpy.types.Operator):
    """Set everything in Tune back to what it was at first"""

    bl_idname = "mien.untune"
    bl_label = "Reset"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (memory.running, RUNNING))

    def execute(self, context: bpy.types.Context) -> set[str]:
        with held():
            reset(context.scene.mien.tuning)
        changed(self, context)
        return {"FINISHED"}


class MIEN_UL_channels(bpy.types.UIList):
    """Channels with values of their own; Blender's own list brings the search."""

    def draw_item(self, context, layout, data, item, icon, active, prop, index):  # type: ignore[no-untyped-def]
        layout.label(text=meaning(item.name))
        layout.prop(item, "strength", text="", emboss=False)


class Child:
    """A panel below the first."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Mien"
    bl_parent_id = "MIEN_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}


class MIEN_PT_tune(Child, bpy.types.Panel):
    """Changes here key the take again at once"""

    bl_idname = "MIEN_PT_tune"
    bl_label = "Tune"

    def draw(self, context: bpy.types.Context) -> None:
        layout, tuning = self.layout, context.scene.mien.tuning
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = _tunable()
        column = layout.column(align=True)
        for name in ("strength", "smoothing", "offset", "low", "high"):
            column.prop(tuning, name)
        layout.prop(tuning, "mirror")
        layout.prop(tuning, "own_neck")
        if tuning.own_neck:
            layout.prop(tuning, "neck_share")
        layout.operator(MIEN_OT_untune.bl_idname, icon="LOOP_BACK")


class MIEN_PT_tune_regions(Child, bpy.types.Panel):
    """Regions of the face: whether they are keyed, and how"""

    bl_idname = "MIEN_PT_tune_regions"
    bl_label = "Regions"
    bl_parent_id = "MIEN_PT_tune"

    def draw(self, context: bpy.types.Context) -> None:
        layout, tuning = self.layout, context.scene.mien.tuning
        layout.enabled = _tunable()
        table = _table(layout, "Strength", "Smoothing")
        for name in REGIONS:
            region = getattr(tuning.regions, name)
            cells = _row(table)
            cells[0].prop(region, "use", text=_TITLES[name])
            cells[1].active = region.use
            for value in ("strength", "smoothing"):
                cells[1].prop(region, value, text="")
        table = _table(layout, "Offset", "Least", "Most")
        for name in REGIONS:
            region = getattr(tuning.regions, name)
            cells = _row(table)
            cells[0].label(text=_TITLES[name])
            cells[1].active = region.use
            if name in ("head", "gaze"):
                cells[1].prop(region, "furthest")
                continue
            for value in ("offset", "low", "high"):
                cells[1].prop(region, value, text="")


class MIEN_PT_tune_channels(Child, bpy.types.Panel):
    """Channels with values of their own"""

    bl_idname = "MIEN_PT_tune_channels"
    bl_label = "Channels"
    bl_parent_id = "MIEN_PT_tune"

    def draw(self, context: bpy.types.Context) -> None:
        layout, tuning = self.layout, context.scene.mien.tuning
        layout.enabled = _tunable()
        row = layout.row()
        row.template_list("MIEN_UL_channels", "", tuning, "channels", tuning, "channel", rows=3)
        buttons = row.column(align=True)
        buttons.operator(MIEN_OT_tune_channel.bl_idname, text="", icon="ADD")
        buttons.operator(MIEN_OT_untune_channel.bl_idname, text="", icon="REMOVE")
        _values(layout, tuning)


class MIEN_PT_output(Child, bpy.types.Panel):
    """Where the keys go, and how many there are"""

    bl_idname = "MIEN_PT_output"
    bl_label = "Output"

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.mien
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = memory.running is None
        layout.prop(settings, "where")
        if settings.where == RANGE:
            column = layout.column(align=True)
            column.prop(settings, "window_start")
            column.prop(settings, "window_end")
        layout.prop(settings, "how_many")
        if settings.how_many == STEP:
            layout.prop(settings, "step")
        elif settings.how_many == REDUCED:
            layout.prop(settings, "bound")


def _table(layout: bpy.types.UILayout, *titles: str) -> bpy.types.UILayout:
    """A column for rows of a name and values, below the titles of the values."""
    column = layout.column(align=True)
    cells = _row(column)
    cells[0].label(text="")
    for title in titles:
        cells[1].label(text=title)
    return column


def _row(table: bpy.types.UILayout) -> tuple[bpy.types.UILayout, bpy.types.UILayout]:
    split = table.split(factor=0.4, align=True)
    return split.row(align=True), split.row(align=True)


def _tunable() -> bool:
    """Not while a capture runs, but for one that is watched live."""
    return memory.running is None or memory.running.puppet is not None


def _values(layout: bpy.types.UILayout, tuning: MienTuning) -> None:
    if tuning.channel < len(tuning.channels):
        column = layout.column(align=True)
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("strength", "smoothing", "offset", "low", "high"):
            column.prop(tuning.channels[tuning.channel], name)


CLASSES = (
    MIEN_OT_tune_channel,
    MIEN_OT_untune_channel,
    MIEN_OT_untune,
    MIEN_UL_channels,
    MIEN_PT_tune,
    MIEN_PT_tune_regions,
    MIEN_PT_tune_channels,
    MIEN_PT_output,
)
