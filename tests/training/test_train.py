import json
from dataclasses import replace
from itertools import islice

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from mien.core import models
from mien.core.alignment import face_box
from mien.core.errors import UserError
from mien.core.finder import decode
from mien.training import networks
from mien.training.checkpoint import read_checkpoint
from mien.training.data import load_pairs
from mien.training.evaluate import evaluate_pairs
from mien.training.export import export_folder
from mien.training.shipped import shipped_width
from mien.training.task_finder import FinderTask
from mien.training.train import TASKS, Training, train

OPTIONS = {"parser": {"width": 1 / 8}, "recognizer": {"width": 1 / 16}}  # others have one size


@pytest.fixture(scope="module")
def pairs(pairs_folder):
    return load_pairs(pairs_folder)


@pytest.fixture(scope="module")
def runs(pairs_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    for name in models.NETWORKS:
        train(name, [pairs_folder], out, minutes=0.02, device="cpu", **OPTIONS.get(name, {}))
    return out


def test_training_leaves_checkpoint_report_and_picture(runs):
    for name in models.NETWORKS:
        report = json.loads((runs / f"{name}.json").read_text())
        assert report["steps"] > 0 and report["samples"] == {"training": 72, "held out": 8}
        assert report["scores"] and (runs / f"{name}.png").stat().st_size > 1000


@pytest.mark.parametrize("count", [0, 2])  # processes that make batches
def test_batches_are_made_alike_again_and_no_two_are_the_same(pairs, tmp_path, monkeypatch, count):
    monkeypatch.setattr("mien.training.train.makers", lambda device: count)
    training = Training(TASKS["landmarks"](pairs), tmp_path, 1, torch.device("cpu"))
    first, again = (
        [image.numpy() for image, *_ in islice(training.batches(), 5)] for _ in range(2)
    )
    for batch, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(batch, same)
    assert len({batch.tobytes() for batch in first}) == 5


def test_resuming_goes_on_from_where_it_stopped(runs, pairs):
    training = Training(TASKS["estimator"](pairs), runs, 0.02, torch.device("cpu"))
    training.resume()
    state = read_checkpoint(runs / "estimator.pt")
    assert training.step == state["step"] > 0 and training.spent >= 1.2
    for key, value in training.network.state_dict().items():
        assert torch.equal(value, state["network"][key])


@pytest.mark.parametrize("name", models.NETWORKS)
def test_a_shipped_network_is_taught_on(name, pairs, pairs_folder, tmp_path):
    """It says what the file says, and about that in lessons too."""
    kind = TASKS[name]
    options = {"width": shipped_width(name)} if name in OPTIONS else {}
    task = kind(load_pairs(pairs_folder, **dict.fromkeys(kind.extras, True)), **options)
    task.batch_size = 16
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    training.begin_shipped()
    network, given = training.network.eval(), networks.example(name, 1 if name == "finder" else 3)
    with torch.no_grad():
        said = network(*given.values())
    inputs = {key: value.numpy() for key, value in given.items()}
    outputs = list(networks.OUTPUTS[name])
    shipped = getattr(models.load("cpu"), name).run(outputs, inputs)
    for have, want in zip(said if isinstance(said, tuple) else (said,), shipped, strict=True):
        assert np.abs(have.numpy() - want).max() < 1e-3 * max(1, np.abs(want).max())
    batch = task.batch(np.random.default_rng(0), training.train[:16])
    losses = []
    for learning in (False, True):
        network.train(learning)
        for dropout in (m for m in network.modules() if isinstance(m, torch.nn.Dropout)):
            dropout.eval()
        with torch.no_grad():
            losses.append(float(task.loss(network, batch)))
    assert losses[1] == pytest.approx(losses[0], rel=0.35)


def test_what_is_stopped_is_saved_and_nothing_is_taught_over(pairs, pairs_folder, tmp_path):
    training = Training(TASKS["landmarks"](pairs), tmp_path, 5, torch.device("cpu"))
    training.task.batch_size = 2
    learn, steps = training.learn, iter(range(3))

    def interrupted(batch):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return learn(batch)

    training.learn = interrupted
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert read_checkpoint(tmp_path / "landmarks.pt")["step"] == 3
    before = (tmp_path / "landmarks.pt").read_bytes()
    with pytest.raises(UserError, match="--resume"):
        train("landmarks", [pairs_folder], tmp_path, 0.01, "cpu", batch=2)
    with pytest.raises(UserError, match="nowhere"):
        train("landmarks", [pairs_folder], tmp_path / "nowhere", 0.01, "cpu", batch=2, resume=True)
    (kept := tmp_path / "kept.pt").write_bytes(before)
    with pytest.raises(UserError, match="is there already"):
        train("landmarks", [pairs_folder], tmp_path, 0.01, "cpu", batch=2, resume=kept)
    report = train(
        "landmarks", [pairs_folder], tmp_path / "other", 1e-9, "cpu", batch=2, resume=kept
    )
    assert report["steps"] == 3 and (tmp_path / "other/landmarks.pt").exists()
    assert (tmp_path / "landmarks.pt").read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


def test_a_tuning_that_was_cut_off_goes_on(pairs, tmp_path):
    first, again = (
        Training(TASKS["finder"](pairs), tmp_path, 2, torch.device("cpu")) for _ in range(2)
    )
    first.begin_shipped()
    first.ready, first.spent = 30, 60  # half a minute went before the first step
    first.save()
    again.resume()
    assert again.budget - again.spent == pytest.approx(60)
    assert again.rate() == pytest.approx(first.rate()) and again.rate() < again.peak


def test_who_calibrated_a_network_does_not_judge_it(pairs, tmp_path):
    pairs = replace(pairs, seed=pairs.seed.copy(), neutral=pairs.neutral.copy())
    training = Training(TASKS["finder"](pairs), tmp_path, 1, torch.device("cpu"))
    assert (training.judges() == training.held).all()
    pairs.seed[training.held[::2]] = 99
    training.before = {"estimator": {"calibrated": [{"seeds": [99]}]}, "refiner": {}}
    assert (training.judges() == np.delete(training.held, np.s_[::2])).all()
    pairs.neutral[training.held[1::2]] = -1  # they do not act beside a face at rest
    assert (training.judges() == training.held).all()
    pairs.seed[training.held] = 99
    assert (training.judges() == training.held).all()  # better these than nobody


def test_the_card_tells_how_a_shipped_network_was_tuned(pairs, tmp_path):
    training = Training(TASKS["finder"](pairs), tmp_path, 1, torch.device("cpu"))
    training.begin_shipped()
    training.spent += 60
    training.save({"recall": 0.5})
    export_folder(tmp_path, tmp_path / "out")
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    shipped = models.read_manifest()["finder.onnx"]["training"]
    first = shipped["minutes"] - sum(lesson["minutes"] for lesson in shipped.get("tuned", []))
    assert f"--minutes {first:g} --batch" in card
    assert "and 1 minutes on 72 of 18 more:" in card
    assert "--minutes 1 --batch 24 --shipped" in card


def test_halfway_between_what_shipped_and_what_was_taught(pairs, runs, tmp_path):
    training = Training(TASKS["finder"](pairs), tmp_path, 1, torch.device("cpu"))
    training.begin_shipped()
    weight = training.network.head[1].weight.data
    weight += 1
    training.save({"recall": 0.5})
    means = []
    for mean in (False, True):
        export_folder(tmp_path, tmp_path / str(mean), mean)
        graph = onnx.load(tmp_path / str(mean) / "finder.onnx").graph
        stored = {x.name: numpy_helper.to_array(x).mean() for x in graph.initializer}
        means.append(stored["head.1.weight"])
        card = (tmp_path / str(mean) / "MODEL_CARD.md").read_text()
        assert ("mien export RUNS --mean" in card) is mean
    assert means[0] - means[1] == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(UserError, match="did not begin with what ships"):
        export_folder(runs, tmp_path / "new", mean=True)
    assert not (tmp_path / "new").exists()


def test_what_is_not_shipped_is_not_taught_on(pairs_folder, tmp_path):
    with pytest.raises(UserError, match="No cnn is shipped"):
        train("cnn", [pairs_folder], tmp_path, 0.01, "cpu", shipped=True)
    with pytest.raises(UserError, match="has other options"):
        train("parser", [pairs_folder], tmp_path, 0.01, "cpu", shipped=True, width=0.125)
    assert not list(tmp_path.iterdir())


def test_exported_files_run_as_capture_runs_them(runs, pairs_folder, tmp_path):
    export_folder(runs, tmp_path)
    assert "estimator.onnx" in (tmp_path / "MODEL_CARD.md").read_text()
    for name in models.NETWORKS:
        session = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx")
        assert [i.name for i in session.get_inputs()] == list(networks.example(name))
    scores = evaluate_pairs([pairs_folder], "cpu", tmp_path, tmp_path / "plots")
    # Of two people four pictures, of which one shows them at rest.
    assert scores["samples"] == 6 and -1 <= scores["with neutral"]["ICC(3,1)"]["AU12"] <= 1
    for name in ("with_neutral.png", "without_neutral.png"):
        assert (tmp_path / "plots" / name).stat().st_size > 1000


@pytest.mark.parametrize("name", ["landmarks", "parser", "recognizer"])
def test_mixed_precision_means_the_same_loss(pairs_folder, tmp_path, name):
    kind = TASKS[name]
    options = {} if name == "landmarks" else {"width": 1 / 4}
    task = kind(load_pairs(pairs_folder, **dict.fromkeys(kind.extras, True)), **options)
    batch = task.batch(np.random.default_rng(0), np.arange(0, 16, 4))
    losses = []
    for mixed in (False, True):
        training = Training(task, tmp_path, 1, torch.device("cpu"))
        training.mixed = mixed
        training.network.eval()  # no dropout, no batch's own statistics
        losses.append(training.learn(batch))
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=0.02)


