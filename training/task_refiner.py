"""Teaching the closer look: patches cut where the landmark network, which errs, would say."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, refining
from mien.training import augment, networks
from mien.training.data import Pairs, Pixels
from mien.training.metrics import Scores
from mien.training.task import (
    Array,
    Batch,
    Task,
    bell_entropy,
    difference,
    floats,
    importance,
    sheet,
    to_tensor,
)

SMALLEST, LARGEST = 100, 240  # px of the aligned face in the footage
# Of the eyes' distance, about which patches are cut: by the landmark network, and some more, then
# by the refiner's own first look.
MISPLACED: Final = (0.03, 0.01, 0.01)
_BEHIND: Final = 64  # px of the background, of which little is in the patches
_STEP: Final = 2.0  # px of a patch to a cell of the heatmaps
_EYE: Final = len(refining.RIGHT)  # points of one eye's patch

_RIGHT_WEIGHTS: Final = [1.0] * 5 + [1.5] * 6
WEIGHTS: Final = np.array(2 * _RIGHT_WEIGHTS + [0.8] * 5 + [1.3] * 20 + [1.0] * 21, np.float32)


def _gaps() -> Tensor:
    """What lids, lips and brows do is in these distances, small beside a face's other errors."""
    at = refining.POINTS.index
    pairs = [
        (37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65), (51, 57), (48, 54),
        (51, 33), (19, 37), (24, 44), (21, 39), (22, 42), (48, 31), (54, 35), (48, 57), (54, 57),
    ]  # fmt: skip
    return torch.tensor([(at(a), at(b)) for a, b in pairs])


GAPS: Final = _gaps()
_PARTS: Final = {
    "brows": [k for k, p in enumerate(refining.POINTS) if 17 <= p < 27],
    "lids": [k for k, p in enumerate(refining.POINTS) if 36 <= p < 48],
    "lips": [k for k, p in enumerate(refining.POINTS) if p >= 48],
    "nose": [k for k, p in enumerate(refining.POINTS) if 27 <= p < 36],
    "jaw": [k for k, p in enumerate(refining.POINTS) if p < 17],
}


def _heat(close: nn.Module, logits: Tensor, points: Tensor) -> Tensor:
    """(B, P) :func:`bell_entropy` with bells of one cell, of points (B, P, 2) px in patches."""
    step = close.x[1] - close.x[0]  # as in y
    return bell_entropy(logits, points / step, close.x / step, close.y / step)


def stacked(cuts: list[refining.Patches]) -> tuple[Tensor, Tensor, Tensor]:
    """What the refiner takes: eyes (B, 2, 3, 48, 64), mouth and oval (B, 3, 64, 80)."""
    eyes = to_tensor([eye for cut in cuts for eye in cut.eyes]).unflatten(0, (-1, 2))
    return eyes, to_tensor([cut.mouth for cut in cuts]), to_tensor([cut.oval for cut in cuts])


