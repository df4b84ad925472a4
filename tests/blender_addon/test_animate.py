"""``mien animate`` and what the extension's zip holds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import bpy
import numpy as np
import pytest

from mien.blender_addon.__main__ import run
from mien.blender_addon.face_object import to_blender
from mien.core import parameters
from mien.core.face_model import FaceModel
from mien.core.take import Take

ROOT = Path(__file__).parents[2]


def test_animate_keys_a_character_in_a_file(
    tmp_path: Path, take: Take, head: bpy.types.Object, capsys: pytest.CaptureFixture[str]
) -> None:
    take.save(tmp_path / "take.csv")
    blend, out = tmp_path / "character.blend", tmp_path / "Größe.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))
    before = blend.read_bytes()
    arguments = [str(tmp_path / "take.csv"), "--blend", str(blend), "--mapping", "arkit"]
    assert run(["animate", *arguments, "-o", str(out)]) == 0
    assert "channels keyed" in capsys.readouterr().out
    assert blend.read_bytes() == before
    bpy.ops.wm.open_mainfile(filepath=str(out))
    keys = bpy.data.objects["Head"].data.shape_keys
    bpy.context.scene.frame_set(1)
    still = keys.key_blocks["jawOpen"].value
    bpy.context.scene.frame_set(14)
    assert keys.key_blocks["jawOpen"].value > still + 0.3
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["take.csv", "character.blend", "Größe.blend"]
    )


def test_without_a_character_the_performer_is_animated(tmp_path: Path, take: Take) -> None:
    """The one whom a .json knows; a .csv knows nobody, and the face is anybody's."""
    model = FaceModel()
    who = take.identity = model.sample_identity(np.random.default_rng(3))
    anybody = parameters.neutral()[parameters.IDENTITY]
    for suffix, identity in ((".json", who), (".csv", anybody)):
        source, out = tmp_path / f"take{suffix}", tmp_path / "out.blend"
        take.save(source)
        assert run(["animate", str(source), "-o", str(out)]) == 0
        bpy.ops.wm.open_mainfile(filepath=str(out))
        mesh = next(o for o in bpy.data.objects if o.type == "ARMATURE").children[0].data
        built = np.array([corner.co for corner in mesh.vertices])
        assert np.allclose(built, to_blender(model.person(identity).rest), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.csv", "-o", "out.blend"], "nothing.csv"),
        (["take.json", "-o", "out.txt"], ".blend"),
        (["take.json", "-o", "none/out.blend"], "choose another place"),
        (["take.json", "--blend", "none.blend", "-o", "out.blend"], "none.blend"),
        (["take.json", "--blend", "take.json", "-o", "out.blend"], "not a .blend"),
        (["take.json", "--mapping", "arkitt", "-o", "out.blend"], "arkit"),
        (["take.json", "--blend", "a.blend", "--target", "X", "-o", "out.blend"], "Head"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str],
    said: str,
    take: Take,
    head: bpy.types.Object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    take.save("take.json")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert run(["animate", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("*out*"))


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dance"]) == 2
    assert "animate" in capsys.readouterr().err


def test_the_extension_builds_and_blender_validates_it(tmp_path: Path) -> None:
    tool = str(ROOT / "tools/build_extension.py")
    command = [sys.executable, tool, "-o", str(tmp_path), "linux-x64-py311"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = tmp_path.glob("*.zip")
    names = zipfile.ZipFile(built).namelist()
    assert {"__init__.py", "LICENSE", "blender_manifest.toml"} <= set(names)
    wheels = [name.split("/")[1].split("-")[0] for name in names if name.endswith(".whl")]
    assert sorted(wheels) == ["mien", "onnxruntime", "opencv_python_headless"]
