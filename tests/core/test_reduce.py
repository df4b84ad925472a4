"""Reduced keys stay within their bound."""

import numpy as np
import pytest

from mien.core.reduce import reduce


@pytest.mark.parametrize("bound", [0.0, 0.003, 0.05, 10.0])
def test_no_key_is_further_off_than_the_bound(bound: float) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.1, 500))
    values = np.cumsum(rng.normal(0, 0.02, 500))
    kept = reduce(times, values, bound)
    assert kept[0] == 0 and kept[-1] == 499
    assert np.abs(np.interp(times, times[kept], values[kept]) - values).max() <= bound + 1e-12
    if bound == 0.05:
        assert len(kept) < 150


def test_it_keeps_what_ramer_douglas_and_peucker_keep() -> None:
    """Against the textbook's recursion."""

    def recursion(first: int, last: int) -> set[int]:
        line = np.interp(times, times[[first, last]], values[[first, last]])
        off = np.abs(values - line)[first : last + 1]
        worst = first + int(off.argmax())
        if off.max() <= 0.1:
            return {first, last}
        return recursion(first, worst) | recursion(worst, last)

    times = np.arange(200) / 30
    values = np.sin(times * 3) + 0.3 * np.sin(times * 11)
    assert set(reduce(times, values, 0.1)) == recursion(0, 199)


def test_straight_lines_and_single_keys() -> None:
    times = np.arange(50.0)
    assert reduce(times, 2 * times, 1e-9).tolist() == [0, 49]
    assert reduce(times[:1], times[:1], 0.1).tolist() == [0]
