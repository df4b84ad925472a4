"""The networks run as the manifest has them, or not at all."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from mien.core import models, parameters
from mien.core.alignment import mirror_points
from mien.core.errors import UserError
from mien.core.estimator import Estimator, Sample, sample
from mien.core.landmarks import Seen, look_closer
from mien.core.parameters import mirror_values
from mien.core.tracking import Tracker


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.WEIGHTS, tmp_path / "weights"))


def test_networks_open_and_name_their_provider() -> None:
    loaded = models.load("cpu")
    assert loaded.provider == "CPUExecutionProvider"
    assert loaded.note == ""
    assert set(loaded.values) <= set(parameters.NAMES)


def test_cuda_that_is_not_to_be_had_is_told() -> None:
    loaded = models.load("cuda")
    if loaded.provider == "CUDAExecutionProvider":
        assert loaded.note == ""
    else:
        assert "CUDA" in loaded.note
        offered = "CUDAExecutionProvider" in ort.get_available_providers()
        assert ("pip install" in loaded.note) is not offered


@pytest.mark.parametrize("name", models.NETWORKS)
def test_a_changed_network_is_refused(weights: Path, name: str) -> None:
    path = weights / f"{name}.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError, match=rf"{name}\.onnx.*damaged"):
        models.load("cpu", weights)


def test_missing_files_are_told(weights: Path) -> None:
    (weights / "landmarks.onnx").unlink()
    with pytest.raises(UserError, match=r"landmarks\.onnx is missing"):
        models.load("cpu", weights)
    (weights / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="install mien again"):
        models.load("cpu", weights)


def test_estimates_are_parameters_whatever_the_batch() -> None:
    loaded = models.load("cpu")
    estimator = Estimator(loaded.estimator, loaded.values)
    rng = np.random.default_rng(0)
    width = loaded.estimator.get_inputs()[1].shape[1]
    faces = [
        Sample(rng.random((68, 2), np.float32), rng.random((2, width), np.float32))
        for _ in range(35)
    ]
    for neutral in (None, faces[0]):
        y = estimator(faces, neutral)
        assert y.shape == (35, parameters.SIZE)
        for p, column in zip(parameters.PARAMETERS, y.T, strict=True):
            assert p.low <= column.min() <= column.max() <= p.high
        assert np.allclose(y[7], estimator([faces[7]], neutral)[0], atol=1e-4)
        # A jaw that drops parts the lips; the face model counts what they part beyond that.
        model = estimator.seen(faces, neutral)
        lips, jaw = parameters.INDEX["AU25"], parameters.INDEX["AU26"]
        assert (y[:, lips] == np.maximum(model[:, lips], 0.3 * model[:, jaw])).all()
        assert (np.delete(y, lips, 1) == np.delete(model, lips, 1)).all()


def test_a_mirror_image_does_the_same_on_the_other_side(media) -> None:
    image = cv2.imread(str(media("one_face.jpg")))[..., ::-1].copy()
    loaded = models.load("cpu")
    estimator = Estimator(loaded.estimator, loaded.values)
    (face,) = Tracker(loaded, 1).follow(image)
    width, afar = image.shape[1] - 1, loaded.landmarks.get_outputs()[2].shape[1]
    (here,) = look_closer(loaded, image, [face], mirror=True)
    mirrored = Seen(mirror_points(face.points, width), 1, here.features[1, :afar])
    (there,) = look_closer(loaded, image[:, ::-1].copy(), [mirrored], mirror=True)
    unit = np.linalg.norm(here.points[36] - here.points[45])
    off = np.abs(mirror_points(there.points, width) - here.points) / unit
    assert off.max() < 0.0005
    y, turned = (estimator([sample(s.points, s.features)[0]])[0] for s in (here, there))
    assert np.abs(mirror_values(turned, parameters.NAMES) - y).max() < 0.03
    assert abs(y[parameters.INDEX["head.yaw"]] - 0.5) > 0.02  # there is something to turn
