import csv

import cv2
import numpy as np
import pytest

from mien.core.errors import UserError
from mien.core.models import WEIGHTS
from mien.core.parameters import AUS
from mien.training.crosstalk import crosstalk, picture, write_crosstalk
from mien.training.data import load_pairs
from mien.training.evaluate import held_out
from mien.training.networks import VALUES


def test_only_faces_that_move_one_unit_alone_tell(pairs_folder):
    pairs = load_pairs(pairs_folder)
    held = held_out(pairs, WEIGHTS)
    assert len(held) == len(pairs)  # of a seed that the shipped networks do not know
    acting = [i for i in held if pairs.neutral[i] != i]
    pairs.values[held, : len(AUS)] = 0.02
    smile, brow = VALUES.index("AU12"), VALUES.index("AU02")
    pairs.values[acting[:3], smile] = 0.8, 0.4, 1.0
    pairs.values[acting[3:5], brow] = 0.5
    pairs.values[acting[4], smile] = 0.5  # two at once
    matrix, faces = crosstalk(pairs, "cpu")
    assert dict(zip(AUS, faces, strict=True)) == {au: 0 for au in AUS} | {"AU12": 3, "AU02": 1}
    told = ~np.isnan(matrix)
    assert (told == (faces > 0)[:, None]).all()
    # The less a face is said to move, the more each degree of the same answer counts.
    pairs.values[held, smile] /= 2
    halved, _ = crosstalk(pairs, "cpu")
    assert np.allclose(halved[AUS.index("AU12")], 2 * matrix[AUS.index("AU12")])
    pairs.values[held, : len(AUS)] = 0.02
    with pytest.raises(UserError, match="one AU alone"):
        crosstalk(pairs, "cpu")


def test_the_matrix_is_written_as_table_and_picture(tmp_path):
    matrix, faces = np.eye(len(AUS)), np.ones(len(AUS), int)
    matrix[AUS.index("AU06"), AUS.index("AU12")] = -0.25
    matrix[AUS.index("AU43")], faces[AUS.index("AU43")] = np.nan, 0
    write_crosstalk(tmp_path / "talk-1.5", matrix, faces)
    with (tmp_path / "talk-1.5.csv").open() as file:
        rows = {row["moves"]: row for row in csv.DictReader(file)}
    assert rows["AU06"]["AU12"] == "-0.250" and rows["AU06"]["AU06"] == "1.000"
    assert rows["AU43"]["AU01"] == "" and rows["AU43"]["faces"] == "0"
    image = cv2.imread(str(tmp_path / "talk-1.5.png"))[..., ::-1]
    assert (image == picture(matrix)).all()
    at = [70 + AUS.index(au) * 44 + 4 for au in ("AU06", "AU12", "AU43")]
    red, blue, grey = image[at[0], at[0]], image[at[0], at[1]], image[at[2], at[0]]
    assert red[0] > red[2] + 100 and blue[2] > blue[0] + 50 and (grey == 215).all()
