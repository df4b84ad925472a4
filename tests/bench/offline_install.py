"""Installs an extension's zip in a clean profile, with networking off, and captures a face.

    python tests/bench/offline_install.py dist/mien-0.1.0-linux-x64-py311.zip

For Linux, as root or where users may make network namespaces.  Blender is the bpy module in an
environment of its own that has what Blender ships and nothing else, so that onnxruntime, OpenCV and
mien can only come from the zip.  Prints where they came from and what was keyed; exits 1 otherwise.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

# What Blender brings: bpy itself, numpy, and what its extensions' tool needs.
BLENDERS = ("bpy", "numpy", "numpy.libs", "requests", "urllib3", "certifi", "idna",
            "charset_normalizer", "zstandard")  # fmt: skip


def outside(package: Path) -> int:
    """Paints a face, makes the clean environment, and starts ``inside`` there without a network."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "face.png"
        _paint(picture)
        environment = Path(folder) / "environment"
        venv.create(environment, symlinks=True)
        python = environment / "bin/python"
        theirs = next(environment.glob("lib/python3*/site-packages"))
        ours = Path(importlib.import_module("numpy").__file__ or "").parent.parent
        for name in BLENDERS:
            (theirs / name).symlink_to(ours / name)
        command = ["unshare", "-n", str(python), __file__, "--inside", str(package), str(picture)]
        profile = {
            "BLENDER_USER_RESOURCES": str(Path(folder) / "profile"),
            "PATH": os.environ["PATH"],
        }
        return subprocess.run(command, env=profile, timeout=600).returncode


def _paint(path: Path) -> None:
    from mien.blender_addon.render_picture import quiet
    from mien.blender_addon.render_scene import Camera, FaceScene, Shot
    from mien.core.face_model import FaceModel
    from mien.core.parameters import IDENTITY, neutral

    model, y = FaceModel(), neutral()
    person = model.person(y[IDENTITY])
    scene = FaceScene(512, samples=4)
    scene.set_face(person, model.pose(person, {"AU26": 0.6, "AU25": 0.6}))
    with quiet():
        scene.render(Shot(Camera((0.0, 0.715, 1.3), 4.0)), str(path))


def inside(package: str, picture: str) -> int:
    """Installs, captures, and tells."""
    import bpy

    try:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        began = time.perf_counter()
        bpy.ops.extensions.package_install_files(
            filepath=package, repo="user_default", enable_on_install=True
        )
        print(f"installed in {time.perf_counter() - began:.1f} s, Blender {bpy.app.version_string}")
        for name in ("mien.core", "onnxruntime", "cv2"):
            where = importlib.import_module(name).__file__ or ""
            print(f"{name}: {where.partition('site-packages')[2]}")
            assert where.startswith(os.environ["BLENDER_USER_RESOURCES"]), where
        bpy.ops.mien.add_face()
        settings = bpy.context.scene.mien
        settings.source, settings.target = picture, bpy.context.object
        began = time.perf_counter()
        assert bpy.ops.mien.capture() == {"FINISHED"}
        (action,) = bpy.data.actions
        jaw = action.fcurves.find('["AU26"]').evaluate(1)
        print(f"captured in {time.perf_counter() - began:.1f} s: {action.name}, AU26 {jaw:.2f}")
        return 0
    except Exception as error:
        print(f"failed: {error}")
        return 1


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        status = inside(*sys.argv[2:])
    else:
        status = outside(Path(sys.argv[1]).resolve())
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
