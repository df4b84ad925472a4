"""What is said too weakly of people never taught is said more strongly, and by whom is noted."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.core import models, parameters
from mien.core.cli import main
from mien.core.errors import UserError
from mien.training import networks
from mien.training.calibrate import UNITS, Correction, calibrate, correct, corrections
from mien.training.data import load_pairs
from mien.training.evaluate import evaluate_pairs
from mien.training.shipped import give_weights


@pytest.fixture
def estimator() -> networks.Estimator:
    network = networks.Estimator()
    give_weights("estimator", network)
    return network.eval()


def test_what_strangers_are_told_is_put_right() -> None:
    rng = np.random.default_rng(0)
    truth = np.maximum(0, rng.normal(0, 0.3, (400, len(networks.VALUES)))).astype(np.float32)
    neutral = np.array(
        [parameters.PARAMETERS[parameters.INDEX[name]].neutral for name in networks.VALUES]
    )
    assert set(corrections([truth, truth], truth).values()) == {Correction(1, 0)}
    half = neutral + 0.5 * (truth - neutral)
    doubled = corrections([half], truth)
    assert all(gain == pytest.approx(2, abs=0.06) for gain, _ in doubled.values())
    raised = corrections([np.minimum(truth + 0.03, 1)], truth)
    assert all(c == pytest.approx((1, 0.03)) for c in raised.values())
    without = truth.copy()
    without[:, networks.VALUES.index("AU09")] = 0
    assert corrections([half], without)["AU09"] == Correction(1, 0)  # nobody can tell
    left = networks.VALUES.index("AU30.L")
    half[:, left] = truth[:, left]
    uneven = corrections([half], truth)
    assert uneven["AU30.L"] == uneven["AU30.R"]
    unsure = corrections([np.clip(truth + rng.normal(0, 0.1, truth.shape), 0, 1)], truth)
    assert all(unsure[name].offset > 0.01 for name in UNITS)  # or rest would never be said


def test_units_are_said_so_and_nothing_else(estimator) -> None:
    inputs = list(networks.example("estimator", batch=5).values())
    estimator.values.train()  # as they are before they are kept between 0 and 1
    by = {"AU12": Correction(1.3, 0.0), "AU43": Correction(0.9, 0.05)}
    with torch.no_grad():
        before = estimator.values(estimator.each(*inputs))
        correct(estimator, by)
        after = estimator.values(estimator.each(*inputs))
    wanted = before.clone()
    for name, (gain, offset) in by.items():
        column, rest = networks.VALUES.index(name), parameters.neutral()[parameters.INDEX[name]]
        wanted[..., column] = rest + gain * (before[..., column] - rest) - offset
    assert torch.allclose(after, wanted, atol=1e-5)


def test_shipped_networks_are_calibrated_and_say_by_whom(
    pairs_folder, tmp_path, capsys, estimator
) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(models.WEIGHTS, weights)
    assert main(["calibrate", str(pairs_folder), "--weights", str(weights)]) == 0
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    entry = json.loads((weights / "manifest.json").read_text())["estimator.onnx"]
    heard = entry["training"]["calibrated"][-1]
    assert set(heard["corrections"]) == set(told) == set(UNITS)
    assert heard["people"] > 0 and heard["seeds"]
    assert "mien calibrate PAIRS" in (weights / "MODEL_CARD.md").read_text()

    session = models.load("cpu", weights).estimator
    inputs = networks.example("estimator", batch=5)
    (values,) = session.run(["values"], {key: value.numpy() for key, value in inputs.items()})
    correct(estimator, {unit: Correction(**c) for unit, c in heard["corrections"].items()})
    with torch.no_grad():
        assert np.abs(estimator(*inputs.values()).numpy() - values).max() < 1e-3

    with pytest.raises(UserError, match="pairs of another seed"):
        evaluate_pairs([pairs_folder], "cpu", weights)
    assert main(["calibrate", str(pairs_folder), "--weights", str(weights)]) == 0
    again = json.loads((weights / "manifest.json").read_text())["estimator.onnx"]["training"]
    assert again["calibrated"][:-1] == entry["training"]["calibrated"]


def test_without_faces_at_rest_nothing_is_changed(pairs_folder, tmp_path, monkeypatch) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(models.WEIGHTS, weights)
    pairs = load_pairs(pairs_folder)
    alone = replace(pairs, neutral=np.full_like(pairs.neutral, -1))
    monkeypatch.setattr("mien.training.calibrate.load_pairs", lambda *_: alone)
    with pytest.raises(UserError, match="face at rest"):
        calibrate([pairs_folder], "cpu", weights)
    for path in models.WEIGHTS.iterdir():
        assert (weights / path.name).read_bytes() == path.read_bytes()
