"""Expressions are drawn so that what faces do together is seen together."""

import numpy as np

from mien.core import parameters, sampling


def draws(count: int = 3000) -> list[dict[str, float]]:
    rng = np.random.default_rng(0)
    return [sampling.action_units(rng) for _ in range(count)]


def test_what_no_face_holds_at_once_is_never_drawn() -> None:
    for a in draws():
        assert not any(x in a and y in a for x, y in sampling.CLASHES)
        assert all(0 < v <= 1 for k, v in a.items() if k in parameters.AUS)


def test_people_laugh_with_the_mouth_open_and_winks_are_not_rare() -> None:
    smiles = [a for a in draws() if a.get("AU12", 0) > 0.4]
    assert np.mean([a.get("AU26", 0) > 0.4 for a in smiles]) > 0.15
    sided = [a[f"{au}.asymmetry"] for a in draws() for au in a if au in parameters.SIDED_AUS]
    assert 0.15 < np.mean(np.abs(sided) > 0.5) < 0.5


def test_people_smile_with_closed_teeth_and_their_cheeks_rise_or_do_not() -> None:
    smiles = [
        a.get("AU06", 0)
        for a in draws()
        if a.get("AU12", 0) > 0.5 and a.get("AU25", 0) > 0.4 and a.get("AU26", 0) < 0.35
    ]
    assert len(smiles) > 0.07 * 3000
    assert np.mean(np.array(smiles) < 0.1) > 0.15 and np.mean(np.array(smiles) > 0.5) > 0.3


def test_alone_every_unit_has_its_turn_and_the_rest_is_the_same() -> None:
    someone = np.full(parameters.IDENTITY.stop - parameters.IDENTITY.start, 0.5)
    rest = sampling.alone(np.random.default_rng(5), someone, -1)
    moved = set()
    for turn in range(len(sampling.ALONE)):
        y = sampling.alone(np.random.default_rng(5), someone, turn)
        names = [parameters.NAMES[i] for i in np.flatnonzero(y != rest)]
        assert names[0] in parameters.AUS and names[1:] in ([], [f"{names[0]}.asymmetry"])
        moved.add(tuple(names))
    assert len(moved) == len(parameters.AUS) + len(parameters.SIDED_AUS)
