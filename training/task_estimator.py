"""Teaching the estimator: what capture's networks see of a face, beside the same person's neutral
one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, models
from mien.core.alignment import mirror_points
from mien.training import augment, networks
from mien.training.data import Floats, Pairs, Pixels, mirror_values
from mien.training.evaluate import find
from mien.training.geometry import geometry_batch, load_geometry
from mien.training.metrics import Scores, estimator_scores
from mien.training.task import (
    Array,
    Batch,
    Task,
    disagreement,
    importance,
    sheet,
)
from mien.training.task_aligned import labelled

SMALLEST, LARGEST = 100, 180  # px of a face box in the footage
AROUND: Final = 1.2  # of the footage over the face box
TILE: Final = 128  # px of a face in the picture
LOOKS: Final = 6  # at every training face, each in another light and box
NEUTRAL_GIVEN: Final = 0.6  # of the samples know their neutral face
BLIND: Final = 512  # faces without a picture in every batch
POINTS_RATE: Final = 2e-3
LOOKERS: Final = 2  # threads
# Of the eyes' distance, about what the two networks leave: jaw, brows, nose, eyes, mouth.
LANDMARK_ERROR: Final = np.repeat([0.058, 0.019, 0.030, 0.014, 0.022], [17, 10, 9, 12, 20])[:, None]


@dataclass(frozen=True)
class Looks:
    """What the networks saw of N samples in K looks; every second is the mirror image of the one
    before."""

    points: Floats  # (N, K, 68, 2) aligned, in 0..1
    features: Floats  # (N, K, SEEN)

    def at(self, rows: NDArray[np.int64], look: NDArray[np.int64]) -> tuple[Floats, Floats]:
        return self.points[rows, look], self.features[rows, look].astype(np.float32)


class EstimatorTask(Task):
    """Of pairs that the landmark network and the refiner learnt from and of others: their features
    tell little more of the people they know, and many people matter more."""

    name = "estimator"
    batch_size = 256

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        train, _ = pairs.split()
        self.geometry = load_geometry(pairs.folder / "geometry.npz", 3000)
        self.models = models.load("cpu")
        self.weight = importance(pairs.values[train])
        self._row = np.zeros(len(pairs), int)
        self._row[train] = np.arange(len(train))
        self._taught: Looks | None = None

    @property
    def taught(self) -> Looks:
        """At the training samples."""
        if self._taught is None:
            train, _ = self.pairs.split()
            rng = np.random.default_rng(3)
            print(f"estimator: looking at {len(train)} faces {LOOKS} times", flush=True)
            self._taught = self.look(rng, train, LOOKS, disturbed=True)
        return self._taught

    def look(
        self, rng: Generator, indices: NDArray[np.int64], looks: int, disturbed: bool
    ) -> Looks:
        """What the networks see in boxes placed as a tracker places them."""
        points = np.empty((len(indices), 2 * looks, 68, 2), np.float32)
        features = np.empty((len(indices), 2 * looks, networks.SEEN), np.float16)
        seed = int(rng.integers(2**31))

        def see(n: int) -> None:
            own = np.random.default_rng([seed, n])
            for k in range(0, 2 * looks, 2):
                image, truth = self.footage(own, int(indices[n]), disturbed)
                face = find(self.models, image, truth, own)
                matrix = alignment.aligned_matrix(face.points, 1)
                points[n, k] = alignment.transform(matrix, face.points)
                points[n, k + 1] = mirror_points(points[n, k], 1)
                features[n, k : k + 2] = face.features

        with ThreadPoolExecutor(LOOKERS) as pool:
            for _ in pool.map(see, range(len(indices))):
                pass
        return Looks(points, features)

    def footage(self, rng: Generator, i: int, disturbed: bool) -> tuple[Pixels, Array]:
        """A face with a little around it, and the true landmarks in its pixels."""
        face, points = self.face(rng, i, False, 5 if disturbed else 0)
        size = LARGEST if not disturbed else rng.uniform(SMALLEST, LARGEST)
        box = alignment.face_box(points) * (1, 1, AROUND)
        side = round(AROUND * size)
        matrix = alignment.box_matrix(box, side)
        image = augment.paste(face, matrix, augment.background(rng, side))
        if disturbed:
            image = augment.disturb(rng, image, cover=0.05)
        return image, alignment.transform(matrix, points)

    def begin(self, network: nn.Module, seconds: float) -> None:
        """Learns to read the points, which is quick, so that the features only have to add."""
        assert isinstance(network, networks.Estimator)
        device = next(network.parameters()).device
        reader = [*network.shape.parameters(), *network.by_shape.parameters()]
        optimizer = torch.optim.AdamW(reader, POINTS_RATE, weight_decay=1e-3)
        rng, start, progress = np.random.default_rng(1), time.monotonic(), 0.0
        while progress < 1:
            optimizer.param_groups[0]["lr"] = POINTS_RATE * (1 - 0.8 * progress)
            faces = geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR)
            *points, truth = (torch.from_numpy(x).to(device) for x in faces)
            loss = disagreement(network.from_points(*points), truth, self.weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            progress = (time.monotonic() - start) / seconds
        print(f"estimator: loss {float(loss.detach()):.4f} of the points alone", flush=True)

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """The network's five inputs, the values, then the same of faces without a picture."""
        taught, count = self.taught, len(indices)
        look = rng.integers(2 * LOOKS, size=count)
        mirrored = look % 2 == 1
        points, features = taught.at(self._row[indices], look)
        others = self.pairs.neutral[indices]
        given = ((rng.random(count) < NEUTRAL_GIVEN) & (others >= 0)).astype(np.float32)
        again = 2 * rng.integers(LOOKS, size=count) + mirrored  # as the face is
        rest, rest_features = taught.at(self._row[np.maximum(others, 0)], again)
        values = self.values(indices, mirrored)
        columns = (
            points, features, rest * given[:, None, None], rest_features * given[:, None],
            given[:, None], values,
            *geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR),
        )  # fmt: skip
        return tuple(torch.from_numpy(np.asarray(c, np.float32)) for c in columns)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, networks.Estimator)
        inputs, truth, blind, blind_truth = batch[:5], batch[5], batch[6:9], batch[9]
        # Each by itself: taught through their mean they would err together.
        seen = [
            disagreement(network.values(raw), truth, self.weight) for raw in network.each(*inputs)
        ]
        blindly = disagreement(network.from_points(*blind), blind_truth, self.weight)
        return torch.stack(seen).mean() + blindly

    def say(self, network: nn.Module, looks: Looks, neutral: Looks | None) -> NDArray[np.float32]:
        """Values (N, 41) of the first look at each sample and at its mirror image, the mean."""
        device = next(network.parameters()).device
        rest = neutral or Looks(np.zeros_like(looks.points), np.zeros_like(looks.features))
        known = np.full((len(looks.points), 1), float(neutral is not None))
        said = []
        for k in (0, 1):
            columns = (
                looks.points[:, k], looks.features[:, k], rest.points[:, k], rest.features[:, k],
                known,
            )  # fmt: skip
            inputs = (torch.from_numpy(c.astype(np.float32)).to(device) for c in columns)
            with torch.no_grad():
                said.append(network(*inputs).cpu().numpy())
        both: NDArray[np.float32] = (said[0] + mirror_values(said[1])) / 2
        return both

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        indices = self.pairs.acting(indices)[:600]
        if not len(indices):
            return {}
        rng = np.random.default_rng(9)
        looks = self.look(rng, indices, 1, disturbed=False)
        rest = self.look(rng, self.pairs.neutral[indices], 1, disturbed=False)
        return {
            label: estimator_scores(self.say(network, looks, neutral), self.pairs.values[indices])
            for label, neutral in (("with neutral", rest), ("without neutral", None))
        }

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Faces with the four strongest units: said / true."""
        indices = np.resize(indices, 24)
        said = self.say(network, self.look(np.random.default_rng(10), indices, 1, False), None)
        rng, tiles = np.random.default_rng(10), []
        for i, y in zip(indices, said, strict=True):
            image, _ = self.footage(rng, int(i), False)
            tile = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
            tiles.append(labelled(tile / 255, y, self.pairs.values[i]))
        return sheet(tiles, 6)
