import numpy as np
import pytest

from mien.core import parameters
from mien.training.metrics import estimator_scores, icc31, landmark_error
from mien.training.networks import VALUES

# Shrout & Fleiss 1979, table 2: six targets rated by four judges; table 4 gives ICC(3,1) = .71.
RATINGS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_icc_of_the_published_example():
    assert round(icc31(RATINGS), 2) == 0.71


def test_icc_ignores_a_judges_offset_and_is_zero_without_variation():
    x = np.arange(5.0)
    assert icc31(np.stack([x, x + 3], 1)) == pytest.approx(1)
    assert icc31(np.ones((4, 2))) == 0


def test_landmark_error_is_in_percent_of_the_eye_corners():
    truth = np.zeros((1, 68, 2))
    truth[0, 36], truth[0, 45] = (0, 0), (100, 0)
    assert landmark_error(truth + np.array([3, 4]), truth)[0] == pytest.approx(5)


def test_estimator_scores_speak_degrees_and_the_scale_of_the_data_sets():
    truth = np.random.default_rng(0).random((50, len(VALUES)))
    found = truth.copy()
    found[:, VALUES.index("head.yaw")] -= 3 / (2 * parameters.YAW_LIMIT)
    found[:, VALUES.index("AU12")] += 0.1
    scores = estimator_scores(found, truth)
    assert scores["degrees"]["head.yaw"] == pytest.approx(3)
    assert scores["degrees"]["head.pitch"] == 0
    assert scores["MAE, 0-5"]["AU12"] == pytest.approx(0.5)
    assert scores["ICC(3,1)"]["AU01"] == pytest.approx(1)
    assert scores["side kept, of one-sided AUs"] == 1


def test_a_side_is_kept_where_the_stronger_one_is_said_to_be():
    truth = np.zeros((4, len(VALUES)))
    truth[:, VALUES.index("AU12")] = 1
    truth[:, VALUES.index("AU12.asymmetry")] = (0.9, -0.9, 0.9, 0.1)  # the last: nearly both
    found = truth.copy()
    found[2:, VALUES.index("AU12.asymmetry")] *= -1
    assert estimator_scores(found, truth)["side kept, of one-sided AUs"] == pytest.approx(2 / 3)
    assert "side kept, of one-sided AUs" not in estimator_scores(found[[3, 3]], truth[[3, 3]])
