"""A small pairs folder in the layout of `mien render-pairs`, with drawn faces."""

import io
import json
import tarfile
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mien.core import parameters
from mien.core.face_classes import INDEX
from mien.training import train
from mien.training.bisenet import BiSeNet
from mien.training.checkpoint import write_checkpoint
from mien.training.generator import Generator
from mien.training.geometry import make_geometry
from mien.training.lightcnn import LightCNN


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two would only wait for each other in networks this small."""
    train.THREADS = 1
    torch.set_num_threads(1)


def _arc(x, y, rx, ry, start, end, count):
    t = np.radians(np.linspace(start, end, count))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], 1)


def draw_points(smile: float, brow: float) -> np.ndarray:
    """(68, 2) px of a face in a 256 image."""
    eyes = [_arc(x, 112, 16, 7, 180, 480, 6) for x in (98, 158)]
    mouth = _arc(128, 172, 24 + 8 * smile, 9, 180, 510, 12)
    return np.concatenate(
        [
            _arc(128, 120, 68, 90, 180, 0, 17),
            _arc(98, 96 - 8 * brow, 22, 8, 190, 350, 5),
            _arc(158, 96 - 8 * brow, 22, 8, 190, 350, 5),
            np.stack([np.full(4, 128.0), np.linspace(108, 140, 4)], 1),
            _arc(128, 146, 14, 4, 180, 0, 5),
            *eyes,
            mouth,
            _arc(128, 172, 18, 3, 180, 495, 8),
        ]
    )


def draw(points: np.ndarray, skin: int) -> tuple[np.ndarray, np.ndarray]:
    """(256, 256, 4) BGRA of a face, and the classes of its pixels."""
    image, mask = np.zeros((256, 256, 4), np.uint8), np.zeros((256, 256), np.uint8)
    for canvas, colour in ((image, (skin // 2, skin // 2, skin, 255)), (mask, INDEX["skin"])):
        cv2.ellipse(canvas, (128, 130), (72, 100), 0, 0, 360, colour, -1)
    parts = (range(36, 42), "r_eye"), (range(42, 48), "l_eye"), (range(48, 60), "mouth")
    for part, name in parts:
        shape = np.round(points[list(part)]).astype(np.int32)
        cv2.fillPoly(image, [shape], (30, 30, skin // 3, 255))
        cv2.fillPoly(mask, [shape], INDEX[name])
    return image, mask


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    with tarfile.open(folder / "pairs-00000.tar", "w") as tar:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        for index in range(80):
            identity, neutral = index // 4, index % 4 == 0
            smile, brow = (0.0, 0.0) if neutral else rng.random(2)
            vector = parameters.from_values({"AU12": smile, "AU02": brow})
            points = draw_points(smile, brow) + rng.normal(0, 4, 2)
            arrays = {
                "parameters": vector.astype(np.float32),
                "landmarks": np.column_stack([points, np.ones(68)]).astype(np.float32),
            }
            key = f"{index:06d}"
            pictures = draw(points, 150 + identity * 4)
            for name, picture in zip(("png", "mask.png"), pictures, strict=True):
                add(f"{key}.{name}", cv2.imencode(".png", picture)[1].tobytes())
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                add(f"{key}.{name}.npy", buffer.getvalue())
            kind = "neutral" if neutral else "expression"
            about = {"seed": 0, "identity": identity, "kind": kind, "roll": index / 8}
            add(f"{key}.json", json.dumps(about).encode())
    # As many people as the estimator asks for, most of them the same few: a minute is saved.
    few = make_geometry(10, seed=0)
    blind = {key: np.repeat(a, 150, 0) for key, a in asdict(few).items()}
    np.savez(folder / "geometry.npz", **blind)
    return folder


@pytest.fixture
def face_points() -> np.ndarray:
    """(68, 2) px of a symmetric face."""
    return draw_points(1, 0)


@pytest.fixture
def face_image(face_points: np.ndarray) -> np.ndarray:
    """(256, 256, 4) BGRA of that face: dark eyes in bright skin."""
    return draw(face_points, 200)[0]


@pytest.fixture(scope="session")
def frozen(tmp_path_factory):
    """Checkpoints of small networks that know nothing yet, by option of the task."""
    folder, out = tmp_path_factory.mktemp("frozen"), {}
    torch.manual_seed(0)
    for name, network in (
        ("generator", Generator(64, 2)), ("parser", BiSeNet(0.125)),
        ("recognizer", LightCNN(0.0625)),
    ):  # fmt: skip
        out[name] = folder / f"{name}.pt"
        state = {"network": network.state_dict(), "config": network.config, "step": 0}
        write_checkpoint(out[name], state)
    return out
