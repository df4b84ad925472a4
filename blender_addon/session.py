# SPDX-License-Identifier: GPL-3.0-or-later
"""One capture as the panel sees it: what was asked for, the running job, what came of it."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from mien.core.errors import UserError
from mien.core.frames import IMAGE_SUFFIXES, PATTERN
from mien.core.take import Take

from . import takes
from .apply import Report
from .choices import FILE, MARKED, WEBCAM
from .job import Job, Progress
from .keying import chosen_neutral, keying, memory
from .properties import MienSettings, machine
from .puppet import Puppet
from .rig_names import character, there
from .slices import Sliced, Steps, at_once
from .tracked import Picture
from .wording import say, told

TAKE_SUFFIXES = (".csv", ".json")


class Session:
    """A capture under way.  :meth:`step` until it is True, then :meth:`finish`; always close."""

    def __init__(self, context: bpy.types.Context) -> None:
        settings: MienSettings = context.scene.mien
        # Undo and deletion may come while the job runs: remember names, not Blender's pointers.
        self.target, self.scene = target_name(settings), str(context.scene.name)
        self.face = settings.face
        self.recording = False  # from a webcam, until it is stopped
        self.kept = False  # the take is in the file
        self._neutral: tuple[int, int] | str | None = None
        self._take: Take | None = None
        self._job: Job | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._finishing: Sliced[Report] | None = None
        self.cancelled = False
        self.puppet: Puppet | None = None
        self.picture: Picture | None = None  # of the face that is tracked
        self.delay = 0.0  # s from a frame being read to its being on the rig, when live
        if from_take(settings):
            self._take = Take.load(bpy.path.abspath(settings.source))
            return
        request = _request(settings)
        if settings.live:
            self.puppet = Puppet(settings)
            request["live"] = True
        self._neutral = request["neutral"]
        self.recording = settings.source_type == WEBCAM or settings.live
        self._folder = tempfile.TemporaryDirectory(prefix="mien-")
        device, python = machine(context)
        output = str(Path(self._folder.name) / "take.json")
        request |= {"output": output, "device": device, "picture": True}
        try:
            self._job = Job(request, python)
        except OSError as error:
            self.close()
            raise UserError(
                f"Cannot start {python or 'Python'} ({error.strerror}): "
                "check the interpreter in mien's preferences."
            ) from error

    @property
    def progress(self) -> Progress:
        """How far the job is."""
        return self._job.progress if self._job else Progress()

    def step(self) -> bool:
        """Takes in news from the job without waiting; True when there is nothing to wait for."""
        return self._job is None or self._job.poll()

    def show(self) -> bool:
        """Shows the newest picture of the face, and moves the character to the newest live frame;
        False when there is none."""
        if self._job and self._job.picture:
            self.picture = self.picture or Picture()
            self.picture.show(self._job.picture["pixels"])
            self._job.picture = None
        if self.puppet is None or self._job is None or self._job.live is None:
            return False
        newest, self._job.live = self._job.live, None
        try:
            self.puppet.move(self._scene().mien, newest["signals"])
            memory.lines = []
        except UserError as error:  # the recording is not to end with what a slider mends
            memory.lines = [told(error)]
        self.delay = time.time() - newest["read"]
        return True

    def wait(self) -> None:
        """Waits for the job, for scripts that have no window to keep alive."""
        if self._job:
            self._job.wait()

    def stop(self) -> None:
        """Ends the recording of a webcam; the next steps wait for what was recorded."""
        if self._job:
            self.recording = False
            self._job.finish()

    def cancel(self) -> None:
        """Calls it off; the next steps wait for the job to tidy up."""
        self.cancelled = True
        if self._job:
            self.recording = False
            self._job.cancel()

    @property
    def keying(self) -> bool:
        """Whether :meth:`finish_slice` is at work: until it is done or the session closed, nothing
        else may change the file."""
        return self._finishing is not None

    def _scene(self) -> bpy.types.Scene:
        """That in which the capture was begun, whichever is looked at now."""
        scene = bpy.data.scenes.get(self.scene)
        if scene is None:
            raise UserError(f"There is no scene {self.scene} any more: choose the take in another.")
        return scene

    def finish(self) -> Report:
        """Keeps what was captured in the file and keys it with the panel's present settings.

        UserError says why not; where there is a take, it is kept all the same.
        """
        return at_once(self._finish())

    def finish_slice(self) -> Report | None:
        """Some ms of :meth:`finish`; None until it is done."""
        if self._finishing is None:
            self._finishing = Sliced(self._finish())
        return self._finishing.result if self._finishing.step() else None

    def _finish(self) -> Steps[Report]:
        if self.puppet:
            self.puppet.rest()
        if self._job:
            if self._job.result is None:
                raise UserError(self._job.error)
            found = self._job.result["outputs"]
            self._take = yield partial(Take.load, found[: self.face][-1])
        take = self._take
        assert take
        content = yield partial(takes.content, take)
        try:
            if self._job and take.face + 1 < self.face:
                # Another take of the same recording cannot be had.
                raise UserError(
                    f"Face {self.face} was not found: the take of face {take.face + 1} is kept, "
                    "animate it or choose a lower number."
                )
            scene, target = self._scene(), bpy.data.objects.get(self.target)
            if not there(target):
                raise UserError(f"{self.target} is no longer in the file: choose another target.")
            on = character(target, scene.mien.others)
            report = yield from keying(scene, take, on, self._neutral)
        except UserError:
            self._keep(take, content)
            raise
        takes.remember(self._keep(take, content), report.actions)
        scene.mien.target = target
        note = self.progress.note
        memory.lines = report.lines() + ([told(note)] if note else [])
        if (seen := int(take.success.sum())) < len(take):
            memory.lines.append(
                say("The face is seen in {count} of {total} frames", count=seen, total=len(take))
            )
        if self._job and seen > 1 and take.neutral is None:
            memory.lines.append(
                say("No frame shows it at rest: with a saved neutral it is more exact")
            )
        return report

    def _keep(self, take: Take, content: str) -> bpy.types.Text:
        text = takes.keep(take, self._neutral, content)
        if scene := bpy.data.scenes.get(self.scene):
            scene.mien.take = text
        self.kept = True
        return text

    def close(self) -> None:
        """Ends the job if it still runs, removes its files and what is keyed by half, and puts a
        live character back."""
        if self._finishing:
            self._finishing.close()
        if self.puppet:
            self.puppet.rest()
        if self.picture:
            self.picture.close()
            self.picture = None
        if self._job:
            self._job.close()
        if self._folder:
            self._folder.cleanup()


def from_take(settings: MienSettings) -> bool:
    """Whether the source is a saved take, which need not be captured."""
    return settings.source_type == FILE and settings.source.lower().endswith(TAKE_SUFFIXES)


def is_photo(settings: MienSettings) -> bool:
    """Whether the source is a single picture."""
    source = Path(settings.source)
    one = source.suffix.lower() in IMAGE_SUFFIXES and not PATTERN.search(source.name)
    return settings.source_type == FILE and one


def _request(settings: MienSettings) -> dict[str, Any]:
    """What the worker is asked for; UserError when that cannot be done."""
    own = settings.neutral == MARKED and is_photo(settings)  # it would be its own neutral
    request = {"faces": settings.face, "neutral": None if own else chosen_neutral(settings)}
    if settings.source_type == WEBCAM:
        return request | {"input": str(settings.camera)}
    source = Path(bpy.path.abspath(settings.source))
    if not source.exists() and not PATTERN.search(source.name):
        raise UserError(f"There is no {source}: choose a video, an image or a take.")
    part = {"start": settings.range_start, "end": settings.range_end} if settings.use_range else {}
    render = settings.id_data.render  # images in sequence are a frame of the scene each
    return request | {"input": str(source), "fps": render.fps / render.fps_base} | part


def target_name(settings: MienSettings) -> str:
    """The target's name; UserError when none is chosen."""
    if not there(settings.target):
        raise UserError("Choose a target: the character's armature or one of its meshes.")
    return str(settings.target.name)
