"""The parameter vector: its size, its groups and the meaning of its sides and angles."""

import numpy as np
import pytest

from mien.core import parameters


def test_sizes_of_the_paper():
    assert parameters.PAPER_SIZE == 269
    assert parameters.SIZE == 285
    groups = {g: parameters.group(g) for g in ("pose", "au", "identity", "brow", "asymmetry")}
    assert [s.stop - s.start for s in groups.values()] == [2, 23, 208, 36, 12]
    assert len(set(parameters.NAMES)) == parameters.SIZE


def test_neutral_lies_in_every_range():
    y = parameters.neutral()
    low = np.array([p.low for p in parameters.PARAMETERS])
    high = np.array([p.high for p in parameters.PARAMETERS])
    assert ((low <= y) & (y <= high)).all()
    assert y[parameters.INDEX["AU12"]] == 0.02
    assert y[parameters.INDEX["head.yaw"]] == 0.5


def test_sides_round_trip():
    rng = np.random.default_rng(0)
    left, right = rng.random(100), rng.random(100)
    a, s = parameters.from_sides(left, right)
    assert np.allclose(a, np.maximum(left, right))
    back = parameters.sides(a, s)
    assert np.allclose(back[0], left) and np.allclose(back[1], right)


def test_a_wink_stays_on_the_left():
    y = parameters.from_values({"AU43": 1.0, "AU43.asymmetry": 1.0})
    s = parameters.signals(y)
    assert (s["AU43.L"], s["AU43.R"]) == (1.0, 0.0)


def test_angles_round_trip():
    for name, limit in (("head.yaw", 60), ("head.pitch", 40)):
        assert parameters.angle(name, 1.0) == limit
        assert parameters.angle(name, parameters.from_angle(name, 12.5)) == pytest.approx(12.5)


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="AU99"):
        parameters.from_values({"AU99": 1.0})
