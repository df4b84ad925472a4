"""What the zips of the extension say of themselves; tests/bench/offline_install.py installs one."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "tools/build_extension.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_manifest_names_its_releases_platform_and_wheels(build: ModuleType) -> None:
    text = (ROOT / "blender_addon" / build.MANIFEST).read_text(encoding="utf-8")
    wheels = ["mien-0.1.0-py3-none-any.whl", "onnxruntime-1.18.1-cp311-cp311-win_amd64.whl"]
    for target in build.TARGETS.values():
        manifest = tomllib.loads(build.manifest_for(target, text, wheels))
        assert manifest["platforms"] == [target.platform]
        assert manifest["wheels"] == [f"./wheels/{name}" for name in wheels]
        assert manifest["blender_version_min"] == target.blender[0]
        assert manifest.get("blender_version_max", "") == target.blender[1]
        assert manifest["permissions"] and manifest["id"] == "mien"


def test_every_release_has_its_python(build: ModuleType) -> None:
    """Blender 4.2 to 5.0 have Python 3.11, 5.1 has 3.13, and Debian's 5.2 has 3.14."""
    by_python = {t.python: t.blender for t in build.TARGETS.values()}
    assert by_python == {
        "3.11": ("4.2.0", "5.1.0"), "3.13": ("5.1.0", ""), "3.14": ("5.2.0", "")
    }  # fmt: skip
    assert {"linux-x64-py311", "windows-x64-py311", "macos-arm64-py313"} <= build.TARGETS.keys()
    assert {t.platform for t in build.TARGETS.values()} == build.WHEEL_TAGS.keys()
