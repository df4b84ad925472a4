"""Teaching the landmarks: face boxes placed as loosely as a tracker places them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import alignment
from mien.training import augment, networks
from mien.training.data import Pairs, Pixels
from mien.training.metrics import Scores, landmark_error
from mien.training.task import (
    Array,
    Batch,
    Task,
    bell_entropy,
    compose,
    difference,
    floats,
    importance,
    sheet,
    to_tensor,
    zoomed,
)

SIZE: Final = networks.LANDMARKS_SIZE
NOBODY: Final = 0.22  # of the crops hold no face where they should
# The jaw line has no exact place along it; eyes and lips drive the action units.
WEIGHTS: Final = np.repeat([0.5, 1.0, 0.8, 1.5, 1.3], [17, 10, 9, 12, 20]).astype(np.float32)

# What lids, lips and brows do is in these distances, small beside a face's other errors.
GAPS: Final = torch.tensor([
    (37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65), (51, 57), (48, 54),
    (51, 33), (57, 8), (19, 37), (24, 44), (21, 39), (22, 42), (21, 22), (48, 36), (54, 45),
])  # fmt: skip


def misplaced(network: networks.Landmarks, logits: Tensor, points: Tensor, there: Tensor) -> Tensor:
    """How far the points are off, each alone and across lids, lips and brows: of heatmaps (B, 68,
    32, 32), points (B, 68, 2) in 0..1, and whether it counts (B,)."""
    found = network.read(logits)
    weight = torch.from_numpy(WEIGHTS).to(points.device)[None, :, None]
    off = (found - points) * networks.HEATMAP  # in cells
    gap = (off[:, GAPS[:, 0]] - off[:, GAPS[:, 1]]).abs()
    off = off.abs()
    centre = network.centres * networks.HEATMAP
    heat = bell_entropy(logits, points * networks.HEATMAP, centre, centre)[..., None]
    each = (weight * (off + 0.15 * heat)).mean((1, 2)) + gap.mean((1, 2))
    return (each * there).sum() / there.sum().clamp(min=1)


def seen_wrongly(
    network: networks.Landmarks, logits: Tensor, score: Tensor, points: Tensor, there: Tensor
) -> Tensor:
    """As of :func:`misplaced`, and how wrong the score (B, 1) is about whether a face is there."""
    told = F.binary_cross_entropy_with_logits(score[:, 0], there)
    return misplaced(network, logits, points, there) + 0.3 * told


class LandmarksTask(Task):
    name = "landmarks"
    batch_size = 16

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.weight = importance(pairs.values[pairs.split()[0]])

    def crop(
        self, rng: Generator, i: int, disturbed: bool, held: bool, mirrored: bool
    ) -> tuple[Pixels, Array, bool]:
        """(image, points in 0..1, whether the crop holds the face where it should)."""
        behind = augment.background(rng, SIZE)
        kind = rng.random() if not held else 1.0
        face, points = self.face(rng, i, mirrored, 15)
        wobble = augment.jitter(rng, 0.035, 0.09, 0)
        if kind < 0.1:  # beside the face, or far too large or small
            far = rng.uniform(0.5, 0.9) * np.exp(2j * np.pi * rng.random())
            wobble[:, 2] += (far.real, far.imag)
        elif kind < 0.14:
            wobble = augment.jitter(rng, 0.1, 0, 0)
            size = rng.choice([rng.uniform(0.2, 0.4), rng.uniform(2.3, 4)])
            wobble = compose(zoomed(size), wobble)
        box = alignment.box_matrix(alignment.face_box(points), 1)
        matrix = SIZE * compose(wobble, box)
        if 0.14 <= kind < 0.16:
            image = behind
        elif 0.16 <= kind < 0.19:
            image = augment.title(rng, behind, SIZE / 2, SIZE / 2, SIZE * rng.uniform(0.3, 0.8))
        else:
            if 0.19 <= kind < NOBODY:
                face = augment.scrambled(rng, face)
            image = augment.paste(face, matrix, behind)
        if disturbed:
            image = augment.disturb(rng, image)
        return image, alignment.transform(matrix, points) / SIZE, kind >= NOBODY

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Crops, points, which of them hold a face where they should, values, and where in the
        batch a face's neutral one is."""
        faces = len(indices)
        indices, mirrored, where = self.with_neutrals(rng, indices)
        held = np.arange(len(indices)) >= faces
        crops = [
            self.crop(rng, int(i), disturbed, not disturbed or bool(h), bool(m))
            for i, h, m in zip(indices, held, mirrored, strict=True)
        ]
        images, points, there = zip(*crops, strict=True)
        values = self.values(indices, mirrored)
        return (
            to_tensor(list(images)), floats(list(points)), floats(list(there)),
            floats(values), torch.from_numpy(where),
        )  # fmt: skip

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, networks.Landmarks)
        image, points, there, values, where = batch
        logits, score, features = network.maps(image)
        known = (where >= 0).float()[:, None]
        guess = network.guess(features, features[where.clamp(min=0)], known)
        acted = (difference(guess, values, self.weight) * there).sum() / there.sum().clamp(min=1)
        return seen_wrongly(network, logits, score, points, there) + 0.3 * acted

    def predict(self, network: nn.Module, indices: NDArray[np.int64], disturbed: bool) -> Batch:
        """(images, points, truth) of undisturbed or disturbed crops, all holding a face."""
        rng, parts = np.random.default_rng(7), []
        device = next(network.parameters()).device
        for start in range(0, len(indices), 64):
            crops = [
                self.crop(rng, int(i), disturbed, True, bool(rng.random() < 0.5))
                for i in indices[start : start + 64]
            ]
            images = to_tensor([c[0] for c in crops])
            with torch.no_grad():
                points = network(images.to(device))[0].cpu()
            parts.append((images, points, floats([c[1] for c in crops])))
        images, points, truth = (torch.cat(column) for column in zip(*parts, strict=True))
        return images, points, truth

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        out: Scores = {}
        for label, disturbed in (("clean", False), ("disturbed", True)):
            _, points, truth = self.predict(network, indices[:400], disturbed)
            error = landmark_error(points.numpy(), truth.numpy())
            out[f"{label}: mean error, % of the eye corners' distance"] = float(error.mean())
            out[f"{label}: faces within 8 %"] = float((error < 8).mean())
        rng, right, count = np.random.default_rng(8), 0, 0
        device = next(network.parameters()).device
        for start in range(0, min(len(indices), 384), 64):
            images, _, there, _, _ = self.batch(rng, indices[start : start + 64])
            with torch.no_grad():
                says = network(images.to(device))[1][:, 0].cpu() > 0
            right, count = right + int((says == (there > 0)).sum()), count + len(there)
        out["face or not, right"] = right / max(count, 1)
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        images, points, truth = self.predict(network, np.resize(indices, 32), True)
        tiles = []
        for image, found, true in zip(images, points.numpy(), truth.numpy(), strict=True):
            tile = (image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
            tile = cv2.resize(tile, (2 * SIZE, 2 * SIZE))
            for colour, marks in (((255, 60, 60), true), ((0, 255, 0), found)):
                for x, y in marks * 2 * SIZE:
                    cv2.circle(tile, (int(x), int(y)), 1, colour, -1)
            tiles.append(tile)
        return sheet(tiles)
