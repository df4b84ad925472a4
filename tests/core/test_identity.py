"""The person whom landmarks tell is nearer to the true one than anybody is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.core import identity, parameters, sampling
from mien.core.alignment import aligned_matrix, transform
from mien.core.capture import capture
from mien.core.face_model import FaceModel, Person, head_rotation
from mien.core.sparse_model import sparse_model
from mien.core.take import Take

PEOPLE = 12
NOISE = 0.006  # of the aligned crop's side


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return sparse_model()


def pictures(
    model: FaceModel, who: np.ndarray, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Aligned landmarks (F, 68, 2) of a person as a camera sees them, and vectors (F, 285)."""
    person, distance = model.person(who), rng.uniform(0.6, 1.6)
    points, vectors = [], []
    for number in range(count):
        y = sampling.vector(rng, who, expression=number > 0)
        seen = parameters.signals(y)
        turn = head_rotation(float(seen["head.yaw"]), float(seen["head.pitch"]))
        there = model.landmarks(model.pose(person, model.slider_values(y), turn), person)
        there -= there.mean(0)
        flat = there[:, :2] * (1, -1) / (distance - there[:, 2:])
        flat += NOISE * np.ptp(flat[:, 1]) * rng.standard_normal((68, 2))
        points.append(transform(aligned_matrix(flat, 1), flat))
        vectors.append(y)
    return np.stack(points), np.stack(vectors)


def apart(model: FaceModel, one: Person, other: Person) -> float:
    """Root mean square distance of landmarks in mm, brought upon each other but not turned."""
    a, b = (model.landmarks(person.rest, person) for person in (one, other))
    a, b = a - a.mean(0), b - b.mean(0)
    return float(1000 * np.sqrt((((a * b).sum() / (a * a).sum() * a - b) ** 2).sum(1).mean()))


def test_the_person_is_found_from_several_pictures(model: FaceModel) -> None:
    rng = np.random.default_rng(5)
    nobody = model.person(parameters.neutral()[parameters.IDENTITY])
    off, before, brows = [], [], []
    for _ in range(PEOPLE):
        who = model.sample_identity(rng)
        found = identity.estimate(*pictures(model, who, rng, identity.VIEWS))
        assert found.shape == (244,) and found.min() >= 0 and found.max() <= 1
        assert sorted(found[208:])[-2:] == [0, 1]
        off.append(apart(model, model.person(found), model.person(who)))
        before.append(apart(model, nobody, model.person(who)))
        brows.append(found[208:].argmax() % 6 == who[208:].argmax() % 6)  # of the same shape
    assert np.mean(off) < 0.5 * np.mean(before), (off, before)
    assert (np.array(off) < before).all()
    assert np.mean(brows) > 0.5


def test_one_picture_tells_less_but_something(model: FaceModel) -> None:
    rng = np.random.default_rng(6)
    nobody = model.person(parameters.neutral()[parameters.IDENTITY])
    gained = []
    for _ in range(PEOPLE):
        who = model.sample_identity(rng)
        found = identity.estimate(*pictures(model, who, rng, 1))
        true = model.person(who)
        gained.append(apart(model, nobody, true) - apart(model, model.person(found), true))
    assert np.mean(np.array(gained) > 0) > 0.8 and np.mean(gained) > 0.5, gained


def test_a_capture_tells_who_it_is(
    media: Callable[[str], Path], make_video: Callable[[], Path], tmp_path: Path
) -> None:
    """From another part of the clip the same person comes out, and not the one of a photo."""
    (first,) = capture(media("expressions.mp4"), end=25)
    (later,) = capture(media("expressions.mp4"), start=26, end=60)
    (other,) = capture(media("one_face.jpg"))
    (nobody,) = capture(make_video())
    assert nobody.identity is None
    assert first.identity is not None and later.identity is not None
    assert other.identity is not None
    same = np.linalg.norm(first.identity[:208] - later.identity[:208])
    assert same < 0.5 * np.linalg.norm(first.identity[:208] - other.identity[:208])
    first.save(tmp_path / "take.json")
    assert np.array_equal(Take.load(tmp_path / "take.json").identity, first.identity)
