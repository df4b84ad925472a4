"""How long a change of a slider takes until the keys are those of it, on the Mien face.

    python tests/bench/tuning.py [reduced]

Captures a take of 1,000 frames in which every signal moves, then changes the overall strength and
smoothing as the panel does, and prints the seconds of each; exits 1 when one takes 0.3 s, or when
the keys do not follow.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np
from keyframes import performance

from mien import blender_addon
from mien.core.one_euro import zero_phase

LIMIT = 0.3  # s
CHANGES = (("strength", 0.5), ("smoothing", 0.8), ("strength", 1.3), ("smoothing", 0.2))


def main() -> int:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    settings = bpy.context.scene.mien
    take = performance()
    for name, values in take.signals.items():  # as calm as a face is
        take.signals[name] = zero_phase(values, take.timestamps, 1.0, 0.0)
    bpy.ops.mien.add_face()
    settings.how_many = "REDUCED" if "reduced" in sys.argv else "EVERY"
    with tempfile.TemporaryDirectory() as folder:
        take.save(Path(folder) / "take.json")
        settings.source = str(Path(folder) / "take.json")
        bpy.ops.mien.capture()
    face, worst, follows = settings.target, 0.0, True
    for name, value in CHANGES:
        before = shown(face)
        began, busy = time.perf_counter(), time.process_time()
        setattr(settings.tuning, name, value)
        spent, busy = time.perf_counter() - began, time.process_time() - busy
        worst, follows = max(worst, spent), follows and not np.allclose(before, shown(face))
        print(f"{name:10} {value:3}  {spent:.3f} s, {busy:.3f} s of them computing")
    print(f"Blender {bpy.app.version_string}: at most {worst:.3f} s for {len(take)} frames")
    return 0 if worst < LIMIT and follows else 1


def shown(face: bpy.types.Object) -> list[float]:
    """AU12 on the left over some frames."""
    out = []
    for frame in range(100, 200, 10):
        bpy.context.scene.frame_set(frame)
        out.append(face["AU12.L"])
    return out


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
