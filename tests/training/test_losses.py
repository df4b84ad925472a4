import numpy as np
import pytest
import torch

from mien.core import parameters
from mien.training import losses

LAYOUTS = ("paper", "full")


def vectors(count: int, layout: str = "full") -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, parameters.size(layout), generator=rng)


def components(seed: int) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {n: torch.rand(2, 4, s, s, generator=rng) for n, s in (("eyes", 8), ("mouth", 4))}


def test_the_weights_are_those_of_section_3_2():
    assert losses.WEIGHTS == {"ct": 1, "id": 0.1, "pr": 0.1, "lp": 0.1, "adv": 0.1}
    assert (losses.ALPHA, losses.BETA, losses.LAMBDA_LE) == (0.1, 0.01, 1)


def test_equal_things_cost_nothing_and_different_ones_do():
    image, t, y = vectors(6).reshape(2, 3, 15, 19), components(1), vectors(2)
    other = components(2)
    assert losses.l_app(image, image) == 0 < losses.l_app(image, image + 0.1)
    maps, others = list(t.values()), list(other.values())
    assert losses.l_per(maps, maps).abs() < 1e-9 < losses.l_per(maps, others)
    assert losses.l_ct(t, t) == 0 < losses.l_ct(other, t)
    assert losses.l_adv(t["mouth"], t["mouth"]) == 0 < losses.l_adv(t["mouth"], other["mouth"])
    y[:, parameters.group("brow")] = torch.eye(parameters.BROW_STYLES)[:2]
    assert losses.l_lp(y, y, y, y) == 0 < losses.l_lp(y, y + 0.1, y, y)


def test_the_first_two_equations_by_hand():
    drawn, rendered = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    drawn[0, 0, 0] = 0.6
    assert losses.l_app(drawn, rendered) == pytest.approx(2 * 0.6 / 12)
    # Each map counts by the root of its mean square: .5 and 2.
    maps = [torch.full((1, 2, 2, 2), v) for v in (0.5, 2.0)]
    assert losses.l_per(maps, [0 * m for m in maps]) == pytest.approx(2.5, abs=1e-3)
    assert losses.l_g(torch.tensor(1.0), torch.tensor(2.0)) == pytest.approx(1 + 2 * losses.LAMBDA)


def test_the_perceptual_loss_has_a_slope_where_two_pictures_are_one():
    maps = [torch.rand(1, 2, 3, 3, requires_grad=True)]
    losses.l_per(maps, [maps[0].detach()]).backward()
    assert torch.isfinite(maps[0].grad).all()


def test_the_total_weighs_its_terms_and_misses_none():
    terms = {name: torch.tensor(2.0 + i) for i, name in enumerate(losses.WEIGHTS)}
    expected = 2 + 0.1 * (3 + 4 + 5 + 6)
    assert losses.l_total(terms) == pytest.approx(expected)
    del terms["id"]
    assert losses.l_total(terms) == pytest.approx(expected - 0.3)


def test_identity_is_the_angle_and_not_the_length():
    m = torch.rand(3, 256)
    assert losses.l_id(m, 7 * m) == pytest.approx(0, abs=1e-6)
    assert losses.l_id(m, -m) == pytest.approx(2, abs=1e-6)
    right, up = torch.eye(256)[:1], torch.eye(256)[1:2]
    assert losses.l_id(right, up) == pytest.approx(1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_base_face_is_the_sparsest(layout):
    y = torch.from_numpy(parameters.neutral(layout)).float()[None]
    assert losses.l_pr(y) == 0
    cost = {}
    for name in ("head.yaw", "AU12", "nose_tip.move_y"):
        moved = y.clone()
        moved[0, parameters.INDEX[name]] += 0.2
        cost[name] = float(losses.l_pr(moved))
    assert float(losses.l_pr(moved, beta=1)) == cost["nose_tip.move_y"]
    assert cost["head.yaw"] == pytest.approx(0.04, rel=1e-4)
    assert cost["nose_tip.move_y"] == pytest.approx(0.1 * 0.04, rel=1e-4)
    assert cost["AU12"] == pytest.approx(0.01 * 0.04, rel=1e-4)
    moved = y.clone()
    moved[0, parameters.INDEX["AU12"]] += 0.2
    assert float(losses.l_pr(moved, beta=1)) == pytest.approx(0.04, rel=1e-4)


def test_a_brow_style_is_chosen_and_never_half_of_each():
    y = torch.from_numpy(parameters.neutral()).float()[None]
    brow, chosen = parameters.group("brow"), y.clone()
    chosen[0, brow] = torch.eye(parameters.BROW_STYLES)[3]
    assert losses.l_pr(chosen) == 0
    said = y.clone()
    said[0, brow] = torch.eye(parameters.BROW_STYLES)[0]  # as it is drawn
    assert losses.l_lp(chosen, chosen, y, said) == 0
    assert losses.l_lp(chosen, chosen, y, chosen) == 2


def test_the_loopback_is_a_sum_over_the_vector_and_a_mean_over_the_batch():
    y = vectors(4)
    y[:, parameters.group("brow")] = torch.eye(parameters.BROW_STYLES)[:4]
    off = torch.zeros_like(y)
    off[0, :10] = 0.2
    assert losses.l_lp(y, y + off, y, y - 2 * off) == pytest.approx(10 * 0.2 * 3 / 4, rel=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_emotion_and_identity_are_taken_away_separately(layout):
    y, base = vectors(2, layout), parameters.neutral(layout)
    calm, nobody = losses.emotionless(y), losses.nobody(y)
    au, identity, brow = (parameters.group(name) for name in ("au", "identity", "brow"))
    assert np.allclose(calm[:, au], base[au]) and torch.equal(nobody[:, au], y[:, au])
    for part in (identity, brow):
        assert np.allclose(nobody[:, part], base[part]) and torch.equal(calm[:, part], y[:, part])
    assert torch.equal(calm[:, :2], y[:, :2]) and torch.equal(nobody[:, :2], y[:, :2])
    beyond = slice(parameters.PAPER_SIZE, None)
    assert np.allclose(calm[:, beyond], base[beyond]) and torch.equal(
        nobody[:, beyond], y[:, beyond]
    )


def test_the_loopback_moves_what_r_says_and_never_the_truth():
    truths = [vectors(2).requires_grad_() for _ in range(2)]
    said = [torch.zeros(2, parameters.SIZE, requires_grad=True) for _ in range(2)]
    losses.l_lp(truths[0], said[0], truths[1], said[1]).backward()
    assert all(t.grad is None for t in truths)
    assert all(s.grad.abs().sum() > 0 for s in said)
