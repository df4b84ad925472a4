"""The estimator's readers: each begins with what the points say, and their mean is the answer."""

import torch

from mien.training import networks


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
