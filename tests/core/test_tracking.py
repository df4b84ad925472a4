"""Faces keep their numbers: dots of colour stand for faces, so that the truth is known."""

from typing import Any

import numpy as np

from mien.core.finder import Finder
from mien.core.tracking import PATIENCE, SIZE, Face, Tracker

COLOURS = ((255, 40, 40), (40, 255, 40), (40, 40, 255))
RADIUS = 12


def scene(*places: tuple[int, int] | None) -> np.ndarray:
    """A black picture with a dot of the i-th colour at the i-th place."""
    image = np.zeros((192, 192, 3), np.uint8)
    y, x = np.indices(image.shape[:2])
    for colour, place in zip(COLOURS, places, strict=False):
        if place:
            image[np.hypot(x - place[0], y - place[1]) <= RADIUS] = colour
    return image


class Dots:
    """Both networks, for dots: counts how often the finder is asked."""

    def __init__(self) -> None:
        self.looks = 0

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[Any]:
        if names == ["cells"]:
            return [self._cells(inputs["image"][0])]
        found = [self._landmarks(image) for image in inputs["image"]]
        return [np.stack([p for p, _ in found]), np.array([[s] for _, s in found])]

    def _cells(self, image: np.ndarray) -> np.ndarray:
        self.looks += 1
        cells = np.zeros((1, 4, 24, 24), np.float32)
        cells[0, 0] = -9
        for channel in range(3):
            y, x = np.nonzero(image[channel] > 0.5)
            if len(x):
                row, column = int(y.mean()) // 8, int(x.mean()) // 8
                cells[0, :, row, column] = (
                    5,
                    x.mean() / 8 - column - 0.5,
                    y.mean() / 8 - row - 0.5,
                    0.4,
                )
        return cells

    def _landmarks(self, image: np.ndarray) -> tuple[np.ndarray, float]:
        """A ring on the dot nearest to the middle."""
        y, x = np.nonzero(image.max(axis=0) > 0.5)
        if not len(x):
            return np.full((68, 2), 0.5), -5.0
        near = int(np.hypot(x - SIZE / 2, y - SIZE / 2).argmin())
        same = np.abs(image[:, y, x] - image[:, y[near], x[near], None]).max(axis=0) < 0.2
        centre, radius = np.array([x[same].mean(), y[same].mean()]), np.ptp(x[same]) / 2
        angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (centre + radius * ring) / SIZE, 5.0


def tracker(faces: int) -> tuple[Tracker, Dots]:
    dots = Dots()
    return Tracker(Finder(dots), dots, faces), dots


def colours(image: np.ndarray, faces: list[Face]) -> dict[int, int]:
    """Face number -> colour of the dot under it."""
    centres = {face.number: face.points.mean(0).round().astype(int) for face in faces}
    return {n: int(image[y, x].argmax()) for n, (x, y) in centres.items()}


def test_one_face_is_found_once_and_then_followed() -> None:
    track, dots = tracker(1)
    for step in range(30):
        x, y = 30 + 4 * step, 60 + step
        (face,) = track.update(scene((x, y)))
        assert np.hypot(*(face.points.mean(0) - (x, y))) < 1
    assert dots.looks == 1


def test_faces_that_are_not_there_are_looked_for_only_now_and_then() -> None:
    track, dots = tracker(3)
    for _ in range(20):
        track.update(scene((50, 50)))
    assert 3 <= dots.looks <= 5


def test_faces_keep_their_numbers_while_they_move_and_after_they_were_hidden() -> None:
    track, _ = tracker(2)
    known: dict[int, int] = {}
    for step in range(40):
        first, second = (40 + step, 40 + 2 * step), (150 - step, 60 + step)
        hidden = 12 <= step < 18
        image = scene(None if hidden else first, second)
        shown = colours(image, track.update(image))
        if not 18 <= step < 18 + PATIENCE:  # within that it is found again
            assert len(shown) == (1 if hidden else 2), step
        known = known or shown
        assert all(known[number] == colour for number, colour in shown.items()), step


def test_a_third_face_is_not_taken_in() -> None:
    track, _ = tracker(2)
    image = scene((40, 40), (140, 40), (90, 140))
    assert [f.number for f in track.update(image)] == [0, 1]


def test_nothing_is_seen_where_nothing_is() -> None:
    track, dots = tracker(1)
    assert [track.update(scene()) for _ in range(4)] == [[]] * 4
    assert dots.looks == 4
