"""Faces out of the data sets of section 3.1, for R, which learns without labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np

from mien.core import alignment, models
from mien.core.countdown import Countdown
from mien.core.errors import UserError
from mien.core.frames import open_footage
from mien.core.tracking import Tracker
from mien.training.data import Pixels
from mien.training.datasets import LAYOUTS, footage
from mien.training.task import Array, compose, zoomed

SIZE: Final = 256  # px
_ZOOM: Final = 0.8  # of the aligned crop, so that warps and jitter find something beside it


class Photographed(NamedTuple):
    """A face as pairs have theirs."""

    image: Pixels  # (SIZE, SIZE, 4), opaque
    landmarks: Array  # (68, 2) px, as capture sees them


def read_faces(given: str) -> list[Photographed]:
    """Faces of the training subjects of ``SET=FOLDER``, SET being one of ``LAYOUTS``; UserError
    where there are none."""
    name, _, folder = given.partition("=")
    if name not in LAYOUTS or not folder:
        raise UserError(
            f"{given!r} names no data set: give SET=FOLDER, SET of {', '.join(LAYOUTS)}."
        )
    clips = [path for path, _, tested in footage(name, Path(folder)) if not tested]
    networks, tell, out = models.load("cpu"), Countdown(f"{LAYOUTS[name].title}: clip"), []
    for done, clip in enumerate(clips, 1):
        try:
            frames = [f for f in open_footage(clip).frames if f.index % LAYOUTS[name].every == 0]
        except UserError as error:
            print(f"{clip.name} is left out: {error}", file=sys.stderr)
            continue
        for frame in frames:
            for face in Tracker(networks, 1).update(frame.image):
                matrix = SIZE * compose(zoomed(_ZOOM), alignment.aligned_matrix(face.points, 1))
                crop = cv2.cvtColor(alignment.warp(frame.image, matrix, SIZE), cv2.COLOR_RGB2RGBA)
                at = alignment.transform(matrix, face.points)
                out.append(Photographed(np.asarray(crop, np.uint8), at))
        tell(done, len(clips))
    if not out:
        raise UserError(f"Capture sees no face in {folder}: are the clips whole?")
    return out
