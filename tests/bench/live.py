"""How many frames per second of a 640x480 source reach a character live, and how late.

    python tests/bench/live.py CLIP

Plays the clip (scaled to 640x480) at its own pace through the worker onto the Mien face, as the
panel does from its timer, and prints frames per second, how many came late and were left out, the
delay from a frame being read to its values being on the rig, and what both processes compute.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import bpy
import cv2
import numpy as np

from mien import blender_addon
from mien.blender_addon.session import Session
from mien.core.frames import open_footage

SIZE, SECONDS = (640, 480), 15


def main() -> int:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    settings = bpy.context.scene.mien
    bpy.ops.mien.add_face()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.avi"
        scaled(Path(sys.argv[1]), clip)
        settings.source, settings.live = str(clip), True
        session = Session(bpy.context)
        arrived, delays, moving, drawing = [], [], [], []
        while not session.step():
            began = time.process_time()
            if session.show(bpy.context):
                moved = time.process_time()
                delays.append(session.delay)
                bpy.context.view_layer.update()
                moving.append(moved - began)
                drawing.append(time.process_time() - moved)
                arrived.append(time.perf_counter())
            time.sleep(0.005)
        seen, error = (session._job.result or {}).get("frames", 0), session._job.error
        session.close()
    if error:
        raise SystemExit(error)
    worker = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = (len(arrived) - 1) / (arrived[-1] - arrived[0])
    print(f"Blender {bpy.app.version_string}, {len(arrived)} frames at {rate:.1f} per second")
    print(f"{30 * SECONDS} in the clip, {seen} in the worker; load {os.getloadavg()[0]:.1f}")
    print(f"frame to rig  {1000 * np.median(delays):.0f} ms, at most {1000 * max(delays):.0f} ms")
    for what, spent in (("values onto the rig", moving), ("Blender's evaluation", drawing)):
        print(f"{what}: {1000 * np.median(spent):.1f} ms of computing a frame")
    spent = worker.ru_utime + worker.ru_stime
    print(f"the worker: {1000 * spent / seen:.1f} ms of computing a frame, its start included")
    return 0


def scaled(source: Path, to: Path) -> None:
    """A clip at 30 frames per second, forwards and back until some seconds are full."""
    frames = [cv2.resize(frame.image, SIZE)[..., ::-1] for frame in open_footage(source).frames]
    frames += frames[::-1]
    writer = cv2.VideoWriter(str(to), cv2.VideoWriter_fourcc(*"MJPG"), 30, SIZE)
    for number in range(30 * SECONDS):
        writer.write(np.ascontiguousarray(frames[number % len(frames)]))
    writer.release()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
