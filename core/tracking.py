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
from .recognition import embedding

Array = NDArray[np.float64]

THRESHOLD: Final = 0.5  # a crop with a lower score holds no face
# A new face must be surer, as most of a frame is none.  The finder sees a small one well, the
# landmarks a near one, and F_seg what only resembles a face: their evidence adds up.  Weights by
# logistic regression on 500 frames of rendered people; the sum is such that none of these had a
# false face.
LANDMARKS: Final = 0.44  # of the logit of their confidence beside that of the finder's score
LIKENESS: Final = 4.7  # of how much of the face F_seg finds where the landmarks are
SURE: Final = 4.8  # what the sum must reach
# The landmarks give a better box, and a better box better landmarks: the least confidence of
# a candidate after each look.
HOPES: Final = (0.05, 0.2, THRESHOLD)
PATIENCE: Final = 3  # frames between looks for faces that are not followed
SPARE: Final = 4  # more candidates than faces are looked at, as the landmarks refuse some
HOLD: Final = 0.005  # of the eyes' distance: a stiller face is looked at in the same patches
ASTRAY: Final = 0.03  # of the eyes' distance, from where patches are cut to what they show
SIMILAR: Final = 0.7  # the cosine of two embeddings of one person, strangers' once in 1,000; ...
NEAR: Final = 0.1  # ... so much less where a face is found where that one was lost
REMEMBER: Final = 15  # frames between looks at who it is, of several
JUMP: Final = 0.04  # of the eyes' distance from frame to frame: it may be another face, ...
SUDDEN: Final = 2.0  # ... where it has moved so many times as far as in the frame before
SAME: Final = 0.4  # two boxes that overlap more are one face
INSIDE: Final = 0.3  # of a face's box: no other begins so near its middle
_NOWHERE: Final = np.array([np.inf, np.inf, 0.0])
_SMALLEST: Final = 8.0  # pixels; a box below that is no face


