"""What stands behind people: each kind whole, repeatable, and unlike the last."""

import numpy as np
import pytest

from mien.training.backdrop import KINDS, backdrop


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_fills_the_picture(kind):
    images = [kind(np.random.default_rng(seed), 96) for seed in range(12)]
    for image in images:
        assert image.shape == (96, 96, 3) and image.dtype == np.uint8
    assert np.array_equal(images[0], kind(np.random.default_rng(0), 96))
    means = np.array([image.mean() for image in images])
    assert means.std() > 8  # dark ones and bright ones
    assert np.ptp([image.std() for image in images]) > 1


def test_all_kinds_come():
    assert sum(KINDS.values()) == pytest.approx(1)
    rng = np.random.default_rng(0)
    spread = [backdrop(rng, 32).std() for _ in range(60)]
    assert np.percentile(spread, 90) > 2 * np.percentile(spread, 10)
