"""Classes that F_seg says too readily are said less so, and by whom is noted."""

import json
import shutil

import numpy as np
import pytest
import torch

from mien.core import models
from mien.core.cli import main
from mien.core.errors import UserError
from mien.core.face_classes import CLASSES, INDEX
from mien.training.bisenet import BiSeNet
from mien.training.calibrate_parser import Told, lean, leanings
from mien.training.data import load_pairs
from mien.training.evaluate import held_out


def pixels(too_much: float, seed: int) -> Told:
    """Of all classes, told apart surely, but for noses that are seen in much that is skin."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(CLASSES), 4000).astype(np.uint8)
    logits = rng.normal(0, 0.5, (len(CLASSES), len(truth))).astype(np.float32)
    logits[truth, np.arange(len(truth))] += 4
    skin = np.flatnonzero(truth == INDEX["skin"])
    logits[INDEX["nose"], skin] += 3 + too_much
    logits[INDEX["nose"], truth == INDEX["nose"]] += too_much
    return Told(logits, truth)


def test_what_is_said_too_readily_is_said_less_so() -> None:
    told, others = pixels(2, 0), pixels(2, 1)
    by = leanings([told])
    assert by[INDEX["skin"]] - by[INDEX["nose"]] > 1
    before = others.overlap(np.zeros(len(CLASSES), np.float32))
    assert others.overlap(by) > before + 0.04
    assert not leanings([Told(told.logits + 20 * np.eye(19)[:, told.truth], told.truth)]).any()


def test_the_answer_leans_and_nothing_else_does() -> None:
    torch.manual_seed(0)
    network, image = BiSeNet(1 / 8, fine=True).eval(), torch.rand(1, 3, 64, 64)
    by = np.linspace(-1, 1, len(CLASSES)).astype(np.float32)
    with torch.no_grad():
        before, features = network(image), network.features(image)
        lean(network, by)
        moved = network(image) - before
        assert torch.allclose(moved, torch.from_numpy(by)[None, :, None, None], atol=1e-4)
        assert torch.equal(network.features(image).probabilities, features.probabilities)


def test_the_shipped_f_seg_is_calibrated_and_says_by_whom(pairs_folder, tmp_path, capsys) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(models.WEIGHTS, weights)
    command = ["calibrate", str(pairs_folder), "--network", "parser", "--weights", str(weights)]
    assert main(command) == 0
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert list(told) == list(CLASSES)
    training = json.loads((weights / "manifest.json").read_text())["parser.onnx"]["training"]
    *others, heard = training["calibrated"]
    assert others == models.read_manifest()["parser.onnx"]["training"].get("calibrated", [])
    assert heard["people"] == 20 and heard["seeds"] == [0]
    assert "--network parser" in (weights / "MODEL_CARD.md").read_text()
    image = np.random.default_rng(0).random((1, 3, 320, 320), np.float32)
    before, after = (
        models.load("cpu", folder).parser.run(["logits"], {"image": image})[0]
        for folder in (models.WEIGHTS, weights)
    )
    by = np.array([heard["leanings"][name] for name in CLASSES])
    assert [f"{value:+.2f}" for value in by] == list(told.values())
    assert np.abs(after - before - by[:, None, None]).max() < 1e-3
    for file in models.WEIGHTS.glob("*.onnx"):
        assert ((weights / file.name).read_bytes() == file.read_bytes()) == (
            file.stem != "parser" or not by.any()
        )
    with pytest.raises(UserError, match="pairs of another seed"):
        held_out(load_pairs(pairs_folder), weights, judged=("parser",))
