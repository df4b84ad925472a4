"""Builds the Blender extension: the add-on's code with mien, onnxruntime and OpenCV as wheels.

Runs with the Python of the Blender releases that it is for (3.11: 4.2 to 5.0), on the platform
that it is for, and has Blender's own tool, which comes with the bpy module, build and validate
the zip.  Numpy is left out: Blender brings it.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# OpenCV 4.12 and later ask for numpy 2, which Blender 4.2 to 5.0 do not have.  On Windows these
# Blenders load a C++ runtime with which onnxruntime 1.19 and later crash.
WINDOWS = sys.platform == "win32"
BUNDLED = (
    "onnxruntime==1.18.1" if WINDOWS else "onnxruntime>=1.18",
    "opencv-python-headless>=4.8,<4.12",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="zip's folder")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "mien"
        shutil.copytree(
            ROOT / "blender_addon",
            source,
            ignore=shutil.ignore_patterns("__pycache__", "__main__.py"),
        )
        wheels = _wheels(source / "wheels")
        manifest = source / "blender_manifest.toml"
        text = _manifest(manifest.read_text(encoding="utf-8"), wheels)
        manifest.write_text(text, encoding="utf-8")
        _blender("build", "--source-dir", str(source), "--output-dir", str(output))
    version = tomllib.loads((ROOT / "blender_addon/blender_manifest.toml").read_text())["version"]
    built = output / f"mien-{version}.zip"
    _blender("validate", str(built))
    print(f"{built} ({built.stat().st_size / 1e6:.0f} MB)")


def _wheels(folder: Path) -> list[str]:
    """Puts the wheels into ``folder``: ours from this tree, the others as pip chooses them."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    with tempfile.TemporaryDirectory() as build:  # setuptools leaves a build folder in the tree
        tree = Path(build) / "mien"
        skip = shutil.ignore_patterns("__pycache__", ".*", "build", "dist", "out", "*.egg-info")
        shutil.copytree(ROOT, tree, ignore=skip)
        subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), str(tree)], check=True)
    # Without their dependencies: numpy is Blender's, and a capture needs none of the others.
    download = [*pip, "download", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    subprocess.run([*download, *BUNDLED], check=True)
    return sorted(path.name for path in folder.glob("*.whl"))


def _manifest(text: str, wheels: list[str]) -> str:
    """The manifest with its wheels and the platform that they run on."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    arch = machine.get(platform.machine().lower(), platform.machine().lower())
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}[sys.platform]
    lines = "".join(f'    "./wheels/{name}",\n' for name in wheels)
    listed = f'platforms = ["{system}-{arch}"]\nwheels = [\n{lines}]\n\n'
    head, permissions = text.split("[permissions]")
    return f"{head}{listed}[permissions]{permissions}"


def _blender(*arguments: str) -> None:
    """Runs Blender's own tool for extensions."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        sys.exit("The bpy module is missing: pip install 'bpy>=4.2,<5.1'.")
    tools = Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    subprocess.run([sys.executable, str(next(tools)), *arguments], check=True)


if __name__ == "__main__":
    main()
