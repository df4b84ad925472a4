"""The bench on hand-marked photographs, on faces of our own."""

import cv2
import numpy as np
import pytest

from mien.core import models
from mien.core.errors import UserError
from mien.core.face_model import PATH
from mien.training.data import load_pairs

pytest.importorskip("bpy")
from landmarks_xml import measure, read_marks

from mien.blender_addon import render_pairs

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")


def write_marks(path, faces):
    """dlib's XML of {file: landmarks}."""
    images = []
    for file, points in faces.items():
        parts = (f"<part name='{i:02d}' x='{x}' y='{y}'/>" for i, (x, y) in enumerate(points))
        box = "<box top='0' left='0' width='9' height='9'>" + "".join(parts) + "</box>"
        images.append(f"<image file='{file}'>{box}</image>")
    path.write_text(
        "<?xml version='1.0' encoding='UTF-8'?>\n<dataset><name>ours</name><images>"
        + "".join(images)
        + "</images></dataset>"
    )


def test_errors_are_of_the_marks_that_the_file_says(tmp_path):
    options = ["--count", "2", "--size", "160", "--out", str(tmp_path)]
    assert render_pairs.main(options) == 0
    pairs, faces = load_pairs(tmp_path), {}
    for i, (image, points) in enumerate(zip(pairs.images, pairs.landmarks, strict=True)):
        grey = image[..., :3] + 110 * (1 - image[..., 3:] / 255)
        wide = cv2.copyMakeBorder(
            grey.astype(np.uint8), 60, 60, 90, 90, cv2.BORDER_CONSTANT, value=(110,) * 3
        )
        cv2.imwrite(str(tmp_path / f"{i}.png"), wide[..., ::-1])
        faces[f"{i}.png"] = points + np.array([90, 60])
    write_marks(tmp_path / "faces.xml", faces)
    loaded = models.load("cpu")
    true = measure(read_marks(tmp_path), loaded)
    assert true["faces"] == 2 and true["found, %"] == 100
    assert true["mean error"] < 8
    for points in faces.values():
        points[17:27, 1] -= 30  # brows on the forehead
    write_marks(tmp_path / "faces.xml", faces)
    moved = measure(read_marks(tmp_path), loaded)
    assert moved["error of brows"] > 20 > moved["error of eyes"]
    assert moved["error of mouth"] == pytest.approx(true["error of mouth"])
    both = np.hstack([cv2.imread(str(tmp_path / f"{i}.png")) for i in range(2)])
    cv2.imwrite(str(tmp_path / "0.png"), both)
    heights = [np.ptp(points[:17, 1]) for points in faces.values()]
    right = np.array([both.shape[1] // 2, 0])
    smaller = faces["0.png"] if heights[0] < heights[1] else faces["1.png"] + right
    write_marks(tmp_path / "faces.xml", {"0.png": smaller})  # the other one is not marked
    assert measure(read_marks(tmp_path), loaded)["found, %"] == 100
    text = (tmp_path / "faces.xml").read_text()
    (tmp_path / "faces.xml").write_text(text.replace(" y=", " z=", 1))
    with pytest.raises(UserError, match=r"0\.png has no x and y"):
        read_marks(tmp_path)
    write_marks(tmp_path / "faces.xml", faces)
    (tmp_path / "0.png").unlink()
    with pytest.raises(UserError, match=r"0\.png cannot be read"):
        measure(read_marks(tmp_path), loaded)


def test_a_folder_without_marks_is_told_so(tmp_path):
    write_marks(tmp_path / "five.xml", {"a.png": np.zeros((5, 2))})
    with pytest.raises(UserError, match="68 parts"):
        read_marks(tmp_path)
