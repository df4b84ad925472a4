"""The pictures of curves under film strips."""

import cv2
import numpy as np
import pytest
from film_strips import BAND, GREEN, INK, RED, SHOWN, TILE, curve, strip


def test_a_curve_lies_over_its_marks_and_is_broken_where_no_face_is_seen():
    values, seen = np.r_[np.zeros(10), np.ones(10)], np.ones(20, bool)
    seen[14:17] = False
    marked = {"on": np.arange(20) >= 15, "off": np.arange(20) < 5}
    drawn = curve(values, seen, marked)
    assert drawn.shape == (BAND, SHOWN * TILE, 3)
    column = drawn[:, (np.arange(20) * SHOWN * TILE) // 20 + 45]
    assert tuple(column[20, 2]) == RED and tuple(column[20, 18]) == GREEN
    assert tuple(column[20, 8]) == (255, 255, 255)
    ink = (np.abs(column.astype(int) - INK).max(-1) < 30).argmax(0)
    assert (ink[:9] > BAND - 12).all() and (ink[[11, 12, 13, 18, 19]] > 0).all()
    assert (ink[[11, 12, 13, 18, 19]] < 12).all() and (ink[[14, 15, 16]] == 0).all()


@pytest.mark.parametrize("count", [12, 50])
def test_a_strip_shows_twelve_frames_in_the_order_of_time(tmp_path, count):
    for i in range(count):
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), np.full((30, 40, 3), 5 * i, np.uint8))
    film = strip(tmp_path, count)
    shades = film[len(film) // 2, TILE // 2 :: TILE, 0].astype(int)
    expected = ((np.arange(SHOWN) + 0.5) / SHOWN * count).astype(int) * 5
    assert np.abs(shades - expected).max() <= 1