@dataclass(frozen=True, slots=True)
class Face(Seen):
    """A face in one frame, and its number from 0."""

    number: int


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has a number: the sum of their embeddings, and the latest."""

    whole: Array
    latest: Array

    def similarity(self, who: Array) -> float:
        return float(self.whole @ who / np.linalg.norm(self.whole))


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
    when it comes back, wherever that is.  A stranger gets the next number, or, where there is none
    left, that of whom they are most like."""

    def __init__(self, loaded: Models, faces: int) -> None:
        self._find, self._faces, self._networks = Finder(loaded.finder), faces, loaded
        self._seen: dict[int, Seen] = {}  # from afar
        self._places: dict[int, _Place] = {}  # by the numbers of the faces last refined
        self._last: dict[int, Array] = {}  # number -> its latest box, seen now or lost
        self._known: dict[int, _Known] = {}  # by number, where several faces are followed
        self._moved: dict[int, float] = {}  # number -> how far, to the frame before
        self._frames = 0
        self._since_look = PATIENCE

    def update(self, image: NDArray[Any]) -> list[Face]:
        """The faces of the next frame (H, W, 3) RGB, by number; each at most once."""
        return self.refine(image, self.follow(image))

    def follow(self, image: NDArray[Any]) -> list[Face]:
        """The same as seen from afar: what the next frame's search needs to know."""
        before, self._seen = self._seen, {}
        found = look(self._networks, image, [self._last[number] for number in before])
        moved = {
            number: _apart(seen.points, face.points)
            for (number, seen), face in zip(before.items(), found, strict=True)
        }
        for number, face in sorted(
            zip(before, found, strict=True), key=lambda pair: -pair[1].confidence
        ):
            if not self._is_another(image, number, face, moved[number]):
                self._accept(number, face)
        kept, self._moved = set(self._seen), moved
        self._since_look += 1
        lost = len(self._seen) < len(before)
        if len(self._seen) < self._faces and (lost or self._since_look >= PATIENCE):
            self._look(image)
        self._frames += 1
        if self._faces > 1:
            self._remember(image, kept)
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
        for size in SIZES:
            if size > max(SIZES[0], *image.shape[:2]):
                break  # a frame shows no more than its own pixels
            found = [(b, score) for b, score in self._find(image, size) if self._is_new(b)]
            found = found[: self._faces + SPARE]
            for least in HOPES:
                looked = look(self._networks, image, [box for box, _ in found])
                seen = [
                    (face, score) for face, (_, score) in zip(looked, found, strict=True)
                    if face.confidence >= least
                ]  # fmt: skip
                found = [(alignment.face_box(face.points), score) for face, score in seen]
            self._welcome(image, [f for f, score in seen if self._is_face(image, f, score)])
            if len(self._seen) == self._faces:
                return

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
            self._last[number] = box

    def _is_new(self, box: Array) -> bool:
        """Whether it is neither a face that is seen nor within one: nostrils over an open mouth
        look like a small face."""
        if not self._seen:
            return True
        known = np.array([self._last[number] for number in self._seen])
        within = np.abs(known[:, :2] - box[:2]).max(1) < INSIDE * known[:, 2]
        smaller = box[2] < known[:, 2]
        return not (within & smaller).any() and bool(overlap(box, known).max() <= SAME)

    def _is_face(self, image: NDArray[Any], face: Seen, score: float) -> bool:
        """Of what the finder gave a score."""
        said = _logit(score) + LANDMARKS * _logit(face.confidence)
        if said + LIKENESS < SURE:
            return False  # whatever F_seg says
        likeness = parse(self._networks.parser, image, face.points).likeness()
        return said + LIKENESS * likeness >= SURE

    def _welcome(self, image: NDArray[Any], faces: list[Seen]) -> None:
        """Gives those that were lost their numbers, the most alike first; then strangers the next
        ones, the large ones first; where there are none left, those of whom they are most like."""
        lost = [number for number in self._last if number not in self._seen]
        unused = [number for number in range(self._faces) if number not in self._last]
        faces = sorted(faces, key=lambda f: -np.ptp(f.points[:, 1]) * f.confidence)
        asked = lost and len(lost + unused) > 1  # else there is nothing to choose
        alike = [
            (share, face, number)
            for face in faces
            for number, share in zip(
                lost, self._likeness(image, face, lost) if asked else [0.0] * len(lost), strict=True
            )
        ]
        alike.sort(key=lambda proposal: -proposal[0])
        for face, number in (
            *((face, number) for share, face, number in alike if share >= SIMILAR),
            *((face, number) for face in faces for number in unused),
            *((face, number) for share, face, number in alike if share < SIMILAR),
        ):
            if number not in self._seen:
                self._accept(number, face)  # unless that face has one by now

    def _likeness(self, image: NDArray[Any], face: Seen, numbers: list[int]) -> list[float]:
        """How much a face is like those of these numbers."""
        who, (x, y, _) = self._embedding(image, face), alignment.face_box(face.points)
        out = []
        for number in numbers:
            a, b, side = self._last[number]
            near = NEAR if np.hypot(x - a, y - b) < side else 0.0
            out.append(self._known[number].similarity(who) + near)
        return out

    def _is_another(self, image: NDArray[Any], number: int, face: Seen, moved: float) -> bool:
        """Whether a cut has put somebody else in the place of one of several."""
        if self._faces == 1 or face.confidence < THRESHOLD:
            return False
        if moved < max(JUMP, SUDDEN * self._moved.get(number, 0.0)):
            return False
        if float(self._known[number].latest @ self._embedding(image, face)) >= SIMILAR:
            return False
        gone = [number for number in self._last if number not in self._seen]
        self._last |= dict.fromkeys(gone, _NOWHERE)  # where they were tells nothing now
        return True

    def _remember(self, image: NDArray[Any], kept: set[int]) -> None:
        """Looks at who they are: at those that came in this frame, at all now and then."""
        for number, face in self._seen.items():
            if number not in kept or self._frames % REMEMBER == 0:
                who = self._embedding(image, face)
                before = self._known.get(number)
                self._known[number] = _Known(before.whole + who if before else who, who)

    def _embedding(self, image: NDArray[Any], face: Seen) -> Array:
        return embedding(self._networks.recognizer, image, face.points)
