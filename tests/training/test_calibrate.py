"""What is said too weakly of people never taught is said more strongly, and by whom is noted."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.core import models
from mien.core.cli import main
from mien.core.errors import UserError
from mien.training import networks
from mien.training.calibrate import UNITS, calibrate, gains, louder
from mien.training.data import load_pairs
from mien.training.evaluate import evaluate_pairs
from mien.training.shipped import give_weights


@pytest.fixture
def estimator() -> networks.Estimator:
    network = networks.Estimator()
    give_weights("estimator", network)
    return network.eval()


def test_gains_are_half_the_way_and_never_less_than_one() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((400, len(networks.VALUES))).astype(np.float32) * 0.5
    half = gains([0.5 * truth], truth)
    assert all(abs(gain - 2**0.5) < 0.01 for gain in half.values())
    assert set(gains([truth, truth], truth).values()) == {1.0}
    assert set(gains([0.9 * truth + 0.1], 0.5 * truth).values()) == {1.0}
    unsure = gains([(0.5 * truth + rng.normal(0, 0.1, truth.shape)).astype(np.float32)], truth)
    assert all(1 <= unsure[name] < half[name] for name in UNITS)


def test_units_are_said_louder_and_nothing_else(estimator) -> None:
    inputs = networks.example("estimator", batch=5).values()
    with torch.no_grad():
        before = estimator.each(*inputs)
        louder(estimator, {"AU12": 1.3, "AU43": 1.1})
        after = estimator.each(*inputs)
    factor = torch.ones(len(networks.VALUES))
    factor[networks.VALUES.index("AU12")], factor[networks.VALUES.index("AU43")] = 1.3, 1.1
    assert torch.allclose(after, before * factor, atol=1e-5)


def test_shipped_networks_are_calibrated_and_say_by_whom(
    pairs_folder, tmp_path, capsys, estimator
) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(models.WEIGHTS, weights)
    assert main(["calibrate", str(pairs_folder), "--weights", str(weights)]) == 0
    told = dict(map(str.split, capsys.readouterr().out.splitlines()))
    entry = json.loads((weights / "manifest.json").read_text())["estimator.onnx"]
    heard = entry["training"]["calibrated"][-1]
    assert set(heard["gains"]) == set(told) == set(UNITS)
    assert heard["people"] > 0 and heard["seeds"]
    assert "mien calibrate PAIRS" in (weights / "MODEL_CARD.md").read_text()

    session = models.load("cpu", weights).estimator
    inputs = networks.example("estimator", batch=5)
    (values,) = session.run(["values"], {key: value.numpy() for key, value in inputs.items()})
    louder(estimator, heard["gains"])
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
