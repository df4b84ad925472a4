"""How long the panel's timer holds up a real window while it captures, with pictures of it.

    blender --window-geometry 0 0 1280 900 -P tests/bench/window.py -- CLIP FOLDER [live]

with mien on the Python path, in an X display that ImageMagick's ``import`` can read.  Writes
rest.png, capturing.png and after.png, and what it measured to measured.txt: how long the longest
call of the operator's modal took, by the clock and of this thread's processor time, while the
worker captured and while the keys were set; and how long the window was deaf in all, drawing
included, which without a graphics card is most of it and happens at rest too.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import bpy

from mien import blender_addon
from mien.blender_addon import keying, operators

CLIP, OUT = sys.argv[sys.argv.index("--") + 1 :][:2]
LIVE = sys.argv[-1] == "live"
spent: list[tuple[bool, float, float]] = []  # modal calls: keying?, s by the clock, s computing
beats: list[tuple[float, bool]] = []  # s by the clock, some milliseconds apart: capturing?
modal = operators.MIEN_OT_capture.modal


def timed(self: bpy.types.Operator, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
    began, busy = time.perf_counter(), time.thread_time()
    try:
        return modal(self, context, event)
    finally:
        running = keying.memory.running
        passed, busy = time.perf_counter() - began, time.thread_time() - busy
        spent.append((running is None or running.keying, passed, busy))


def view() -> dict[str, object]:
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    return {"window": window, "area": area, "region": region}


def picture(name: str) -> None:
    subprocess.run(["import", "-window", "root", str(Path(OUT) / f"{name}.png")], check=True)


def steps() -> Iterator[float]:
    """What is done, and the seconds until the next of it."""
    with bpy.context.temp_override(**view()):
        bpy.ops.object.select_all(action="SELECT")
        bpy.ops.object.delete()
        bpy.ops.mien.add_face()
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    area = view()["area"]
    area.spaces[0].show_region_ui = True
    yield 3
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Mien"
    settings = bpy.context.scene.mien
    settings.source, settings.live = CLIP, LIVE
    yield 4
    picture("rest")
    with bpy.context.temp_override(**view()):
        bpy.ops.mien.capture("INVOKE_DEFAULT")
    while keying.memory.running and keying.memory.running.progress.done < 40:
        yield 0.5
    picture("capturing")
    while keying.memory.running:
        yield 0.5
    bpy.context.scene.frame_set(30)
    yield 4
    picture("after")
    text = [f"Blender {bpy.app.version_string}, {len(settings.take.as_string())} bytes of take"]
    text.append(f"load {os.getloadavg()[0]:.1f}")
    for keyed, name in ((False, "while capturing"), (True, "while keying")):
        calls = [call for call in spent if call[0] == keyed]
        passed, busy = (1000 * max(call[n] for call in calls) for n in (1, 2))
        text.append(f"{name}: {len(calls)} calls, at most {passed:.1f} ms, {busy:.1f} ms computing")
    text.append(f"between two timers: at rest {deaf(False)}; capturing {deaf(True)}")
    (Path(OUT) / "measured.txt").write_text("\n".join(text + keying.memory.lines) + "\n")


def beat() -> float:
    beats.append((time.perf_counter(), keying.memory.running is not None))
    return 0.003


def deaf(capturing: bool) -> str:
    gaps = [1000 * (b[0] - a[0]) for a, b in pairwise(beats) if a[1] == b[1] == capturing]
    return f"{statistics.median(gaps):.1f} ms, at most {max(gaps):.0f} ms"


def go() -> float:
    try:
        return next(todo)
    except StopIteration:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


bpy.context.preferences.view.show_splash = False
operators.MIEN_OT_capture.modal = timed
blender_addon.register()
todo = steps()
bpy.app.timers.register(beat)
bpy.app.timers.register(go, first_interval=3)
