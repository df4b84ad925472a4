import numpy as np
import pytest
import torch

from mien.training.data import load_pairs
from mien.training.lightcnn import SIZE, load_lightcnn
from mien.training.task_recognizer import RecognizerTask, equal_error_rate
from mien.training.train import WARM_UP, Training, train

WIDTH = 1 / 6


@pytest.fixture(scope="module")
def task(pairs_folder):
    return RecognizerTask(load_pairs(pairs_folder), WIDTH)


def test_equal_error_rate_is_where_both_errors_meet():
    assert equal_error_rate([0.8, 0.9], [0.1, 0.2, 0.3]) == 0
    # At .5 one of four is refused, and two of eight strangers pass.
    same, other = [0.3, 0.6, 0.7, 0.9], [0.5, 0.55, *np.linspace(0, 0.2, 6)]
    assert equal_error_rate(same, other) == pytest.approx(0.25)
    rng = np.random.default_rng(0)
    assert equal_error_rate(rng.random(5000), rng.random(5000)) == pytest.approx(0.5, abs=0.03)


def test_crops_are_where_the_published_weights_know_faces(task):
    crop = task.crop(np.random.default_rng(0), 0, disturbed=False)
    assert crop.shape == (SIZE, SIZE, 1)
    # The drawn eyes are dark in bright skin; 20 px above and below them is skin alone.
    dark = crop[28:52, 24:104, 0] < 60
    rows = np.nonzero(dark)[0]
    assert len(rows) > 50 and abs(rows.mean() + 28 - 40) < 3


def test_labels_count_the_people_of_training(task):
    train_indices, _ = task.pairs.split()
    _, who = task.batch(np.random.default_rng(0), train_indices)
    assert sorted(set(who.tolist())) == list(range(18))  # of 20 two are held out
    assert (who[:-1] == who[1:]).sum() == 18 * 3  # four pictures of each


def test_steps_on_one_batch_lower_the_loss(task, tmp_path):
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    training.step = WARM_UP  # at the full rate at once
    batch = task.batch(np.random.default_rng(0), np.arange(0, 32, 8), disturbed=False)
    losses = [training.learn(batch) for _ in range(40)]
    assert min(losses[-5:]) < 0.7 * losses[0]


def test_a_taught_recogniser_is_loaded_without_its_people(pairs_folder, tmp_path):
    report = train("recognizer", [pairs_folder], tmp_path, 0.02, "cpu", width=WIDTH, batch=8)
    assert report["scores"]["people"] == 2
    assert 0 <= report["scores"]["clean: equal error rate"] <= 1
    assert (tmp_path / "recognizer.png").stat().st_size > 1000
    with torch.no_grad():
        assert load_lightcnn(tmp_path / "recognizer.pt")(torch.rand(1, 1, 128, 128)).std() > 0
