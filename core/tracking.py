"""Faces followed from frame to frame: each frame's landmarks say where to look in the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment
from .finder import SIZES, Finder, overlap
from .landmarks import Seen, look, look_closer
from .models import Models
from .parsing import parse
from .people import People

Array = NDArray[np.float64]

THRESHOLD: Final = 0.5  # a crop with a lower score holds no face
# A new face must be surer, as most of a frame is none.  The finder sees a small one well, the
# landmarks a near one, and F_seg what only resembles a face: their evidence adds up.  Weights by
# logistic regression on 500 frames of rendered people; the sum is such that one in 300 has a false
# face, and that a cartoon's letters are none.
LANDMARKS: Final = 0.44  # of the logit of their confidence beside that of the finder's score
LIKENESS: Final = 4.7  # of how much of the face F_seg finds where the landmarks are
SURE: Final = 4.5  # what the sum must reach
SMALLEST: Final = 28.0  # px of a face's box in the frame: smaller ones cannot be told from letters
# The landmarks give a better box, and a better box better landmarks: the least confidence of
# a candidate after each look.
HOPES: Final = (0.05, 0.2, THRESHOLD)
PATIENCE: Final = 3  # frames between looks for faces that are not followed
SPARE: Final = 4  # more candidates than faces are looked at, as the landmarks refuse some
HOLD: Final = 0.005  # of the eyes' distance: a stiller face is looked at in the same patches
ASTRAY: Final = 0.03  # of the eyes' distance, from where patches are cut to what they show
JUMP: Final = 0.04  # of the eyes' distance from frame to frame: it may be another face
SAME: Final = 0.4  # two boxes that overlap more are one face
INSIDE: Final = 0.3  # of a face's box: no other begins so near its middle
_SMALLEST: Final = 8.0  # pixels; a box below that is no face


@dataclass(frozen=True, slots=True)
class Face(Seen):
    """A face in one frame, and its number from 0."""

    number: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the patches of a face are cut."""

    afar: Array  # its landmarks as seen from afar when the patches were placed
    about: Array  # the landmarks about which they are cut since
    off: Array  # from its landmarks as seen from afar to the refined ones, in its last frame


def _apart(before: Array, now: Array) -> float:
    """How far landmarks (68, 2) have moved, along x and y in the mean, in distances of the eyes."""
    eyes = max(float(np.linalg.norm(now[36] - now[45])), 1e-6)
    return float(np.abs(now - before).mean()) / eyes


