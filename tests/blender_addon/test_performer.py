"""The performer's face at rest, saved from one take and used for the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien.blender_addon import keying, panel, takes
from mien.blender_addon.face_object import to_blender
from mien.core.face_model import SLIDERS, FaceModel
from mien.core.performer import Neutral
from mien.core.take import Take


def test_a_saved_neutral_serves_the_next_clip(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    settings = scene.mien
    settings.source, settings.target = str(media("smile.mp4")), head
    settings.use_range, settings.range_end = True, 15
    assert not bpy.ops.mien.save_neutral.poll()
    bpy.ops.mien.capture()
    assert bpy.ops.mien.save_neutral(filepath=str(tmp_path / "Zoë")) == {"FINISHED"}
    first = takes.read(settings.take).neutral
    settings.neutral_file = str(tmp_path / "Zoë.json")
    settings.neutral = "saved"
    (line,) = keying.memory.lines
    assert "was not measured against this performer: capture again" in line
    settings.range_start, settings.range_end = 4, 5
    bpy.ops.mien.capture()
    second = takes.read(settings.take)
    assert len(second) == 2
    assert first and second.neutral
    assert np.array_equal(second.neutral.features, first.features)
    assert takes.neutral(settings.take) == settings.neutral_file
    assert bpy.ops.mien.key_again() == {"FINISHED"}


def test_a_saved_performer_is_known_by_the_face_and_not_by_the_path(
    take: Take, head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    """The project moves to another folder; another performer is another one there too."""
    numbers = np.random.default_rng(0)
    faces = [
        Neutral(numbers.random((68, 2), np.float32), numbers.random((2, 9), np.float32), "n")
        for _ in range(2)
    ]
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    faces[0].save(old / "Zoë.json")
    faces[1].save(old / "Ann.json")
    take.neutral = faces[0]
    settings = scene.mien
    settings.take, settings.target = takes.keep(take, str(old / "Zoë.json")), head
    settings.neutral, settings.neutral_file = "saved", str(old / "Zoë.json")
    assert bpy.ops.mien.key_again() == {"FINISHED"}
    old.rename(new)
    settings.neutral_file = str(new / "Zoë.json")
    settings.tuning.strength = 0.5
    assert "channels keyed" in keying.memory.lines[0]
    jaw = keys_of(curves_of(head.data.shape_keys)['key_blocks["jawOpen"].value', 0])
    assert 0.3 < jaw[:, 1].max() <= 0.5
    for file, says in (("Ann", "was not measured against this performer"), ("Bo", "Cannot read")):
        settings.neutral_file = str(new / f"{file}.json")
        assert says in keying.memory.lines[0]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("", "Choose the performer's saved neutral"),
        ("none.json", "Cannot read"),
        ("take.json", 'is not a saved neutral: it does not say "format": "mien neutral"'),
    ],
)
def test_a_wrong_file_is_one_sentence(
    file: str,
    says: str,
    clip: Callable[[int], Path],
    take: Take,
    head: bpy.types.Object,
    scene: bpy.types.Scene,
    tmp_path: Path,
) -> None:
    take.save(tmp_path / "take.json")
    scene.mien.source, scene.mien.target = str(clip(2)), head
    scene.mien.neutral = "saved"
    scene.mien.neutral_file = str(tmp_path / file) if file else ""
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.mien.capture()
    message = str(caught.value).removeprefix("Error: ").strip()
    assert says in message and "\n" not in message
    assert not bpy.data.actions


def test_a_take_without_a_neutral_has_none_to_save(
    take: Take, head: bpy.types.Object, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.mien.take = takes.keep(take)
    with pytest.raises(RuntimeError, match="does not hold the performer's face at rest"):
        bpy.ops.mien.save_neutral(filepath=str(tmp_path / "me.json"))
    assert not list(tmp_path.iterdir())


def test_the_panel_names_the_convention(head: bpy.types.Object, scene: bpy.types.Scene) -> None:
    scene.mien.target = head
    title, names = panel._match(scene.mien)
    assert title == "ARKit, 52 blend shapes"
    assert names.startswith("5 of 52 names, ")
    scene.mien.target = head.parent
    bpy.data.objects.remove(head)
    assert panel._match(scene.mien) == ("No known names here",)


def test_the_performer_of_a_photo_becomes_a_face(
    media: Callable[[str], Path], head: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    """A Mien face with the features that the take tells, at rest; the target stays."""
    settings = scene.mien
    settings.source, settings.target = str(media("one_face.jpg")), head
    assert not bpy.ops.mien.build_performer.poll()
    bpy.ops.mien.capture()
    assert bpy.ops.mien.build_performer() == {"FINISHED"}
    assert settings.target == head
    face, identity = bpy.context.object, takes.read(settings.take).identity
    mesh = face.children[0]
    rest = to_blender(FaceModel().person(identity).rest)
    built = np.array([corner.co for corner in mesh.data.vertices])
    assert np.allclose(built, rest, atol=1e-6)
    assert all(face[slider] == 0 for slider in SLIDERS)
    settings.target = face
    bpy.ops.mien.key_again()
    assert face["AU12.L"] > 0.2  # the photo smiles


def test_a_take_without_a_performer_builds_none(take: Take, scene: bpy.types.Scene) -> None:
    scene.mien.take = takes.keep(take)
    with pytest.raises(RuntimeError, match="does not tell who the performer is"):
        bpy.ops.mien.build_performer()
    assert not bpy.data.objects
