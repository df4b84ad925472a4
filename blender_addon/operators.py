# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""Capture, cancel, key again."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from mien.core.errors import UserError

from .apply import Report
from .choices import FILE, WEBCAM
from .keying import key, memory
from .rig_names import there
from .session import Session
from .wording import say, told

INTERVAL = 0.2  # s between two looks at the job
LIVE = 1 / 60  # s between them when a character follows
RUNNING = "A capture is running: wait for it, or cancel it"
NO_TARGET = "Choose a target: an armature or a mesh"
NO_TAKE = "Capture something, or choose a take of this file"


class MIEN_OT_capture(bpy.types.Operator):
    """Capture the face in the source and key it on the target"""

    bl_idname = "mien.capture"
    bl_label = "Capture"
    bl_options = {"REGISTER", "UNDO"}

    _timer: bpy.types.Timer | None = None

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.mien
        no_file = settings.source_type == FILE and not settings.source
        return possible(
            cls,
            (memory.running, RUNNING),
            (no_file, "Choose a source: a video, an image or a take"),
            (not there(settings.target), NO_TARGET),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """From a script: waits until the keys are there."""
        if context.scene.mien.source_type == WEBCAM:  # it would wait for ever
            self.report({"ERROR"}, say("A webcam records until Stop: start it from the panel."))
            return {"CANCELLED"}
        if not self._begin(context):
            return {"CANCELLED"}
        assert memory.running
        try:
            memory.running.wait()
            return self._finish(memory.running.finish) or set()
        finally:
            self._end(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self._begin(context):
            return {"CANCELLED"}
        assert memory.running
        self._tick(context, LIVE if memory.running.puppet else INTERVAL)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        running = memory.running
        if running is None:  # the add-on was switched off and on
            self._end(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            running.cancel()
            return {"RUNNING_MODAL"}
        wait = {"RUNNING_MODAL"} if running.keying else {"PASS_THROUGH"}  # no undo within keying
        if event.type != "TIMER":
            return wait
        try:
            if not running.step():
                running.show()
                _redraw()
                return wait
            if self._timer and not running.keying:
                self._tick(context, LIVE)
            outcome = self._finish(running.finish_slice)
            if outcome is None:
                return {"RUNNING_MODAL"}
        except BaseException:
            self._end(context)
            raise
        self._end(context)
        return outcome

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closes the file or quits."""
        self._end(context)

    def _begin(self, context: bpy.types.Context) -> bool:
        try:
            memory.running = Session(context)
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return False
        memory.lines = []
        return True

    def _tick(self, context: bpy.types.Context, interval: float) -> None:
        """Calls modal every so many seconds."""
        manager = context.window_manager
        if self._timer:
            manager.event_timer_remove(self._timer)
        self._timer = manager.event_timer_add(interval, window=context.window)

    def _finish(self, work: Callable[[], Report | None]) -> set[str] | None:
        """What came of it, or of the part of it that was done: then None."""
        assert memory.running
        if memory.running.cancelled:
            memory.lines = [say("Capture cancelled; nothing was changed")]
            self.report({"INFO"}, memory.lines[0])
            return {"CANCELLED"}
        try:
            report = work()
        except UserError as error:
            self.report({"ERROR"}, told(error))
            memory.lines = [told(error)]
            return {"FINISHED"} if memory.running.kept else {"CANCELLED"}
        if report is None:
            return None
        tell(self, report)
        return {"FINISHED"}

    def _end(self, context: bpy.types.Context) -> None:
        if memory.running:
            memory.running.close()
            memory.running = None
        _redraw()
        if self._timer:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
            # A panel that has grown pushes those below it away only when it is drawn once more.
            bpy.app.timers.register(_redraw, first_interval=INTERVAL)


class MIEN_OT_stop(bpy.types.Operator):
    """End the recording and key it"""

    bl_idname = "mien.stop"
    bl_label = "Stop"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        idle = not (memory.running and memory.running.recording)
        return possible(cls, (idle, "Nothing is being recorded"))

    def execute(self, context: bpy.types.Context) -> set[str]:
        if memory.running:
            memory.running.stop()
        return {"FINISHED"}


class MIEN_OT_cancel(bpy.types.Operator):
    """Call the capture off; nothing is changed (Esc)"""

    bl_idname = "mien.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return possible(cls, (memory.running is None, "No capture is running"))

    def execute(self, context: bpy.types.Context) -> set[str]:
        if memory.running:
            memory.running.cancel()
        return {"FINISHED"}


class MIEN_OT_key_again(bpy.types.Operator):
    """Key the take on the target, with the mapping, tuning and output of now"""

    bl_idname = "mien.key_again"
    bl_label = "Key Again"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.mien
        return possible(
            cls,
            (memory.running, RUNNING),
            (settings.take is None, NO_TAKE),
            (not there(settings.target), NO_TARGET),
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.mien
        try:
            tell(self, key(context, settings.take))
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def possible(operator: type[bpy.types.Operator], *hurdles: tuple[object, str]) -> bool:
    """For poll: False at the first hurdle that is there, with its reason on the grey button."""
    for hurdle, reason in hurdles:
        if hurdle:
            operator.poll_message_set(say(reason))
            return False
    return True


def tell(operator: bpy.types.Operator, report: Report) -> None:
    done, *left_out = report.lines()
    operator.report({"INFO"}, done)
    for line in left_out:
        operator.report({"WARNING"}, line)


def _redraw() -> None:
    """The sidebars alone: a heavy scene is not to be drawn for the sake of a number."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    region.tag_redraw()
