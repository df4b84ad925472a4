"""Files have the name that was chosen, dots and all, and the ending of what is in them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from mien.blender_addon import takes
from mien.blender_addon.endings import with_ending
from mien.core.performer import Neutral
from mien.core.take import Take


@pytest.mark.parametrize(
    ("chosen", "written"),
    [
        ("anna", "anna.json"),
        ("anna v1.1", "anna v1.1.json"),
        ("anna.json", "anna.json"),
        ("ANNA.JSON", "ANNA.JSON"),
        ("anna.mov", "anna.json"),
        ("v1.1/json", "v1.1/json.json"),
    ],
)
def test_an_ending_is_added_where_it_is_missing(chosen: str, written: str) -> None:
    assert with_ending(chosen, ".json", {".mov", ".csv"}) == written


@pytest.fixture
def filled(take: Take, scene: bpy.types.Scene) -> None:
    """A scene with something for every operator to write."""
    take.neutral = Neutral(np.zeros((68, 2), np.float32), np.zeros((2, 4), np.float32), "none")
    scene.mien.take = takes.keep(take)
    bpy.ops.mien.add_mapped()


@pytest.mark.parametrize(
    ("operator", "suffix"),
    [("save_neutral", ".json"), ("save_mapping", ".toml"), ("export_take", ".csv")],
)
def test_what_is_saved_has_the_chosen_name(
    operator: str, suffix: str, filled: None, tmp_path: Path
) -> None:
    save = getattr(bpy.ops.mien, operator)
    for name in ("anna v1.1", "anna v1.2"):
        assert save(filepath=str(tmp_path / name)) == {"FINISHED"}
    for name in ("", suffix):
        with pytest.raises(RuntimeError, match="Give the file a name"):
            save(filepath=f"{tmp_path}/{name}")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"anna v1.1{suffix}", f"anna v1.2{suffix}"]