def _logit(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _face(number: int, seen: Seen) -> Face:
    return Face(seen.points, seen.confidence, seen.features, number)


class Tracker:
    """Follows up to ``faces`` faces; a face keeps its number while it is seen, and gets it again
    when it comes back, wherever that is, see ``People``."""

    def __init__(self, loaded: Models, faces: int) -> None:
        self._find, self._faces, self._networks = Finder(loaded.finder), faces, loaded
        self._people = People(loaded, faces)
        self._image: NDArray[Any] | None = None  # the frame before
        self._seen: dict[int, Seen] = {}  # from afar
        self._places: dict[int, _Place] = {}  # by the numbers of the faces last refined
        self._since_look = PATIENCE
        self._looks = 0

    def update(self, image: NDArray[Any]) -> list[Face]:
        """The faces of the next frame (H, W, 3) RGB, by number; each at most once."""
        return self.refine(image, self.follow(image))

    def follow(self, image: NDArray[Any]) -> list[Face]:
        """The same as seen from afar: what the next frame's search needs to know."""
        before, self._seen = self._seen, {}
        found = look(self._networks, image, [self._people.box(number) for number in before])
        for number, face in sorted(
            zip(before, found, strict=True), key=lambda pair: -pair[1].confidence
        ):
            if not self._is_another(image, number, face, before[number]):
                self._accept(number, face)
        kept = set(self._seen)
        self._since_look += 1
        lost = len(kept) < len(before)
        if len(kept) < self._faces and (lost or self._since_look >= PATIENCE):
            self._look(image)
        self._seen, self._image = self._people.remember(image, self._seen, kept), image
        return [_face(number, self._seen[number]) for number in sorted(self._seen)]

    def refine(self, image: NDArray[Any], faces: list[Face], mirror: bool = False) -> list[Face]:
        """The same faces of that frame with refined landmarks and the features of both looks, and
        with ``mirror`` those of their mirror images too, see ``look_closer``.

        May run beside ``follow`` of the next frame.
        """
        placed = [self._placed(image, face, mirror) for face in faces]
        closer = look_closer(self._networks, image, faces, [about for _, about in placed], mirror)
        self._places = {
            face.number: _Place(afar, about, near.points - face.points)
            for face, (afar, about), near in zip(faces, placed, closer, strict=True)
            if _apart(about, near.points) <= ASTRAY  # else it moved too fast: look anew
        }
        return [_face(face.number, near) for face, near in zip(faces, closer, strict=True)]

    def _look(self, image: NDArray[Any]) -> None:
        """Search the whole frame for faces that are not followed yet, the large ones first."""
        self._since_look = 0
        self._looks += 1
        # A frame shows no more than its own pixels.
        sizes = [size for size in SIZES if size <= max(SIZES[0], *image.shape[:2])]
        if self._seen and not self._people.awaited(self._seen):
            # Whoever else may come is found within a few looks, and most never come.
            sizes = [sizes[self._looks % len(sizes)]]
        if not len(self._people):
            # Of all that are there, the largest.
            self._welcome(image, [face for size in sizes for face in self._found(image, size)])
            return
        for size in sizes:
            self._welcome(image, self._found(image, size))
            if len(self._seen) == self._faces:
                return

    def _found(self, image: NDArray[Any], size: int) -> list[Seen]:
        """The new faces of a frame, looked at in one of `SIZES`."""
        found = [(b, score) for b, score in self._find(image, size) if self._is_new(b)]
        found = found[: self._faces + SPARE]
        for least in HOPES:
            looked = look(self._networks, image, [box for box, _ in found])
            seen = [
                (face, score) for face, (_, score) in zip(looked, found, strict=True)
                if face.confidence >= least
            ]  # fmt: skip
            found = [(alignment.face_box(face.points), score) for face, score in seen]
        return [face for face, score in seen if self._is_face(image, face, score)]

    def _placed(self, image: NDArray[Any], face: Face, mirror: bool) -> tuple[Array, Array]:
        """``afar`` and ``about`` of the face's place: what a still face shows moves by no pixel,
        and from afar a face is seen with much the error of the frame before."""
        held = self._places.get(face.number)
        if held is None:
            (near,) = look_closer(self._networks, image, [face], [face.points], mirror)
            return face.points, near.points
        if _apart(held.afar, face.points) <= HOLD:
            return held.afar, held.about
        return face.points, face.points + held.off

    def _accept(self, number: int, face: Seen) -> None:
        box = alignment.face_box(face.points)
        if face.confidence >= THRESHOLD and box[2] >= _SMALLEST and self._is_new(box):
            self._seen[number] = face
            self._people.see(number, box)

    def _is_new(self, box: Array) -> bool:
        """Whether it is neither a face that is seen nor within one: nostrils over an open mouth
        look like a small face."""
        if not self._seen:
            return True
        known = np.array([self._people.box(number) for number in self._seen])
        within = np.abs(known[:, :2] - box[:2]).max(1) < INSIDE * known[:, 2]
        smaller = box[2] < known[:, 2]
        return not (within & smaller).any() and bool(overlap(box, known).max() <= SAME)

    def _is_face(self, image: NDArray[Any], face: Seen, score: float) -> bool:
        """Of what the finder gave a score."""
        if alignment.face_box(face.points)[2] < SMALLEST:
            return False
        said = _logit(score) + LANDMARKS * _logit(face.confidence)
        if said + LIKENESS < SURE:
            return False  # whatever F_seg says
        likeness = parse(self._networks.parser, image, face.points).likeness()
        return said + LIKENESS * likeness >= SURE

    def _welcome(self, image: NDArray[Any], faces: list[Seen]) -> None:
        for face, number in self._people.numbers(image, faces, self._seen):
            if number not in self._seen:
                self._accept(number, face)  # unless that face has one by now

    def _is_another(self, image: NDArray[Any], number: int, face: Seen, before: Seen) -> bool:
        """Whether a cut has put somebody else in its place."""
        if face.confidence < THRESHOLD or _apart(before.points, face.points) < JUMP:
            return False
        assert self._image is not None
        return self._people.is_another(number, (image, face), (self._image, before))
