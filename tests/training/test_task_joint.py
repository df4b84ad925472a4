"""Refiner and estimator taught together: lessons look and read as capture does."""

import json

import numpy as np
import pytest
import torch

from mien.core import alignment, models
from mien.core.errors import UserError
from mien.core.landmarks import look, look_closer
from mien.training import augment, networks
from mien.training.data import load_pairs
from mien.training.export import export_folder
from mien.training.shipped import give_weights
from mien.training.task_joint import JointTask
from mien.training.train import Training, train


@pytest.fixture(scope="module")
def task(pairs_folder):
    return JointTask(load_pairs(pairs_folder))


@pytest.fixture
def training(task, tmp_path):
    out = Training(task, tmp_path, 1, torch.device("cpu"))
    out.begin_shipped()
    return out


def test_the_estimator_is_given_what_capture_gives_it(task, monkeypatch):
    image, truth, about = task.footage(np.random.default_rng(3), 5, False, False)
    monkeypatch.setattr(task, "footage", lambda *_: (image, truth, about))
    monkeypatch.setattr(augment, "loosened", lambda _, box: box)
    refiner = networks.Refiner().eval()
    give_weights("refiner", refiner)
    rng = np.random.default_rng(0)
    *views, _ = task.views(rng, np.array([5]), np.array([False]), False)
    with torch.no_grad():
        _, _, marks, features = task.see(refiner, *views)
    nets = models.load("cpu")
    (face,) = look_closer(nets, image, look(nets, image, [alignment.face_box(about)]), [about])
    matrix = alignment.aligned_matrix(face.points, 1)
    assert np.abs(marks[0].numpy() - alignment.transform(matrix, face.points)).max() < 1e-4
    assert np.abs(features[0].numpy() - face.features).max() < 1e-3


def test_what_the_estimator_gets_wrong_teaches_the_refiner(task, training):
    """Though the points are where they should be."""
    network = training.network
    batch = task.batch(np.random.default_rng(1), training.train[:12], disturbed=False)
    logits, found, *_ = task.see(network.refiner, *batch[:5])
    placed = task.placed(network.refiner, logits, found, batch[5])
    weight = network.refiner.eye.look  # of the features alone
    (task.loss(network, batch) - placed).backward()
    assert float(weight.grad.abs().max()) > 0
    bias = network.refiner.eye.heat.bias.grad  # of the points
    assert float(bias.abs().max()) > 0


def test_what_knows_nothing_is_not_taught_together(pairs_folder, tmp_path):
    with pytest.raises(UserError, match="add --shipped"):
        train("joint", [pairs_folder], tmp_path, 0.01, "cpu")
    assert not list(tmp_path.iterdir())


def test_lessons_read_as_capture_reads(task, training):
    batch = task.batch(np.random.default_rng(2), training.train[:12])
    network = training.network
    for dropout in (m for m in network.modules() if isinstance(m, torch.nn.Dropout)):
        dropout.p = 0.0
    with torch.no_grad():
        lesson, judged = (
            task.see(network.train(learning).refiner, *batch[:5])[3] for learning in (True, False)
        )
    assert torch.equal(lesson, judged)


def test_a_few_steps_are_an_estimator_and_a_refiner_to_ship(task, training, tmp_path):
    batch = task.batch(np.random.default_rng(0), training.train[:12])
    losses = [training.learn(batch) for _ in range(12)]
    assert losses[-1] < losses[0]
    training.spent = 60.0
    training.report()
    written = export_folder(tmp_path, tmp_path / "out")
    assert [path.stem for path in written] == ["refiner", "estimator", "MODEL_CARD"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    before = models.read_manifest()
    for name, figures in (("refiner", "clean: lids"), ("estimator", "with neutral")):
        entry, old = manifest[f"{name}.onnx"], before[f"{name}.onnx"]["training"]
        assert any(key.startswith(figures) for key in entry["scores"])
        assert entry["training"]["steps"] == old["steps"] + 12
        assert entry["training"]["tuned"][-1]["task"] == "joint"
        assert set(old["seeds"]) < set(entry["training"]["seeds"])
    card = written[-1].read_text()
    assert card.count("mien train joint --pairs PAIRS --out RUNS --minutes 1 --batch 24") == 2
