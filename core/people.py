"""Who has which number: by F_reg, people are known again wherever they come back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import alignment
from .landmarks import Seen
from .models import Models
from .parsing import IN_VIEW, parse
from .recognition import embedding

Array = NDArray[np.float64]

SIMILAR: Final = 0.7  # the cosine of two embeddings of one person, strangers' once in 1,000; ...
NEAR: Final = 0.1  # ... so much less where a face is found where that one was lost
STRANGE: Final = 0.45  # of somebody else, where they look ahead
MARGIN: Final = 0.1  # to be somebody else after all, they must be so much more alike
WAIT: Final = 30  # frames until a stranger may have the number of somebody who is lost
AFTER_ALL: Final = 0.6  # is similar enough meanwhile, as nobody new has a number left; ...
COVERED: Final = 0.2  # ... so much less where that one was lost, who may have turned
REMEMBER: Final = 15  # frames between looks at who it is, ...
ALONE: Final = 90  # ... and where nobody else has a number
AHEAD: Final = 0.25  # of the eyes' distance, from their middle to the tip of the nose
_NOWHERE: Final = np.array([np.inf, np.inf, 0.0])


@dataclass(frozen=True, slots=True)
class _Known:
    """Whose a number is: the sum of their embeddings; and the latest of who has it now."""

    whole: Array
    latest: Array

    def similarity(self, who: Array) -> float:
        return float(self.whole @ who / np.linalg.norm(self.whole))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody is, or was lost, and in which frame they were seen last."""

    box: Array
    frame: int

    def near(self, face: Seen) -> bool:
        x, y, _ = alignment.face_box(face.points)
        return bool(np.hypot(x - self.box[0], y - self.box[1]) < self.box[2])


@dataclass(frozen=True, slots=True)
class _Claim:
    """That a face is somebody who was lost."""

    face: Seen
    number: int
    likeness: float  # of the two
    after_all: float  # the same, where nobody new has a number left
    away: int  # frames


def _looks_ahead(face: Seen) -> bool:
    right, left, nose = face.points[36], face.points[45], face.points[30]
    across = left - right
    return bool(abs((nose - (right + left) / 2) @ across) < AHEAD * (across @ across))


class People:
    """Up to ``most`` of them, numbered from 0 as they came."""

    def __init__(self, networks: Models, most: int) -> None:
        self._networks, self._most = networks, most
        self._known: dict[int, _Known] = {}
        self._places: dict[int, _Place] = {}
        self._frame = 0

    def __len__(self) -> int:
        """How many ever came."""
        return len(self._places)

    def box(self, number: int) -> Array:
        """(3,) where a face is, or was lost: centre x, y and side, pixels."""
        return self._places[number].box

    def awaited(self, seen: Collection[int]) -> bool:
        """Whether somebody was lost lately."""
        return any(
            number not in seen and self._frame - place.frame <= WAIT
            for number, place in self._places.items()
        )

    def see(self, number: int, box: Array) -> None:
        """That one is seen there in this frame."""
        self._places[number] = _Place(box, self._frame)

    def numbers(
        self, image: NDArray[Any], faces: Sequence[Seen], seen: Collection[int]
    ) -> list[tuple[Seen, int]]:
        """Which number each of these faces may have, where ``seen`` are taken, what suits best
        first.

        Those that were lost get theirs, the most alike first; then strangers the next ones, the
        large ones first; where there are none left, that of whom they are most like, when that one
        has been away for a while.
        """
        lost = [number for number in self._places if number not in seen]
        unused = [number for number in range(self._most) if number not in self._places]
        faces = sorted(faces, key=lambda f: -np.ptp(f.points[:, 1]) * f.confidence)
        claims = [self._claims(image, face, lost) for face in faces if lost]
        alike = [claim for row in claims for claim in row if claim.likeness >= SIMILAR]
        alike.sort(key=lambda claim: -claim.likeness)
        best = [max(row, key=lambda claim: claim.after_all) for row in claims]
        best.sort(key=lambda claim: -claim.after_all)
        return [
            *((claim.face, claim.number) for claim in alike),
            *((face, number) for face in faces for number in unused),
            *(
                (claim.face, claim.number)
                for claim in best
                if claim.after_all >= AFTER_ALL or claim.away > WAIT
            ),
        ]

    def _claims(self, image: NDArray[Any], face: Seen, numbers: Sequence[int]) -> list[_Claim]:
        who, out = self._embedding(image, face), []
        for number in numbers:
            known, place = self._known[number], self._places[number]
            share = max(known.similarity(who), float(known.latest @ who))
            near, away = place.near(face), self._frame - place.frame
            out.append(_Claim(face, number, share + NEAR * near, share + COVERED * near, away))
        return out

    def is_another(
        self, number: int, now: tuple[NDArray[Any], Seen], before: tuple[NDArray[Any], Seen]
    ) -> bool:
        """Whether a cut has put somebody else in the place of one of several: neither who had the
        number lately, nor who was there in the frame before."""
        if self._most == 1:
            return False
        who = self._embedding(*now)
        if float(self._known[number].latest @ who) >= SIMILAR:
            return False
        if float(self._embedding(*before) @ who) >= SIMILAR:
            return False
        for one, place in self._places.items():
            if place.frame < self._frame:  # where it was tells nothing now
                self._places[one] = replace(place, box=_NOWHERE)
        return True

    def remember(
        self, image: NDArray[Any], seen: Mapping[int, Seen], kept: Collection[int]
    ) -> dict[int, Seen]:
        """``seen`` with the numbers by which they go from now on; to be called once a frame.

        Looks at who they are: at those that are not among ``kept``, who came in this frame, at all
        of them now and then.
        """
        out = dict(seen)
        again = self._frame % (ALONE if self._most == 1 else REMEMBER) == 0
        for number, face in seen.items():
            if number not in kept or again:
                who = self._embedding(image, face)
                right = number
                if number in kept:
                    right = self._right(image, number, face, who, out)
                if right != number:
                    out[right] = out.pop(number)
                    self.see(right, self.box(number))
                self._meet(right, who)
        self._frame += 1
        return out

    def _right(
        self, image: NDArray[Any], number: int, face: Seen, who: Array, seen: Collection[int]
    ) -> int:
        """The number it should have: that of somebody who was lost and is more alike, or a new one
        where it is plainly nobody known."""
        alike = {n: known.similarity(who) for n, known in self._known.items()}
        lost = [n for n in self._places if n not in seen]
        best = max(lost, key=lambda n: alike[n], default=number)
        if alike[best] >= max(SIMILAR, alike[number] + MARGIN):
            return best
        latest = float(self._known[number].latest @ who)
        if len(self) == self._most or max(alike[number], latest) >= STRANGE:
            return number
        plain = parse(self._networks.parser, image, face.points).hidden() <= IN_VIEW
        return len(self) if plain and _looks_ahead(face) else number

    def _meet(self, number: int, who: Array) -> None:
        known = self._known.get(number)
        if known is None:
            self._known[number] = _Known(who, who)
        else:
            its = known.similarity(who) >= STRANGE  # else it is somebody else's, for now
            self._known[number] = _Known(known.whole + who if its else known.whole, who)

    def _embedding(self, image: NDArray[Any], face: Seen) -> Array:
        return embedding(self._networks.recognizer, image, face.points)
