"""From the network's cells to boxes in the frame."""

import numpy as np
import pytest

from mien.core import finder


def cells(*faces: tuple[int, int, float, float, float, float]) -> np.ndarray:
    """Output with a face per (row, column, logit, dx, dy, log2 side)."""
    out = np.zeros((1, 4, 24, 24), np.float32)
    out[0, 0] = -9
    for row, column, *values in faces:
        out[0, :, row, column] = values
    return out


def test_decode_reads_a_cell() -> None:
    boxes, scores = finder.decode(cells((3, 10, 2.0, 0.25, -0.5, 1.0)))
    assert np.allclose(boxes, [[(10.5 + 0.25) * 8, (3.5 - 0.5) * 8, 48]])
    assert scores == pytest.approx([1 / (1 + np.exp(-2))])


def test_suppress_keeps_the_best_of_each_face() -> None:
    boxes, scores = finder.decode(
        cells((5, 5, 1, 0, 0, 1), (5, 6, 3, 0, 0, 1), (15, 15, 2, 0, 0, 0), (16, 15, 1, 0, -1, 0))
    )
    assert list(scores) == sorted(scores, reverse=True)
    kept, sure = finder.suppress(boxes, scores)
    assert np.allclose(kept, [[52, 44, 48], [124, 124, 24]])
    assert np.array_equal(sure, scores[:2])


def test_no_face_is_no_box() -> None:
    boxes, scores = finder.suppress(*finder.decode(cells()))
    assert boxes.shape == (0, 3)
    assert scores.shape == (0,)


@pytest.mark.parametrize("shape", [(480, 640), (1920, 1080), (2160, 3840), (40, 30), (1, 500)])
@pytest.mark.parametrize("size", finder.SIZES)
def test_letterbox_centres_and_tells_the_way_back(shape: tuple[int, int], size: int) -> None:
    image = np.full((*shape, 3), 255, np.uint8)
    filled, scale, margin = finder.letterbox(image, size)
    assert filled.shape == (1, 3, size, size)
    assert filled.max() == 1
    rows, columns = np.nonzero(filled[0, 0])
    corner = np.array([columns.max() + 1, rows.max() + 1])
    assert np.allclose((corner - margin) / scale, shape[::-1], atol=1 / scale)
    assert [columns.min(), rows.min()] == list(margin)


def test_overlap_of_squares() -> None:
    others = np.array([[0, 0, 2], [1, 0, 2], [5, 5, 2], [0, 0, 1.0]])
    assert np.allclose(finder.overlap(np.array([0, 0, 2.0]), others), [1, 1 / 3, 0, 1 / 4])
