"""Builds the Blender extension: the add-on's code with mien, onnxruntime and OpenCV as wheels.

    python tools/build_extension.py [-o DIST] [TARGET ...]

One zip for every target: a platform and the Python of some Blender releases.  Pip fetches the
wheels of any target on any machine; Blender's own tool, which comes with the bpy module, builds and
validates the zip.  Numpy is left out: Blender brings it.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
MANIFEST: Final = "blender_manifest.toml"


class Target(NamedTuple):
    """What one zip is for.  blender: the first release, and the first one too new, if any."""

    platform: str  # as Blender calls it
    python: str
    blender: tuple[str, str]

    @property
    def name(self) -> str:
        """linux-x64-py311"""
        return f"{self.platform}-py{self.python.replace('.', '')}"


# The official releases have Python 3.11 up to 5.0 and 3.13 from 5.1, which runs on no Intel Mac;
# Debian builds its 5.2 with 3.14.
_OLD, _NEW, _DEBIAN = ("4.2.0", "5.1.0"), ("5.1.0", ""), ("5.2.0", "")
TARGETS: Final = {
    target.name: target
    for target in (
        *(Target(p, "3.11", _OLD) for p in ("linux-x64", "windows-x64", "macos-arm64")),
        Target("macos-x64", "3.11", _OLD),
        *(Target(p, "3.13", _NEW) for p in ("linux-x64", "windows-x64", "macos-arm64")),
        Target("linux-x64", "3.14", _DEBIAN),
    )
}
_MACS: Final = ("14_0", "13_0", "12_0", "11_0", "10_15")
# The tags of the wheels that run there, the best first.
WHEEL_TAGS: Final = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": tuple(f"macosx_{v}_{a}" for v in _MACS for a in ("arm64", "universal2")),
    "macos-x64": tuple(f"macosx_{v}_{a}" for v in _MACS for a in ("x86_64", "universal2")),
}
# OpenCV 4.12 and later ask for numpy 2, which Blender 4.2 to 5.0 do not have.
OPENCV: Final = "opencv-python-headless>=4.8,<4.12"
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", help="zips' folder")
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}; all without a name"
    )
    options = parser.parse_args()
    if unknown := set(options.targets) - TARGETS.keys():
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        own = _own_wheel(Path(folder))
        print(f"{'zip':40} {'MB':>5}  Blender         wheels")
        for name in options.targets or TARGETS:
            print(_row(*_build(TARGETS[name], own, options.output)), flush=True)


def _build(target: Target, own: Path, output: Path) -> tuple[Path, Target, list[str]]:
    """Builds and validates one zip; the wheels in it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "mien"
        skip = shutil.ignore_patterns("__pycache__", "__main__.py")
        shutil.copytree(ROOT / "blender_addon", source, ignore=skip)
        wheels = source / "wheels"
        wheels.mkdir()
        shutil.copy(own, wheels)
        _download(target, wheels)
        names = sorted(path.name for path in wheels.glob("*.whl"))
        manifest = source / MANIFEST
        text = manifest_for(target, manifest.read_text(encoding="utf-8"), names)
        manifest.write_text(text, encoding="utf-8")
        version = tomllib.loads(text)["version"]
        draft = Path(folder) / f"mien-{version}-{target.name}.zip"
        _blender("build", "--source-dir", str(source), "--output-filepath", str(draft))
        _blender("validate", str(draft))
        return Path(shutil.move(draft, output / draft.name)), target, names


def _row(built: Path, target: Target, wheels: list[str]) -> str:
    first, end = target.blender
    releases = f"{first} to before {end}" if end else f"{first} and newer"
    held = ", ".join(" ".join(name.split("-")[:2]) for name in wheels)
    return f"{built.name:40} {built.stat().st_size / 1e6:5.0f}  {releases:22}  {held}"


def _own_wheel(folder: Path) -> Path:
    """The wheel of this tree, the same for all."""
    tree = folder / "mien"  # setuptools leaves a build folder in the tree that it builds
    skip = shutil.ignore_patterns("__pycache__", ".*", "build", "dist", "out", "*.egg-info")
    shutil.copytree(ROOT, tree, ignore=skip)
    subprocess.run([*PIP, "wheel", "--no-deps", "-w", str(folder), str(tree)], check=True)
    return next(folder.glob("*.whl"))


def _download(target: Target, folder: Path) -> None:
    """Fetches the others without their dependencies: numpy is Blender's, and a capture needs none
    of the rest."""
    # On Windows, Blender 4.2 to 5.0 load a C++ runtime with which onnxruntime 1.19 and later crash.
    old_runtime = target.platform == "windows-x64" and target.python == "3.11"
    onnxruntime = "onnxruntime==1.18.1" if old_runtime else "onnxruntime>=1.18"
    tags = [part for tag in WHEEL_TAGS[target.platform] for part in ("--platform", tag)]
    download = [*PIP, "download", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    wanted = [*tags, "--python-version", target.python, onnxruntime, OPENCV]
    subprocess.run([*download, *wanted], check=True)


def manifest_for(target: Target, text: str, wheels: list[str]) -> str:
    """The manifest with the releases, the platform and the wheels of a target."""
    first, end = target.blender
    releases = f'blender_version_min = "{first}"'
    if end:
        releases += f'\nblender_version_max = "{end}"'
    text = re.sub(r"blender_version_min = .*", releases, text)
    lines = "".join(f'    "./wheels/{name}",\n' for name in wheels)
    listed = f'platforms = ["{target.platform}"]\nwheels = [\n{lines}]\n\n'
    head, permissions = text.split("[permissions]")
    return f"{head}{listed}[permissions]{permissions}"


def _blender(*arguments: str) -> None:
    """Runs Blender's own tool for extensions; it speaks only of what is wrong."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        sys.exit("The bpy module is missing: pip install 'bpy>=4.2,<5.1'.")
    tool = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    done = subprocess.run([sys.executable, str(tool), *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}".strip())


if __name__ == "__main__":
    main()
