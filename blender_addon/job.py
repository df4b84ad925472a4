# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture in a process of its own, watched without waiting for it.  Knows nothing of bpy."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

GRACE = 3.0  # s that a cancelled worker gets to tidy up before it is killed


@dataclass(frozen=True, slots=True)
class Progress:
    """done of total frames (total 0: not known), frames per second, seconds left.

    provider: what computes; note: why it is not what was asked for, or "".
    """

    done: int = 0
    total: int = 0
    fps: float = 0.0
    eta: float | None = None
    provider: str = ""
    note: str = ""


class Job:
    """One run of ``python -m mien.core.worker``.

    Call :meth:`poll` now and then, from a timer or a loop; it never blocks.  When it returns
    True the job is over, and either ``result`` (the worker's "done" event), ``error`` (one
    sentence) or ``cancelled`` says how.
    """

    def __init__(self, request: Mapping[str, Any], python: str = "") -> None:
        """python: another interpreter that has mien installed; by default the running one."""
        self.progress = Progress()
        self.result: dict[str, Any] | None = None
        self.error = ""
        self.cancelled = False
        # The newest events that nobody took yet.
        self.live: dict[str, Any] | None = None
        self.picture: dict[str, Any] | None = None
        self._deadline = float("inf")
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        try:
            self._process = subprocess.Popen(
                [python or sys.executable, "-m", "mien.core.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=_environment(own=not python),
                text=True,
                encoding="utf-8",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError:
            self._complaints.close()
            raise
        threading.Thread(
            target=_read, args=(self._process.stdout, self._events), daemon=True
        ).start()
        self._say(request)

    def poll(self) -> bool:
        """Takes in what the worker has said; True when it has ended."""
        while not self._over:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                if time.monotonic() > self._deadline:
                    self._process.kill()
                return False
            if event is None:
                self._end()
            else:
                self._take(event)
        return True

    def wait(self, timeout: float = float("inf")) -> bool:
        """Polls until the job is over or ``timeout`` seconds have passed; True when over."""
        end = time.monotonic() + timeout
        while not self.poll():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def cancel(self) -> None:
        """Asks the worker to stop and leave nothing; it is killed when it does not."""
        if not self.cancelled and not self._over:
            self.cancelled = True
            self._deadline = time.monotonic() + GRACE
            self._say({"cancel": True})

    def finish(self) -> None:
        """Ends the recording of a webcam; the worker keeps it and goes on to its result."""
        self._say({"finish": True})

    def close(self) -> None:
        """Ends the worker if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._complaints):
            try:
                if stream:
                    stream.close()
            except OSError:  # what was not yet sent to a worker that is gone
                pass

    @property
    def _over(self) -> bool:
        return self._process.returncode is not None

    def _say(self, message: Mapping[str, Any]) -> None:
        try:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it is gone; poll will tell how

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "progress":
                self.progress = Progress(
                    int(event.get("done") or 0),
                    int(event.get("total") or 0),
                    float(event.get("fps") or 0),
                    event.get("eta"),
                    str(event.get("provider") or ""),
                    str(event.get("note") or ""),
                )
            case "live":
                self.live = event
            case "picture":
                self.picture = event
            case "done":
                self.result = event
            case "error":
                self.error = str(event.get("message"))

    def _end(self) -> None:
        code = self._process.wait()
        if self.cancelled:
            self.result, self.error = None, ""
        elif self.result is None and not self.error:
            self._complaints.seek(0)
            said = self._complaints.read().decode("utf-8", "replace").strip()
            last = said.splitlines()[-1] if said else "it said nothing"
            self.error = (
                f"The capture process stopped with code {code} ({last}): capture again, and "
                "report it if that happens again."
            )


def _environment(own: bool) -> dict[str, str]:
    """For our own interpreter the places where Blender unpacked the bundled wheels are added."""
    places = [p for p in sys.path if p.rstrip("\\/").endswith(("site-packages", "dist-packages"))]
    extra = {"PYTHONPATH": os.pathsep.join(places)} if own else {}
    return os.environ | extra | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


def _read(stream: IO[str], events: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """The only thing that runs beside Blender: lines in, events out, None at the end."""
    with stream:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a library that prints
            if isinstance(event, dict):
                events.put(event)
    events.put(None)
