"""Presets on rigs sculpted by what their names say: the right thing moves, and nothing else.

tests/bench/rigs.py and regions.py do the same with all of them, Rigify's included, and with
pictures.
"""

from __future__ import annotations

import pytest
from regions import figures, poses
from rigs import POSES, judge, show, somebody

from mien.core.face_model import FaceModel

# One of every way to split, name and drive; the others are spellings of ARKit's.
PRESETS = ("bdfm", "cc5", "daz_genesis9", "jaw_and_eyes", "makehuman", "metahuman", "mmd", "vrm")


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel()


@pytest.mark.parametrize("name", PRESETS)
def test_the_right_thing_moves_the_right_way(name: str, model: FaceModel) -> None:
    person = somebody(model)
    shown = show(name, model, person, list(POSES.values()))
    verdict = judge(shown, model, person)
    blind = {"AU12", "AU1+2", "left AU43"} if name == "jaw_and_eyes" else set()
    assert verdict == {pose: "-" if pose in blind else "yes" for pose in list(POSES)[1:]}


def test_action_units_move_their_region_in_step_and_nothing_else(model: FaceModel) -> None:
    person = somebody(model)
    shown = show("arkit", model, person, poses("arkit"))
    assert [found for found in figures(shown, model, person) if not found.good] == []
