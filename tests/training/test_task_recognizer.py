import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.core import parameters
from mien.core.errors import UserError
from mien.core.recognition import SIZE
from mien.training.data import load_pairs
from mien.training.export import export_folder
from mien.training.lightcnn import load_lightcnn
from mien.training.task_recognizer import SCALE, RecognizerTask, equal_error_rate, mistaken
from mien.training.train import WARM_UP, Training, train

WIDTH = 1 / 6


@pytest.fixture(scope="module")
def task(pairs_folder):
    return RecognizerTask(load_pairs(pairs_folder, vectors=True), WIDTH)


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


def test_each_picture_comes_with_another_of_the_same_person(task):
    train_indices, _ = task.pairs.split()
    rng = np.random.default_rng(0)
    met = set()
    for _ in range(20):
        mates = task.mates(rng, train_indices)
        assert (task.pairs.person[mates] == task.pairs.person[train_indices]).all()
        assert (mates != train_indices).all()
        met |= {*zip(train_indices.tolist(), mates.tolist(), strict=True)}
    assert len(met) == len(train_indices) * 3  # four pictures of each
    images, who, about = task.batch(rng, train_indices[:16])
    assert images.shape == (16, 1, SIZE, SIZE) and about.shape == (16, 244)
    assert torch.equal(who[:8], who[8:]) and torch.equal(about[:8], about[8:])
    assert not torch.equal(images[:8], images[8:])


def test_a_person_with_one_picture_is_its_own_mate(task):
    alone = RecognizerTask(replace(task.pairs, person=np.arange(len(task.pairs))), WIDTH)
    indices = np.arange(len(task.pairs))
    assert (alone.mates(np.random.default_rng(0), indices) == indices).all()


def test_a_choice_is_wrong_by_how_near_the_others_are():
    axes = torch.eye(256)[:3]
    embedding = torch.cat((2 * axes, 5 * axes))  # of three people, each twice, told apart wholly
    who = torch.tensor([0, 1, 2, 0, 1, 2])
    expected = math.log(1 + 4 * math.exp(-SCALE))
    assert float(mistaken(embedding, who)) == pytest.approx(expected, abs=1e-6)
    assert float(mistaken(torch.ones(6, 256), who)) == pytest.approx(math.log(5))
    # That the first two are one person is no mistake; their mates are not each other's.
    twice = torch.tensor([0, 0, 2, 0, 0, 2])
    assert float(mistaken(torch.ones(6, 256), twice)) == pytest.approx(
        (4 * math.log(3) + 2 * math.log(5)) / 6
    )


def test_steps_on_one_batch_lower_the_loss(task, tmp_path):
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    training.step = WARM_UP  # at the full rate at once
    batch = task.batch(np.random.default_rng(0), np.arange(0, 32, 8), disturbed=False)
    losses = [training.learn(batch) for _ in range(40)]
    assert min(losses[-5:]) < 0.7 * losses[0]


def test_a_taught_recogniser_is_loaded_without_its_people(pairs_folder, tmp_path):
    with pytest.raises(UserError, match="--batch 4"):  # one person is never taken for another
        train("recognizer", [pairs_folder], tmp_path, 0.02, "cpu", width=WIDTH, batch=3)
    report = train("recognizer", [pairs_folder], tmp_path, 0.02, "cpu", width=WIDTH, batch=8)
    assert report["scores"]["people"] == 2
    assert 0 <= report["scores"]["clean: equal error rate"] <= 1
    assert (tmp_path / "recognizer.png").stat().st_size > 1000
    with torch.no_grad():
        assert load_lightcnn(tmp_path / "recognizer.pt")(torch.rand(1, 1, 128, 128)).std() > 0


def test_a_narrower_recogniser_is_where_a_wide_one_begins(pairs_folder, tmp_path):
    narrow = tmp_path / "narrow"
    train("recognizer", [pairs_folder], narrow, 0.02, "cpu", width=WIDTH, batch=8)
    begun = narrow / "recognizer.pt"
    pairs = load_pairs(pairs_folder, vectors=True)
    wide = RecognizerTask(pairs, 2 * WIDTH, begun).network()
    image = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        assert torch.allclose(wide(image), load_lightcnn(begun)(image), atol=1e-5)
    assert len(wide.state_dict()["fc2.weight"]) == pairs.vectors[:, parameters.IDENTITY].shape[1]
    wider = tmp_path / "wide" / "recognizer.pt"
    train(
        "recognizer", [pairs_folder], wider.parent, 0.02, "cpu", width=2 * WIDTH, begin_with=begun
    )
    export_folder(wider.parent, tmp_path / "out")
    card = (tmp_path / "out" / "MODEL_CARD.md").read_text()
    # The card tells both.
    assert "--minutes 0 --width 0.1875 --batch 8\n" in card
    assert "--width 0.3125 --batch 64 --begin-with CHECKPOINT" in card
    others = (wider, "begin with another"), (tmp_path / "none.pt", "is no checkpoint")
    for broken, said in others:
        with pytest.raises(UserError, match=said):
            train(
                "recognizer", [pairs_folder], tmp_path / "new", 0.02, "cpu",
                width=WIDTH, begin_with=broken,
            )  # fmt: skip
        assert not (tmp_path / "new").exists()
