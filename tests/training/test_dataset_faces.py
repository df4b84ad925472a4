import json
import shutil

import numpy as np
import pytest
import torch

from mien.core import alignment
from mien.core.errors import UserError
from mien.training.data import load_pairs
from mien.training.dataset_faces import read_faces
from mien.training.datasets import LAYOUTS
from mien.training.export import export_folder
from mien.training.task_regressor import RegressorTask
from mien.training.train import Training


@pytest.fixture(scope="module")
def mmi(media, tmp_path_factory):
    """Of MMI, on whom nobody tests, two clips, and one that cannot be read."""
    root = tmp_path_factory.mktemp("mmi")
    for session, clip in enumerate(("smile.mp4", "no_face.mp4")):
        (root / f"Sessions/{session}").mkdir(parents=True)
        shutil.copy(media(clip), root / f"Sessions/{session}/S{session:03d}-001.avi")
    (root / "Sessions/0/S000-002.avi").write_bytes(b"no video")
    return root


@pytest.fixture
def task(mmi, pairs_folder, frozen):
    return RegressorTask(load_pairs(pairs_folder), **frozen, width=32, faces=[f"mmi={mmi}"])


def test_some_frames_of_every_clip_show_a_face_and_its_landmarks(mmi, capsys):
    faces = read_faces(f"mmi={mmi}")
    assert len(faces) == 72 / LAYOUTS["mmi"].every
    assert "S000-002.avi is left out: " in capsys.readouterr().err
    for image, points in faces:
        assert image.shape == (256, 256, 4) and (image[..., 3] == 255).all()
        aligned = alignment.five_points(points) / 256
        assert np.abs((aligned - 0.5) / 0.8 + 0.5 - alignment.TEMPLATE).max() < 0.06
        pupil = image[..., :3][tuple(points[36:42].mean(0).round().astype(int)[::-1])]
        cheek = image[..., :3][tuple(points[[36, 48]].mean(0).round().astype(int)[::-1])]
        assert pupil.mean() < cheek.mean() - 40


def test_half_of_a_lesson_shows_photographed_faces_and_no_score_does(task, monkeypatch):
    seen = []
    monkeypatch.setattr(
        task, "pictured", lambda i: seen.append(i) or RegressorTask.pictured(task, i)
    )
    task.batch(np.random.default_rng(0), np.arange(8))
    assert sum(i >= len(task.pairs) for i in seen) == 4 == sum(i < 8 for i in seen)
    seen.clear()
    _, held = task.pairs.split()
    network = task.network().eval()
    task.score(network, held)
    task.picture(network, held)
    assert seen and max(seen) < len(task.pairs)


def test_the_card_says_by_whose_faces_it_was_taught(task, frozen, tmp_path):
    task.size = 256  # of pictures that R learns to read when it is exported
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    shutil.copy(frozen["parser"], tmp_path / "parser.pt")
    training.save({"ICC": 0.0})
    again = Training(RegressorTask(task.pairs, **frozen, width=32), tmp_path, 1, training.device)
    again.resume()
    assert again.data == task.data  # that was so, whatever teaches it from now on
    (tmp_path / "parser.pt").rename(tmp_path / "F_seg.pt")
    with pytest.raises(UserError, match="the shipped F_seg"):
        export_folder(tmp_path, tmp_path / "weights")
    shutil.copy(frozen["parser"], tmp_path / "parser.pt")
    state = torch.load(tmp_path / "parser.pt", weights_only=True)
    told = {"seeds": [0], "losses": [], "samples": 1, "people": 1, "batch": 1, "spent": 60.0}
    torch.save({**state, **told, "scores": "{}"}, tmp_path / "parser.pt")
    export_folder(tmp_path, tmp_path / "weights")
    card = (tmp_path / "weights/MODEL_CARD.md").read_text()
    assert "By pairs rendered by mien, and faces of MMI without labels" in card
    manifest = json.loads((tmp_path / "weights/manifest.json").read_text())
    assert "MMI" not in manifest["parser.onnx"]["training"]["data"]


@pytest.mark.parametrize("given", ["mmi", "nobody=x", "="])
def test_what_names_no_data_set_says_which_there_are(given):
    with pytest.raises(UserError, match=r"SET of disfa, bp4d, ck\+"):
        read_faces(given)


def test_clips_without_a_face_teach_nothing(mmi, tmp_path):
    shutil.copytree(mmi / "Sessions/1", tmp_path / "Sessions/1")
    with pytest.raises(UserError, match="sees no face"):
        read_faces(f"mmi={tmp_path}")
