"""The closer look's lessons: patches with the truth in them."""

import numpy as np
import pytest
import torch

from mien.core import refining
from mien.training.data import load_pairs
from mien.training.networks import CLOSE_FEATURES, Refiner
from mien.training.task_refiner import GAPS, RefinerTask


@pytest.fixture(scope="module")
def task(pairs_folder):
    return RefinerTask(load_pairs(pairs_folder))


def test_a_mirrored_face_shows_the_same_eyes_in_the_other_order(task):
    one, other = (
        task.patches(np.random.default_rng(4), 1, False, mirrored)[1] for mirrored in (False, True)
    )
    eye = len(refining.RIGHT)
    # Cut where the landmark network errs.
    for a, b in ((one[:eye], other[eye : 2 * eye]), (one[eye : 2 * eye], other[:eye])):
        shape_a, shape_b = a - a.mean(0), b - b.mean(0)
        assert np.abs(shape_a - shape_b).max() < 2


def test_the_truth_lies_in_the_patches(task):
    rng = np.random.default_rng(0)
    eyes, mouth, oval, points, *_ = task.batch(rng, np.arange(0, 40))
    assert eyes.shape[1:] == (2, 3, 48, 64) and mouth.shape[1:] == (3, 64, 80) == oval.shape[1:]
    sizes = (refining.EYE, refining.EYE, refining.LIPS, refining.WHOLE)
    parts = points.tensor_split(refining.SPLITS, 1)
    for part, (width, height) in zip(parts, sizes, strict=True):
        inside = (part > -3).all(2) & (part[..., 0] < width + 3) & (part[..., 1] < height + 3)
        assert inside.float().mean() > 0.95


def test_a_neutral_beside_a_face_is_of_the_same_person(task):
    *_, values, where = task.batch(np.random.default_rng(1), np.arange(0, 40))
    assert len(values) > 40 and (where[:20] >= 0).any() and (where[20:] < 0).all()
    units = values[where[where >= 0], :23]
    assert float(units.max()) < 0.05 < float(values[where < 0, :23].max())


def test_distances_are_between_landmarks_of_one_part():
    part = np.searchsorted(refining.SPLITS, np.arange(len(refining.POINTS)), side="right")
    for a, b in GAPS.tolist():
        assert a != b and part[a] == part[b]


def test_a_few_steps_bring_the_points_nearer(task):
    torch.manual_seed(0)
    network, rng = Refiner(), np.random.default_rng(2)
    batch = task.batch(rng, np.arange(1, 13), disturbed=False)
    with torch.no_grad():
        assert network(*batch[:3])[1].shape == (len(batch[0]), CLOSE_FEATURES)
    optimizer, losses = torch.optim.AdamW(network.parameters(), 2e-3), []
    for _ in range(25):
        loss = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]