def test_mixed_precision_does_not_round_places():
    """On a CPU a softmax and what is summed of it stay in bfloat16 unless they are told not to."""
    network, logits = networks.Landmarks(), 8 * torch.rand(2, 68, 32, 32).bfloat16()
    eyes, image = networks.Refiner().eye, torch.rand(2, 3, 48, 64)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.read(logits), network.read(logits.float()))
        heat, points, _ = eyes(image)
    assert heat.dtype == torch.bfloat16 and points.dtype == torch.float32


def test_the_finders_target_is_what_capture_decodes():
    boxes = np.array([[60.0, 70, 40], [130, 120, 90]])
    cells = FinderTask.cells(boxes)
    cells[0] = np.where(cells[0] > 0, 9, -9)
    found, _ = decode(cells[None])
    for box in boxes:
        assert np.abs(found - box).max(1).min() < 1e-6


def test_finder_frames_hold_the_boxes_of_their_faces(pairs):
    rng = np.random.default_rng(2)
    for _ in range(10):
        image, boxes = FinderTask(pairs).frame(rng, np.array([1, 2, 3]), disturbed=True)
        assert image.shape == (192, 192, 3) and image.dtype == np.uint8
        assert ((boxes[:, 2] >= 20) & (boxes[:, 2] <= 190)).all()


def test_steps_on_one_batch_lower_the_loss(pairs, tmp_path):
    task = TASKS["estimator"](pairs)
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    batch = task.batch(np.random.default_rng(0), np.arange(8), disturbed=False)
    losses = [training.learn(batch) for _ in range(100)]
    assert min(losses[-5:]) < 0.7 * losses[0]


def test_a_landmark_crop_puts_the_face_in_its_box(pairs):
    task = TASKS["landmarks"](pairs)
    _, points, there, _, rest = task.batch(np.random.default_rng(0), np.arange(32))
    for p in points[there > 0].numpy():
        x, y, side = face_box(p)
        assert abs(x - 0.5) < 0.2 and abs(y - 0.5) < 0.2 and 0.6 < side < 1.6
    assert (rest[:16] == torch.arange(32, 48)).all() and (rest[16:] == -1).all()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "finder.pt"
    path.write_bytes(b"no")
    with pytest.raises(UserError, match="train again"):
        read_checkpoint(path)
