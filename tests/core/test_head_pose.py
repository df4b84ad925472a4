import numpy as np
import pytest

from mien.core import alignment, parameters, rotation
from mien.core.face_model import head_rotation
from mien.core.head_pose import tilt_of_turn, with_head_pose
from mien.core.sparse_model import sparse_model

TURNS = [(0, 0), (30, 15), (30, -15), (-30, 15), (45, 20), (-20, -25), (50, 0), (0, 30)]


def rolled(yaw, pitch, roll):
    """The roll of the crop of the base face, turned so, through a camera 0.8 m away."""
    model = sparse_model()
    y = parameters.neutral()
    person = model.person(y[parameters.IDENTITY], np.zeros(len(model.data["extra"])))
    turn = head_rotation(yaw, pitch, roll)
    points = model.landmarks(model.pose(person, model.slider_values(y), turn), person)
    points -= (points.max(0) + points.min(0)) / 2
    seen = points[:, :2] * (1, -1) / (0.8 - points[:, 2:])
    return alignment.roll(alignment.aligned_matrix(seen, 1))


@pytest.mark.parametrize(("yaw", "pitch"), TURNS)
def test_a_turned_head_is_not_taken_for_a_tilted_one(yaw, pitch):
    assert rolled(yaw, pitch, 0) == pytest.approx(float(tilt_of_turn(yaw, pitch)), abs=1)


@pytest.mark.parametrize("roll", [-25, 15])
@pytest.mark.parametrize(("yaw", "pitch"), TURNS)
def test_the_head_is_keyed_as_it_was_seen(yaw, pitch, roll):
    signals = {"head.yaw": np.array([yaw]), "head.pitch": np.array([pitch])}
    found = with_head_pose(signals, [rolled(yaw, pitch, roll)])
    keyed = rotation.head(*(found[f"head.{turn}"] for turn in ("yaw", "pitch", "roll")))[0]

    def about(axis, degrees):
        return rotation.from_vector(np.radians(degrees) * np.eye(3)[axis])

    turned = rotation.multiply(about(1, yaw), about(0, -pitch))
    true = rotation.multiply(about(2, -roll), turned)
    off = np.degrees(rotation.to_vector(rotation.multiply(keyed * (1, -1, -1, -1), true)))
    assert np.linalg.norm(off) < 1.2


def test_an_upright_head_that_looks_ahead_stays_so():
    still = {"head.yaw": np.zeros(2), "head.pitch": np.zeros(2), "AU12": np.ones(2)}
    found = with_head_pose(still, [0.0, 10.0])
    assert found["head.roll"] == pytest.approx([0, 10])
    assert found["head.yaw"] == pytest.approx([0, 0]) and (found["AU12"] == 1).all()
