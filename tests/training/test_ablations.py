import csv
import json

import cv2
import numpy as np
import pytest
import torch

from mien.core import models
from mien.core.errors import UserError
from mien.core.parameters import AUS
from mien.training.ablations import SHIPPED, WITHOUT, ablate, figure_6, table_3
from mien.training.baselines import CnnTask, ResNet18Task
from mien.training.checkpoint import read_network, write_checkpoint
from mien.training.compare import compare
from mien.training.data import load_pairs
from mien.training.generator import Generator
from mien.training.losses import WEIGHTS
from mien.training.networks import Landmarks
from mien.training.regressor import LandmarkEyes, Regressor
from mien.training.shipped import landmarks_of
from mien.training.tables import figure


@pytest.fixture(scope="module")
def ablated(pairs_folder, frozen, tmp_path_factory):
    out = tmp_path_factory.mktemp("ablated")
    text = ablate([pairs_folder], frozen, out, 1e-9, "cpu", 32, 4)  # a step of each
    return out, text


def test_every_loss_is_left_out_once_and_the_tables_say_so(ablated):
    out, text = ablated
    with (out / "table3.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head == ["L_id", "L_lp", "L_pr", "L_adv", "ICC", "MAE"]
    assert [row[:4].count("×") for row in rows] == [1, 1, 1, 1, 0]
    assert [row.index("×") for row in rows[:-1]] == [0, 1, 2, 3]
    with (out / "table2.csv").open() as file:
        methods = next(csv.reader(file))[1:]
    assert methods == ["CNN", "ResNet18", "R, five losses", *SHIPPED.values()]
    with (out / "table1.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head[2:] == [*(au[2:] for au in AUS), "Avg"]
    left_out = (*WITHOUT, "ct", "beginning")
    runs = [*methods, *(f"R without {term}" for term in left_out)]
    runs += [f"R with {what}" for what in ("beta 1", "landmarks")]
    assert [row[:2] for row in rows] == [[m, name] for m in ("ICC", "MAE") for name in runs]
    report = json.loads((out / "full" / "regressor.json").read_text())["scores"]
    assert rows[len(runs) + 2][2] == figure(report["MAE, 0-5"][AUS[0]])
    assert (out / "table3.md").read_text() in text
    for term in (*WITHOUT, "ct"):
        report = json.loads((out / f"without_{term}" / "regressor.json").read_text())
        assert report["steps"] == 1 and set(WEIGHTS) - set(report["scores"]["equations"]) == {term}
    # Input, whole, no content and landmarks, and a label before eight faces.
    assert cv2.imread(str(out / "fig6.png")).shape == (4 * 128, 9 * 128, 3)


def test_r_reads_the_landmark_network_as_well(ablated):
    eyes = LandmarkEyes(landmarks_of(None))
    fused, t = eyes(torch.rand(2, 3, 64, 64))
    assert fused.shape == (2, 68, 32, 32) and t["eyes"].shape[2:] == (64, 64)
    assert t["mouth"].shape[2:] == (32, 32)
    assert eyes.content((fused, t), (fused, t)) == 0 < eyes.content((fused + 1, t), (fused, t))
    network = read_network(ablated[0] / "with_landmarks" / "regressor.pt", Regressor)
    assert network.config["channels"] == eyes.channels()


def test_the_landmark_network_is_the_shipped_one_or_a_checkpoints(tmp_path):
    path, network = tmp_path / "landmarks.pt", Landmarks().eval()
    write_checkpoint(path, {"network": network.state_dict(), "step": 0})
    image = torch.rand(2, 3, 128, 128)
    (shipped,) = models.load("cpu").landmarks.run(["points"], {"image": image.numpy()})
    with torch.no_grad():
        assert np.abs(landmarks_of(None)(image)[0].numpy() - shipped).max() < 1e-4
        assert torch.equal(landmarks_of(path)(image)[0], network(image)[0])


def test_r_and_the_iterative_fit_are_judged_on_the_same_faces(ablated, frozen, pairs_folder):
    networks = {**frozen, "regressor": ablated[0] / "full" / "regressor.pt"}
    found = compare(load_pairs(pairs_folder), networks, torch.device("cpu"), count=2, steps=2)
    assert found["faces"] == 2 and found["steps"] == 2
    ratio = found["GENet"]["seconds per face"] / found["R"]["seconds per face"]
    assert found["times faster"] == ratio and ratio > 1
    assert set(found["R"]["ICC(3,1)"]) == set(found["GENet"]["ICC(3,1)"])


def test_r_is_not_judged_through_a_g_that_draws_otherwise(ablated, frozen, pairs_folder, tmp_path):
    network = Generator(32, 2)
    state = {"network": network.state_dict(), "config": network.config, "step": 0}
    write_checkpoint(tmp_path / "generator.pt", state)
    networks = {**frozen, "regressor": ablated[0] / "full" / "regressor.pt"}
    networks["generator"] = tmp_path / "generator.pt"
    with pytest.raises(UserError, match="networks of one training"):
        compare(load_pairs(pairs_folder), networks, torch.device("cpu"), count=2, steps=2)


@pytest.mark.parametrize("kind", [CnnTask, ResNet18Task])
def test_a_baseline_learns_intensities(kind, pairs_folder):
    torch.manual_seed(0)
    task = kind(load_pairs(pairs_folder), size=32)
    network = task.network()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    batch = task.batch(np.random.default_rng(0), np.arange(4))
    assert batch[1].shape == (4, 25) and network(batch[0]).shape == (4, 25)
    found = []
    for _ in range(4):
        loss = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.8 * found[0]


def test_a_mirrored_face_is_taught_mirrored_values(pairs_folder):
    pairs = load_pairs(pairs_folder)
    pairs.values[:, 23 + 12] = 0.7  # head.yaw
    task = CnnTask(pairs, size=32)
    _, truth = task.batch(np.random.default_rng(0), np.arange(40))
    yaws = truth[:, 0].numpy().round(3)
    assert set(yaws.tolist()) == {np.float32(0.7).round(3).item(), np.float32(0.3).round(3).item()}
    _, plain = task.batch(np.random.default_rng(0), np.arange(40), disturbed=False)
    assert (plain[:, 0] == np.float32(0.7)).all()


def test_table_3_ends_with_the_whole():
    table = table_3({term: (0.5, 0.6) for term in WITHOUT}, (0.55, 0.5))
    assert table[1] == ["×", "✓", "✓", "✓", ".50", ".60"]
    assert table[-1] == ["✓", "✓", "✓", "✓", ".55", ".50"]


def test_figure_6_shows_the_same_faces_in_every_row():
    both = np.zeros((8, 2, 16, 16, 3), np.float32)
    both[:, 0], both[:, 1] = 0.2, 0.8
    picture = figure_6({"full": both, "no content": both / 2})
    assert picture.shape == (3 * 128, 9 * 128, 3)
    shades = [int(picture[64 + 128 * row, 300, 0]) for row in range(3)]
    assert shades == [51, 204, 102]