class RefinerTask(Task):
    name = "refiner"
    batch_size = 16

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.weight = importance(pairs.values[pairs.split()[0]])

    def footage(
        self,
        rng: Generator,
        i: int,
        disturbed: bool,
        mirrored: bool,
        proportions: Array | None = None,
    ) -> tuple[Pixels, Array, Array]:
        """(a face with a little around it, its true landmarks (68, 2) px, where the landmark
        network or a first look would say they are)."""
        face, points = self.face(rng, i, mirrored, 8, proportions)
        size = round(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))) if disturbed else 200
        matrix = size * alignment.aligned_matrix(points, 1)
        margin = size // 8
        matrix[:, 2] += margin
        side = size + 2 * margin
        behind = cv2.resize(augment.background(rng, _BEHIND), (side, side))
        image = augment.paste(face, matrix, np.asarray(behind, np.uint8))
        points = alignment.transform(matrix, points)
        if disturbed:
            image = augment.disturb(rng, image)
        unit = float(augment.face_unit(points))
        off = augment.misplacement(rng, float(rng.choice(MISPLACED)), 1)[0]
        return image, points, points + off * unit

    def patches(
        self, rng: Generator, i: int, disturbed: bool, mirrored: bool
    ) -> tuple[refining.Patches, Array, float]:
        """(what is cut out, the true landmarks there (68, 2) px, px of the eyes' distance in the
        aligned crop)."""
        image, points, about = self.footage(rng, i, disturbed, mirrored)
        cut = refining.cut(image, about)
        to_crop = alignment.aligned_matrix(points, refining.FACE)[:, :2]
        corners = np.linalg.norm(to_crop @ (points[36] - points[45]))
        return cut, cut.inside(points), float(corners)

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Patches, points, values, and where in the batch a face's neutral one is."""
        indices, mirrored, where = self.with_neutrals(rng, indices)
        eyes, mouth, oval, points, _ = self.cut(rng, indices, disturbed, mirrored)
        values = floats(self.values(indices, mirrored))
        return eyes, mouth, oval, points, values, torch.from_numpy(where)

    def cut(
        self,
        rng: Generator,
        indices: NDArray[np.int64],
        disturbed: bool,
        mirrored: NDArray[np.bool_],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, NDArray[np.float64]]:
        """(eyes (B, 2, 3, 48, 64), mouth and oval (B, 3, 64, 80), points (B, 68, 2) px, the eyes'
        distance in each point's patch (B, 68) px)."""
        parts = [
            self.patches(rng, int(i), disturbed, bool(m))
            for i, m in zip(indices, mirrored, strict=True)
        ]
        cut, points, units = zip(*parts, strict=True)
        scales = np.array(units)[:, None] * refining.SCALES
        return *stacked(list(cut)), floats(list(points)), scales

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, networks.Refiner)
        eyes, mouth, oval, points, values, where = batch
        logits, found, features = network.maps(eyes, mouth, oval)
        known = (where >= 0).float()[:, None]
        guess = network.guess(features, features[where.clamp(min=0)], known)
        acted = difference(guess, values, self.weight).mean()
        return self.placed(network, logits, found, points) + 0.2 * acted

    def placed(
        self, network: networks.Refiner, logits: list[Tensor], found: Tensor, points: Tensor
    ) -> Tensor:
        """How far the points are off, each alone and across lids, lips and brows."""
        weight = torch.from_numpy(WEIGHTS).to(points.device)
        off = (found - points) / _STEP
        gap = (off[:, GAPS[:, 0]] - off[:, GAPS[:, 1]]).abs().mean()
        right, left, *others = points.tensor_split(refining.SPLITS, 1)
        there = (torch.stack((right, left), 1).flatten(0, 1), *others)
        heats = map(_heat, (network.eye, network.mouth, network.oval), logits, there)
        heat = torch.cat([h.reshape(len(points), -1) for h in heats], 1)
        return (weight * (off.abs().mean(2) + 0.08 * heat)).mean() + 0.7 * gap

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Errors in % of the outer eye corners' distance in the aligned crop."""
        out: Scores = {}
        indices = indices[:400]
        device = next(network.parameters()).device
        for label, disturbed in (("clean", False), ("disturbed", True)):
            rng, off = np.random.default_rng(7), []
            for start in range(0, len(indices), 50):
                part = indices[start : start + 50]
                mirrored = rng.random(len(part)) < 0.5
                *patches, points, scales = self.cut(rng, part, disturbed, mirrored)
                with torch.no_grad():
                    found = network(*(patch.to(device) for patch in patches))[0].cpu()
                away = torch.linalg.vector_norm(found - points, dim=2).numpy()
                off.append(100 * away / scales)
            error = np.concatenate(off)
            for name, group in _PARTS.items():
                out[f"{label}: {name}, % of the eye corners' distance"] = float(
                    error[:, group].mean()
                )
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Patches with what was said (green) and the truth (red)."""
        indices = np.resize(indices, 24)
        rng = np.random.default_rng(10)
        eyes, mouth, oval, points, _ = self.cut(rng, indices, True, np.zeros(24, bool))
        device = next(network.parameters()).device
        with torch.no_grad():
            found = network(*(p.to(device) for p in (eyes, mouth, oval)))[0].cpu().numpy()
        tiles = []
        zoom = 4
        for e, m, o, f, t in zip(eyes, mouth, oval, found, points.numpy(), strict=True):
            row = []
            there, guessed = np.split(t, refining.SPLITS), np.split(f, refining.SPLITS)
            for patch, true, said in zip((*e, m, o), there, guessed, strict=True):
                tile = (patch.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
                tile = cv2.resize(tile, None, None, zoom, zoom, cv2.INTER_CUBIC)
                for colour, marks in (((255, 60, 60), true), ((0, 255, 0), said)):
                    for x, y in (marks + 0.5) * zoom:
                        cv2.circle(tile, (int(x), int(y)), 2, colour, -1)
                tall = zoom * refining.LIPS[1] - len(tile)
                row.append(cv2.copyMakeBorder(tile, 0, tall, 0, 0, cv2.BORDER_CONSTANT))
            tiles.append(np.hstack(row))
        return sheet(tiles, 2)
