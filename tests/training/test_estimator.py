"""The estimator's readers, each of which begins with what the points say, and its lessons."""

import torch

from mien.core import parameters
from mien.training import networks
from mien.training.networks import VALUES
from mien.training.task import difference, importance


def inputs(count: int = 6) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return networks.example("estimator", count)


def test_untaught_readers_leave_what_the_points_say() -> None:
    network, given = networks.Estimator().eval(), inputs()
    with torch.no_grad():
        alone = network.from_points(given["points"], given["neutral_points"], given["has_neutral"])
        assert torch.equal(network(*given.values()), alone)


def test_the_answer_is_the_readers_mean() -> None:
    network, given = networks.Estimator().eval(), inputs()
    for reader in network.by_sight:
        torch.nn.init.normal_(reader.read[-1].weight, 0, 0.1)
    with torch.no_grad():
        each = network.each(*given.values())
        assert len(each) == networks.READERS and each.std(0).min() > 0
        assert torch.allclose(network(*given.values()), network.values(each.mean(0)))


def test_a_neutral_face_that_is_not_known_counts_for_nothing() -> None:
    network, given = networks.Estimator().eval(), inputs()
    given["has_neutral"] = torch.zeros_like(given["has_neutral"])
    with torch.no_grad():
        one = network(*given.values())
        given["neutral_points"] += 1
        given["neutral_features"] += 1
        assert torch.equal(network(*given.values()), one)


def test_the_wrong_side_costs_and_the_side_of_nothing_does_not() -> None:
    """Of a hundred faces one winks: the side weighs by how seldom it differs."""
    lid, side = VALUES.index("AU43"), VALUES.index("AU43.asymmetry")
    faces = torch.rand(100, len(VALUES))
    faces[:, [VALUES.index(f"{au}.asymmetry") for au in parameters.SIDED_AUS]] = 0
    faces[0, lid], faces[0, side] = 1, 0.9
    weight = importance(faces.numpy())
    wrong, open_eyes = faces[:1].clone(), faces[:1].clone()
    wrong[:, side] *= -1
    off = faces[:1].clone()
    off[:, lid] -= 0.9
    assert difference(wrong, faces[:1], weight) > 2 * difference(off, faces[:1], weight)
    open_eyes[:, lid] = 0
    other = open_eyes.clone()
    other[:, side] *= -1
    assert difference(other, open_eyes, weight) == 0
