import numpy as np

from mien.core.parameters import AUS
from mien.training.plots import PANEL, panel, scatters


def test_every_unit_has_a_panel_and_its_dots_lie_where_said_and_true_meet():
    said, true = np.zeros((2, 5, len(AUS)))
    bare = scatters(said, true)
    assert bare.shape == (4 * PANEL, 6 * PANEL, 3)
    said[:, 7], true[:, 7] = 1, 0.2
    rows, columns = np.nonzero((scatters(said, true) != bare).any(-1))
    assert set(rows // PANEL) == {1} and set(columns // PANEL) == {1}  # the eighth of six a row
    one = panel("AU10", said[:, 7], true[:, 7]).astype(int)
    blue = one[..., 2] - one[..., 0] > 60
    rows, columns = np.nonzero(blue)
    assert len(rows) < 30  # five dots in one place
    # 1 on a scale of 0-5 from the left, 5 from below.
    assert abs(columns.mean() - (34 + 192 / 5)) < 1 and abs(rows.mean() - 28) < 1


def test_many_dots_are_darker_than_two():
    few, many = (panel("AU12", np.full(n, 0.5), np.full(n, 0.75)) for n in (2, 9))
    assert many[124, 178].sum() < few[124, 178].sum() < 3 * 255
