# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
"""The panel "Mapping Editor" and its buttons."""

# No "from __future__ import annotations": Blender reads these annotations as they are.
import bpy
from bpy.props import IntProperty, StringProperty

from mien import rig_mappings
from mien.core.errors import UserError
from mien.core.files import written_whole
from mien.core.mapping import Channel, Mapping

from .apply import mapping_for
from .choices import EDITED
from .endings import with_ending
from .keying import changed, chosen_character, chosen_mapping, held, memory
from .mapping_edit import add, fill, read
from .mapping_properties import MienMapped
from .mapping_test import test
from .operators import NO_TARGET, RUNNING, possible
from .rig_names import there
from .tune_panel import Child
from .wording import told

_NOTHING = "The editor is empty: edit a copy of a mapping, import one, or add a channel"


class _Edit(bpy.types.Operator):
    """What the editor's buttons have in common."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (memory.running, RUNNING))


class _EditChannel(_Edit):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        empty = not context.scene.mien.edited.channels
        return possible(cls, (memory.running, RUNNING), (empty, _NOTHING))


class MIEN_OT_edit_mapping(_Edit):
    """Put a copy of the chosen or detected mapping into the editor and use that from now on"""

    bl_idname = "mien.edit_mapping"
    bl_label = "Edit a Copy"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.mien
        return possible(
            cls,
            (memory.running, RUNNING),
            (settings.mapping == EDITED, "The mapping is in the editor already"),
            (not there(settings.target), NO_TARGET),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.mien
        try:
            wanted = chosen_mapping(settings)
            assert isinstance(wanted, str)
            _edit(context, mapping_for(chosen_character(settings), wanted))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class MIEN_OT_import_mapping(_Edit):
    """Put a mapping from a file (.toml) into the editor and use that from now on"""

    bl_idname = "mien.import_mapping"
    bl_label = "Import"

    filepath: StringProperty(name="File", description="The mapping's file", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            _edit(context, rig_mappings.load(self.filepath))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class MIEN_OT_save_mapping(_EditChannel):
    """Write the mapping in the editor to a file (.toml), to use it elsewhere and to share it"""

    bl_idname = "mien.save_mapping"
    bl_label = "Save"
    bl_options = {"REGISTER"}

    filepath: StringProperty(name="File", description="The file to write", subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = self.filepath or "mapping.toml"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            text = rig_mappings.dumps(read(context.scene.mien.edited))
            with written_whole(with_ending(self.filepath, ".toml")) as draft:
                draft.write_text(text, encoding="utf-8", newline="\n")
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class MIEN_OT_add_mapped(_Edit):
    """Add a channel to the mapping in the editor"""

    bl_idname = "mien.add_mapped"
    bl_label = "Add a Channel"

    def execute(self, context: bpy.types.Context) -> set[str]:
        edited = context.scene.mien.edited
        with held():
            add(edited, Channel("shape_key", "", {}, low=0.0, high=1.0))
        edited.channel = len(edited.channels) - 1
        return {"FINISHED"}


class MIEN_OT_remove_mapped(_EditChannel):
    """Remove the channel from the mapping in the editor"""

    bl_idname = "mien.remove_mapped"
    bl_label = "Remove the Channel"

    def execute(self, context: bpy.types.Context) -> set[str]:
        edited = context.scene.mien.edited
        edited.channels.remove(edited.channel)
        edited.channel = max(0, min(edited.channel, len(edited.channels) - 1))
        changed(self, context)
        return {"FINISHED"}


class MIEN_OT_add_weight(_EditChannel):
    """Add a signal to the channel"""

    bl_idname = "mien.add_weight"
    bl_label = "Add a Signal"

    def execute(self, context: bpy.types.Context) -> set[str]:
        edited = context.scene.mien.edited
        edited.channels[edited.channel].weights.add()
        return {"FINISHED"}


class MIEN_OT_remove_weight(_EditChannel):
    """Remove this signal from the channel"""

    bl_idname = "mien.remove_weight"
    bl_label = "Remove the Signal"

    number: IntProperty(options={"HIDDEN"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        edited = context.scene.mien.edited
        edited.channels[edited.channel].weights.remove(self.number)
        changed(self, context)
        test(self, context)
        return {"FINISHED"}


class MIEN_UL_mapped(bpy.types.UIList):
    """The channels of a mapping; Blender's own list brings the search."""

    def draw_item(self, context, layout, data, item, icon, active, prop, index):  # type: ignore[no-untyped-def]
        icons = {"shape_key": "SHAPEKEY_DATA", "bone": "BONE_DATA", "property": "PROPERTIES"}
        text = item.target or "(no target)"
        layout.label(
            text=f"{text} {item.axis}" if item.kind == "bone" else text, icon=icons[item.kind]
        )
        layout.label(text=", ".join(one.signal for one in item.weights))

    def filter_items(self, context, data, name):  # type: ignore[no-untyped-def]
        wanted = self.filter_name.casefold()
        shown = [
            wanted in f"{item.target} {' '.join(one.signal for one in item.weights)}".casefold()
            for item in getattr(data, name)
        ]
        return [self.bitflag_filter_item * hit for hit in shown], []


