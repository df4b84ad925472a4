"""Landmark error on hand-marked photographs: python tests/bench/landmarks_xml.py FOLDER

The folder holds images and .xml files in dlib's format: <image file="..."> with a <box> for every
face and 68 <part name="00" x="..." y="..."/> in it, in the order of iBUG.  Boxes with other parts
are left out.  Each image is searched as a clip's first frame is; a marked face counts as found
where the box of its landmarks overlaps a found one.  Errors are in % of the outer eye corners'
distance.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import models
from mien.core.alignment import face_box
from mien.core.errors import UserError
from mien.core.finder import overlap
from mien.core.tracking import SAME, Tracker
from mien.training.metrics import landmark_error

Array = NDArray[np.float64]
REGIONS: Final = {
    "jaw": slice(0, 17), "brows": slice(17, 27), "nose": slice(27, 36), "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}  # fmt: skip
UNMARKED: Final = 8  # faces that a picture may show besides


@dataclass(frozen=True)
class Marked:
    """An image and the landmarks (68, 2) px of its K faces."""

    image: Path
    faces: list[Array]


def read_marks(folder: Path) -> list[Marked]:
    """Of all .xml files of a folder; UserError where there are no faces with 68 parts."""
    out = []
    for file in sorted(folder.glob("*.xml")):
        try:
            images = list(ElementTree.parse(file).iter("image"))
        except ElementTree.ParseError as problem:
            raise UserError(f"{file} is no XML ({problem}); write it again with imglab.") from None
        for image in images:
            faces = []
            for box in image.iter("box"):
                parts = {part.get("name"): part for part in box.iter("part")}
                names = [f"{i:02d}" for i in range(68)]
                if parts.keys() == set(names):
                    try:
                        faces.append([[float(parts[n].attrib[a]) for a in "xy"] for n in names])
                    except (KeyError, ValueError):
                        raise UserError(
                            f"{file}: a part of {image.get('file')} has no x and y; mark it again."
                        ) from None
            if faces:
                out.append(Marked(file.parent / image.get("file", ""), [*map(np.array, faces)]))
    if not out:
        raise UserError(f"{folder} holds no .xml with boxes of 68 parts: see dlib's imglab.")
    return out


def measure(marked: list[Marked], loaded: models.Models) -> dict[str, float]:
    """Figures by name."""
    truth, found, count = [], [], 0
    for one in marked:
        image = cv2.imread(str(one.image))
        if image is None:
            raise UserError(f"{one.image} cannot be read: put the images where the .xml says.")
        seen = Tracker(loaded, len(one.faces) + UNMARKED).update(
            np.ascontiguousarray(image[..., ::-1])
        )
        count += len(one.faces)
        for face in one.faces:
            if not seen:
                continue
            shared = overlap(face_box(face), np.array([face_box(f.points) for f in seen]))
            if shared.max() > SAME:
                truth.append(face)
                found.append(seen[int(shared.argmax())].points)
    out = {"faces": count, "found, %": 100 * len(found) / count}
    if found:
        t, f = np.array(truth), np.array(found)
        error = landmark_error(f, t)
        per_pixel = landmark_error(t + np.array([1, 0]), t)[:, None]
        each = np.linalg.norm(f - t, axis=-1) * per_pixel
        out |= {"mean error": error.mean(), "median error": np.median(error)}
        out |= {"faces within 8 %": 100 * (error < 8).mean()}
        out |= {f"error of {name}": each[:, part].mean() for name, part in REGIONS.items()}
    return {name: float(value) for name, value in out.items()}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        figures = measure(read_marks(Path(sys.argv[1])), models.load("cpu"))
    except UserError as error:
        sys.exit(str(error))
    for name, value in figures.items():
        print(f"{name:20} {value:8.2f}")


if __name__ == "__main__":
    main()
