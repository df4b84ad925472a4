"""Folds of the skin: some faces hardly have any, whatever they do."""

import numpy as np

from mien.blender_addon.render_marks import Marks

SMILE = {"AU06.L": 1.0, "AU06.R": 1.0, "AU12.L": 1.0, "AU12.R": 1.0}
PEOPLE = range(40)


def marks(person: int, age: float) -> Marks:
    rng = np.random.default_rng([7, person])
    return Marks(rng, np.full(3, 0.4), np.full(3, 0.1), age, 0, False)


def depth(person: int, age: float) -> float:
    """How much deeper the deepest folds of a smiling face are than of the same at rest."""
    who = marks(person, age)
    rest, smiling = (who.paint(sides)[..., 3] for sides in ({}, SMILE))
    return float(np.percentile(rest - smiling, 99.5))


def test_some_young_faces_hardly_fold_and_others_do():
    depths = np.array([depth(person, 0.1) for person in PEOPLE])
    assert (depths < 0.1).mean() > 0.15
    assert (depths > 0.2).mean() > 0.15


def test_age_deepens_folds():
    young, old = ([depth(person, age) for person in PEOPLE] for age in (0, 1))
    assert np.mean(old) > 1.4 * np.mean(young)


def test_a_persons_folds_lie_alike_in_every_picture():
    who = marks(3, 0.5)
    assert np.array_equal(who.paint(SMILE), who.paint(SMILE))
    assert not np.array_equal(who.paint(SMILE), who.paint({}))