class MIEN_PT_mapping(Child, bpy.types.Panel):
    """What moves what on the character"""

    bl_idname = "MIEN_PT_mapping"
    bl_label = "Mapping Editor"

    def draw(self, context: bpy.types.Context) -> None:
        layout, edited = self.layout, context.scene.mien.edited
        layout.enabled = memory.running is None
        layout.operator(MIEN_OT_edit_mapping.bl_idname, icon="DUPLICATE")
        row = layout.row(align=True)
        row.operator(MIEN_OT_import_mapping.bl_idname, icon="IMPORT")
        row.operator(MIEN_OT_save_mapping.bl_idname, icon="EXPORT")
        row = layout.row()
        row.template_list("MIEN_UL_mapped", "", edited, "channels", edited, "channel", rows=6)
        buttons = row.column(align=True)
        buttons.operator(MIEN_OT_add_mapped.bl_idname, text="", icon="ADD")
        buttons.operator(MIEN_OT_remove_mapped.bl_idname, text="", icon="REMOVE")
        if edited.channel < len(edited.channels):
            layout.prop(edited, "amount", slider=True)
            _channel(layout, edited.channels[edited.channel])


class MIEN_PT_mapping_rig(Child, bpy.types.Panel):
    """What the mapping is called, and the bones of head and gaze"""

    bl_idname = "MIEN_PT_mapping_rig"
    bl_label = "Head, Gaze and Name"
    bl_parent_id = "MIEN_PT_mapping"

    def draw(self, context: bpy.types.Context) -> None:
        layout, edited = self.layout, context.scene.mien.edited
        layout.enabled = memory.running is None
        layout.use_property_split = True
        layout.use_property_decorate = False
        for name in ("head", "neck", "neck_share", "inherits", "gaze", "eye"):
            layout.prop(edited, name)
        for name in ("title", "source", "requires"):
            layout.prop(edited, name)


def _edit(context: bpy.types.Context, mapping: Mapping) -> None:
    settings = context.scene.mien
    with held():
        fill(settings.edited, mapping)
    test(None, context)
    settings.mapping = EDITED


def _channel(layout: bpy.types.UILayout, channel: MienMapped) -> None:
    column = layout.column(align=True)
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(channel, "kind")
    column.prop(channel, "target")
    if channel.kind == "bone":
        column.prop(channel, "motion")
        column.prop(channel, "axis")
        if channel.motion == "location":
            column.prop(channel, "unit")
    for number, one in enumerate(channel.weights):
        row = layout.row(align=True)
        row.prop(one, "signal", text="")
        row.prop(one, "weight", text="")
        row.operator(MIEN_OT_remove_weight.bl_idname, text="", icon="X").number = number
    layout.operator(MIEN_OT_add_weight.bl_idname, icon="ADD")
    column = layout.column(align=True)
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(channel, "gain")
    column.prop(channel, "offset")
    for flag, limit in (("bounded_low", "low"), ("bounded_high", "high")):
        row = column.row(align=True)
        row.prop(channel, flag)
        if getattr(channel, flag):
            row.prop(channel, limit, text="")


CLASSES = (
    MIEN_OT_edit_mapping,
    MIEN_OT_import_mapping,
    MIEN_OT_save_mapping,
    MIEN_OT_add_mapped,
    MIEN_OT_remove_mapped,
    MIEN_OT_add_weight,
    MIEN_OT_remove_weight,
    MIEN_UL_mapped,
    MIEN_PT_mapping,
    MIEN_PT_mapping_rig,
)
