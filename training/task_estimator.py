"""Teaching the estimator: aligned faces beside the same person's neutral one."""

from __future__ import annotations

import time
from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, parameters
from mien.training import augment, networks
from mien.training.data import Pairs, Pixels, mirror_points, mirror_values
from mien.training.geometry import geometry_batch, load_geometry
from mien.training.metrics import Scores, estimator_scores
from mien.training.networks import VALUES
from mien.training.task import Array, Batch, Task, floats, sheet

SIZE: Final = networks.ESTIMATOR_SIZE
NEUTRAL_GIVEN: Final = 0.6  # of the samples know their neutral face
BLIND: Final = 512  # faces without a picture in every batch
POINTS_RATE: Final = 2e-3
LANDMARK_ERROR: Final = 0.045  # of the eyes' distance, about what the landmark network leaves
_SIDED: Final = [VALUES.index(au) for au in parameters.SIDED_AUS]
_ASYMMETRY: Final = [VALUES.index(name) for name in networks.ASYMMETRIES]
_WHOLE: Final = [i for i in range(len(VALUES)) if i not in _ASYMMETRY]


def spread(values: Tensor) -> Tensor:
    """Values (B, 41) as what is compared: asymmetries become the two sides (B, 29 + 24)."""
    a, s = values[:, _SIDED], values[:, _ASYMMETRY]
    left, right = a * (1 + s).clamp(max=1), a * (1 - s).clamp(max=1)
    return torch.cat((values[:, _WHOLE], left, right), 1)


class EstimatorTask(Task):
    name = "estimator"
    batch_size = 32

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        train, _ = pairs.split()
        sigma = spread(torch.from_numpy(pairs.values[train])).std(0)
        self.geometry = load_geometry(pairs.folder / "geometry.npz", min(len(pairs), 3000))
        # Errors count by how much each varies, so that subtle units weigh as much as the jaw.
        self.weight = 1 / sigma.clamp(min=0.05)

    def aligned(
        self, rng: Generator, i: int, mirrored: bool, error: Array, disturbed: bool
    ) -> tuple[Pixels, Array]:
        """(grey crop, points in 0..1 of it), with landmarks off by ``error``."""
        image, points = self.pairs.images[i], self.pairs.landmarks[i].astype(float)
        if mirrored:
            width = image.shape[1]
            image, points = image[:, ::-1], mirror_points(points, width - 1)
        seen = points + error * augment.face_unit(points)
        matrix = alignment.aligned_matrix(seen, SIZE)
        crop = augment.paste(np.ascontiguousarray(image), matrix, augment.background(rng, SIZE))
        if disturbed:
            crop = augment.disturb(rng, crop)
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        return np.asarray(grey, np.uint8), alignment.transform(matrix, seen) / SIZE

    def sample(self, rng: Generator, i: int, neutral: bool | None, disturbed: bool) -> list[Array]:
        """The network's five inputs, then the values."""
        mirrored = disturbed and rng.random() < 0.5
        given = rng.random() < NEUTRAL_GIVEN if neutral is None else neutral
        other = int(self.pairs.neutral[i])
        given = given and other >= 0
        # Part of a tracker's error belongs to the person and is there in both frames.
        personal = augment.misplacement(rng, 0.7 * LANDMARK_ERROR, 1)[0]
        own = augment.misplacement(rng, 0.5 * LANDMARK_ERROR, 2)
        image, points = self.aligned(rng, i, mirrored, personal + own[0], disturbed)
        before, before_points = np.zeros_like(image), np.zeros_like(points)
        if given:
            before, before_points = self.aligned(
                rng, other, mirrored,
                personal + own[1], disturbed,
            )  # fmt: skip
        values = self.pairs.values[i]
        values = mirror_values(values) if mirrored else values
        return [
            image[None] / 255.0, points, before[None] / 255.0, before_points,
            np.array([float(given)]), values,
        ]  # fmt: skip

    def rows(
        self, rng: Generator, indices: NDArray[np.int64], neutral: bool | None, disturbed: bool
    ) -> Batch:
        samples = [self.sample(rng, int(i), neutral, disturbed) for i in indices]
        return tuple(floats(list(column)) for column in zip(*samples, strict=True))

    def begin(self, network: nn.Module, seconds: float) -> None:
        """Learns to read the points, which is quick, so that the pixels only have to add to it."""
        assert isinstance(network, networks.Estimator)
        device = next(network.parameters()).device
        reader = [*network.shape.parameters(), *network.by_shape.parameters()]
        optimizer = torch.optim.AdamW(reader, POINTS_RATE, weight_decay=1e-3)
        rng, start, progress = np.random.default_rng(1), time.monotonic(), 0.0
        while progress < 1:
            optimizer.param_groups[0]["lr"] = POINTS_RATE * (1 - 0.8 * progress)
            faces = geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR)
            *points, truth = (torch.from_numpy(x).to(device) for x in faces)
            loss = self.difference(network.from_points(*points), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            progress = (time.monotonic() - start) / seconds
        print(f"estimator: loss {float(loss.detach()):.4f} of the points alone", flush=True)

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        blind = geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR)
        return *self.rows(rng, indices, None, disturbed), *(torch.from_numpy(x) for x in blind)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, networks.Estimator)
        inputs, truth, points, points_truth = batch[:5], batch[5], batch[6:9], batch[9]
        seen = self.difference(network(*inputs), truth)
        return seen + self.difference(network.from_points(*points), points_truth)

    def difference(self, found: Tensor, truth: Tensor) -> Tensor:
        """Squares of small errors, nearly plain sizes of large ones."""
        off = (spread(found) - spread(truth)) * self.weight.to(truth.device)
        return (off.square() / (1 + 0.2 * off.abs())).mean()

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        device = next(network.parameters()).device
        out: Scores = {}
        for label, neutral in (("with neutral", True), ("without neutral", False)):
            rng, found = np.random.default_rng(9), []
            for start in range(0, min(len(indices), 600), 64):
                *inputs, _ = self.rows(rng, indices[start : start + 64], neutral, False)
                with torch.no_grad():
                    found.append(network(*(x.to(device) for x in inputs)).cpu().numpy())
            out[label] = estimator_scores(
                np.concatenate(found), self.pairs.values[indices[: 64 * len(found)]]
            )
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Crops with the four strongest units: said / true."""
        rng, tiles = np.random.default_rng(10), []
        device = next(network.parameters()).device
        *inputs, truth = self.rows(rng, np.resize(indices, 24), True, True)
        with torch.no_grad():
            said = network(*(x.to(device) for x in inputs)).cpu().numpy()
        for image, y, t in zip(inputs[0], said, truth.numpy(), strict=True):
            tile = cv2.resize((image[0].numpy() * 255).astype(np.uint8), (2 * SIZE, 2 * SIZE))
            tile = cv2.copyMakeBorder(cv2.cvtColor(tile, cv2.COLOR_GRAY2RGB), 0, 64, 0, 0, 0)
            for k, j in enumerate(np.argsort(-t[: len(parameters.AUS)])[:4]):
                text = f"{VALUES[j]} {y[j]:.2f} / {t[j]:.2f}"
                at = (4, 2 * SIZE + 14 + 15 * k)
                cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,) * 3, 1)
            tiles.append(tile)
        return sheet(tiles, 6)
