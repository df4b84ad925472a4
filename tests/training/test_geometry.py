import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core import alignment, parameters, sampling
from mien.core.face_model import PATH, FaceModel, head_rotation
from mien.training.geometry import (
    EXPRESSIONS,
    aligned,
    geometry_batch,
    load_geometry,
    make_geometry,
    sparse_model,
)
from mien.training.networks import VALUES

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="the face model is not built")


def test_the_sparse_model_has_the_landmarks_of_the_full_one():
    rng = np.random.default_rng(0)
    full, sparse = FaceModel(), sparse_model()
    for _ in range(3):
        identity = full.sample_identity(rng)
        y, extra = sampling.vector(rng, identity), rng.standard_normal(len(full.data["extra"]))
        marks = []
        for model in (full, sparse):
            person = model.person(identity, extra)
            vertices = model.pose(person, model.slider_values(y), head_rotation(20, -10))
            marks.append(model.landmarks(vertices, person))
        assert np.abs(marks[0] - marks[1]).max() < 1e-9


def test_a_batch_of_geometry_is_aligned_as_capture_aligns(tmp_path):
    cache = tmp_path / "geometry.npz"
    geometry = load_geometry(cache, 3)
    assert geometry.points.shape == (3, EXPRESSIONS + 1, 68, 2)
    assert (load_geometry(cache, 3).points == geometry.points).all()
    before_the_model = 0
    os.utime(cache, (before_the_model, before_the_model))
    assert (load_geometry(cache, 3).points == geometry.points).all()
    assert cache.stat().st_mtime > Path(sampling.__file__).stat().st_mtime  # made anew
    one = geometry.points[0, 1].astype(float) * 300 + 50
    matrix = alignment.aligned_matrix(one, 1)
    assert np.allclose(aligned(torch.from_numpy(one[None]))[0], alignment.transform(matrix, one))
    points, neutral, given, values = geometry_batch(
        geometry, np.random.default_rng(0), 40, neutral=0.5, error=0.02
    )
    assert points.shape == neutral.shape == (40, 68, 2) and values.shape == (40, len(VALUES))
    assert 0 < given.mean() < 1 and (neutral[given[:, 0] == 0] == 0).all()


def test_the_signs_of_geometry_are_the_projects():
    geometry = make_geometry(6, seed=1)
    yaw = parameters.angle("head.yaw", geometry.values[..., VALUES.index("head.yaw")])
    nose = geometry.points[..., 30, 0] - geometry.points[..., [36, 45], 0].mean(-1)
    assert np.corrcoef(yaw.ravel(), nose.ravel())[0, 1] > 0.8  # the subject's left is image right
