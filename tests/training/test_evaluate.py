import json

import numpy as np
import pytest

from mien.core import models, parameters
from mien.core.head_pose import tilt_of_turn
from mien.training.data import load_pairs
from mien.training.evaluate import held_out, roll_error
from mien.training.networks import COLUMNS


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (40, 15), (-30, -20)])
def test_a_roll_is_right_where_the_crop_tilts_as_turned_heads_do(yaw, pitch):
    turn = {"head.yaw": yaw, "head.pitch": pitch}
    y = parameters.from_values({k: parameters.from_angle(k, v) for k, v in turn.items()})
    true, rolls = np.tile(y[COLUMNS], (3, 1)), np.array([-15.0, 0, 10], np.float32)
    crops = rolls + tilt_of_turn(yaw, pitch)
    assert roll_error(true, crops, true, rolls) == pytest.approx(0, abs=1e-4)
    assert roll_error(true, crops + 3, true, rolls) == pytest.approx(
        3, rel=0.3
    )  # about an axis of its own
    # What it says of the turn is part of it: that much is also read from how the crop lies.
    straight = np.tile(parameters.neutral()[COLUMNS], (3, 1))
    assert (roll_error(straight, crops, true, rolls) > 1) == (yaw != 0)


def test_people_judge_the_networks_that_they_did_not_teach(pairs_folder, tmp_path):
    """Whoever taught F_seg is a stranger to those that see a face in its box."""
    pairs = load_pairs(pairs_folder)
    manifest = json.loads((models.WEIGHTS / "manifest.json").read_text())

    def judges(name: str) -> list[int]:
        for entry in manifest.values():
            entry["training"] |= {"seeds": [], "calibrated": []}
        manifest[f"{name}.onnx"]["training"]["seeds"] = list(pairs.seeds)
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return held_out(pairs, tmp_path)

    assert judges("parser") == list(range(len(pairs)))
    assert judges("landmarks") == pairs.split()[1].tolist() != judges("parser")
