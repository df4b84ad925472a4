"""Landmarks, refiner and estimator taught together: lessons look and read as capture does."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.core import alignment, models
from mien.core.errors import UserError
from mien.core.landmarks import look, look_closer
from mien.training import augment, task_joint
from mien.training.data import load_pairs
from mien.training.export import export_folder
from mien.training.shipped import give_weights
from mien.training.task_joint import Joint, JointTask
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
    monkeypatch.setattr(task_joint, "TILT", 0)
    network = Joint().eval()
    for name, part in network.parts().items():
        give_weights(name, part)
    rng = np.random.default_rng(0)
    *views, _, _ = task.views(rng, np.array([5]), np.array([False]), False, [None])
    with torch.no_grad():
        seen = task.see(network, *views)
    nets = models.load("cpu")
    (face,) = look_closer(nets, image, look(nets, image, [alignment.face_box(about)]), [about])
    matrix = alignment.aligned_matrix(face.points, 1)
    assert np.abs(seen.marks[0].numpy() - alignment.transform(matrix, face.points)).max() < 1e-4
    assert np.abs(seen.features[0].numpy() - face.features).max() < 1e-3


def test_what_the_estimator_gets_wrong_teaches_what_looks(task, training):
    """Though the points are where they should be."""
    network = training.network
    batch = task.batch(np.random.default_rng(1), training.train[:12], disturbed=False)
    seen = task.see(network, *batch[:5])
    placed = task.placed(network.refiner, seen.logits, seen.found, batch[6])
    (task.loss(network, batch) - placed).backward()
    features = network.refiner.eye.look, network.landmarks.look
    points = network.refiner.eye.heat.bias
    for weight in (*features, points):
        assert float(weight.grad.abs().max()) > 0


def test_what_is_a_face_is_taught_beside(task, training):
    """By crops with a face and with none, or following would forget what it goes by."""
    network = training.network.train()
    batch = task.batch(np.random.default_rng(1), training.train[:24])
    crops, places, there = batch[13:]
    assert len(crops) == len(places) == 12 and 0 < there.sum() < 12
    off = []
    for _ in range(30):
        training.learn((*batch[:13], crops, places, 1 - there))  # the contrary
        score = network.landmarks.maps(crops)[1][:, 0].sigmoid().detach()
        off.append(float((score - there).abs().mean()))
    assert off[0] < 0.2 and off[-1] > off[0] + 0.1


def test_the_first_look_sees_tilted_heads(task):
    people = np.arange(24)
    *_, points, _ = task.views(
        np.random.default_rng(0), people, people < 0, True, [None] * len(people)
    )
    x, y = (points[:, 45] - points[:, 36]).T
    assert np.degrees(np.arctan2(y, x)).std() > 10


def test_a_person_has_one_face(task, monkeypatch):
    """The neutral one has the proportions of the one beside it."""
    given = []
    footage = task.footage
    monkeypatch.setattr(task, "footage", lambda *a: given.append(a[-1]) or footage(*a))
    where = task.batch(np.random.default_rng(1), np.arange(12))[8]
    beside = [(given[i], given[int(k)]) for i, k in enumerate(where) if k >= 0]
    assert len(beside) > 3 and all(a is b for a, b in beside)
    assert len({id(a) for a, _ in beside}) > 1


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
            task.see(network.train(learning), *batch[:5]).features for learning in (True, False)
        )
    assert torch.equal(lesson, judged)


def test_a_few_steps_are_three_networks_to_ship(task, training, tmp_path):
    batch = task.batch(np.random.default_rng(0), training.train[:12])
    losses = [training.learn(batch) for _ in range(12)]
    assert losses[-1] < losses[0]
    training.spent = 60.0
    training.report()
    written = export_folder(tmp_path, tmp_path / "out")
    assert [path.stem for path in written] == ["landmarks", "refiner", "estimator", "MODEL_CARD"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    before = models.read_manifest()
    figures = {
        "landmarks": "clean: mean error", "refiner": "clean: lids", "estimator": "with neutral",
    }  # fmt: skip
    for name, figure in figures.items():
        entry, old = manifest[f"{name}.onnx"], before[f"{name}.onnx"]["training"]
        assert any(key.startswith(figure) for key in entry["scores"])
        assert entry["training"]["steps"] == old["steps"] + 12
        assert entry["training"]["tuned"][-1]["task"] == "joint"
        assert set(old["seeds"]) < set(entry["training"]["seeds"])
    card = written[-1].read_text()
    assert card.count("mien train joint --pairs PAIRS --out RUNS --minutes 1 --batch 24") == 3

    # One that was taught by itself: which of the two is to be shipped?
    (tmp_path / "refiner.pt").write_bytes(b"")
    with pytest.raises(UserError, match="both hold the refiner"):
        export_folder(tmp_path, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_where_nobody_is_at_rest_the_estimator_is_not_judged(task, training, monkeypatch):
    nobody = replace(task.pairs, neutral=np.full_like(task.pairs.neutral, -1))
    monkeypatch.setattr(task, "pairs", nobody)
    scores = task.score(training.network.eval(), training.held)
    assert scores["landmarks"] and scores["estimator"] == {}
