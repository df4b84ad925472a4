"""Refiner and estimator taught together: where to look, and what it says of the action units.

The estimator by itself learns to read features that were made for the landmarks.  Here its errors
reach the refiner's pixels, so that the landmarks are most exact where units hang on them, and the
features tell what no landmark shows.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, refining
from mien.core.errors import UserError
from mien.training import augment, networks, shipped
from mien.training.data import Pairs, Pixels
from mien.training.geometry import aligned, geometry_batch, load_geometry
from mien.training.metrics import Scores, estimator_scores
from mien.training.task import Batch, disagreement, floats, to_tensor
from mien.training.task_estimator import BLIND, LANDMARK_ERROR, NEUTRAL_GIVEN
from mien.training.task_refiner import RefinerTask, stacked

_ORDER: Final = np.argsort(refining.POINTS)  # of the refiner's points among the 68
_JUDGED: Final = 50  # faces at a time


class Joint(nn.Module):
    """What is shipped as two files."""

    def __init__(self) -> None:
        super().__init__()
        self.refiner, self.estimator = networks.Refiner(), networks.Estimator()
        for guesses in (self.refiner.seen, self.refiner.reader):  # the estimator speaks instead
            guesses.requires_grad_(False)

    def parts(self) -> dict[str, nn.Module]:
        return {"refiner": self.refiner, "estimator": self.estimator}

    def train(self, mode: bool = True) -> Joint:
        """Normalisations stay as capture has them: a batch of few faces would be read by the
        batch's own mean, which capture does not know."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self


class JointTask(RefinerTask):
    """Both are taught, the landmark network looks on."""

    name = "joint"
    batch_size = 24

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.geometry = load_geometry(pairs.folder / "geometry.npz", 3000)
        self.landmarks = networks.Landmarks()
        shipped.give_weights("landmarks", self.landmarks)
        self.landmarks.eval().requires_grad_(False)

    def network(self) -> Joint:
        return Joint()

    def parts(self, network: nn.Module) -> dict[str, nn.Module]:
        assert isinstance(network, Joint)
        return network.parts()

    def to(self, device: torch.device) -> None:
        self.landmarks.to(device)

    def begin(self, network: nn.Module, seconds: float) -> None:
        """UserError: networks that know nothing yet learn each its own task first."""
        raise UserError(
            "The joint lessons begin with a refiner and an estimator that are shipped: "
            "add --shipped, after 'mien export' where they are to be your own."
        )

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """What :meth:`see` takes, the points in the patches, the values, and where in the batch a
        face's neutral one is; then faces without a picture."""
        count = len(indices)
        indices, mirrored, where = self.with_neutrals(rng, indices)
        seen = self.views(rng, indices, mirrored, disturbed)
        values = self.values(indices[:count], mirrored[:count])
        blind = geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR)
        return *seen, floats(values), torch.from_numpy(where[:count]), *map(floats, blind)

    def views(
        self,
        rng: Generator,
        indices: NDArray[np.int64],
        mirrored: NDArray[np.bool_],
        disturbed: bool,
    ) -> Batch:
        """(crops (B, 3, 128, 128) for the landmark network, eyes, mouth, oval, the matrices
        (B, 68, 2, 3) from each landmark's patch to the image, the refiner's points (B, 68, 2) in
        the patches)."""
        crops, cuts, points = [], [], []
        for i, turned in zip(indices, mirrored, strict=True):
            image, truth, about = self.footage(rng, int(i), disturbed, bool(turned))
            box = augment.loosened(rng, alignment.face_box(about))
            matrix = alignment.box_matrix(box, networks.LANDMARKS_SIZE)
            crops.append(alignment.warp(image, matrix, networks.LANDMARKS_SIZE))
            cuts.append(refining.cut(image, about))
            points.append(cuts[-1].inside(truth))
        outward = floats([_outward(c) for c in cuts])
        return to_tensor(crops), *stacked(cuts), outward, floats(points)

    def see(
        self, refiner: networks.Refiner, *views: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
        """(logits of the refiner's heatmaps, points in its patches; what the estimator is given:
        points (B, 68, 2) aligned in 0..1, and features)."""
        crops, eyes, mouth, oval, outward = views
        with torch.no_grad():
            afar = self.landmarks(crops)[2]
        logits, found, closer = refiner.maps(eyes, mouth, oval)
        # Not a matrix product, which mixed precision would round to whole pixels.
        there = (outward[..., :2] * found[:, _ORDER, None]).sum(-1) + outward[..., 2]
        return logits, found, aligned(there), torch.cat((afar, closer), 1)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, Joint)
        *views, points, values, where, now, rest, known, blind_values = batch
        refiner, estimator = network.refiner, network.estimator
        logits, found, marks, features = self.see(refiner, *views)
        said = [
            disagreement(estimator.values(raw), values, self.weight)
            for raw in estimator.each(*_beside(marks, features, where))
        ]
        blindly = disagreement(estimator.from_points(now, rest, known), blind_values, self.weight)
        placed = self.placed(refiner, logits, found, points)
        return placed + torch.stack(said).mean() + 0.5 * blindly

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Of the refiner as its own task has it, of the estimator on undisturbed faces."""
        assert isinstance(network, Joint)
        out: Scores = {"refiner": super().score(network.refiner, indices), "estimator": {}}
        indices = indices[self.pairs.neutral[indices] >= 0][:600]
        device = next(network.parameters()).device
        rng, said = np.random.default_rng(9), defaultdict(list)
        for part in np.array_split(indices, -(-len(indices) // _JUDGED)):
            whose = np.concatenate([part, self.pairs.neutral[part]])
            *views, _ = self.views(rng, whose, np.zeros(len(whose), bool), False)
            below = torch.arange(len(part), len(whose), device=device)
            with torch.no_grad():
                seen = self.see(network.refiner, *(v.to(device) for v in views))[2:]
                for label, where in (
                    ("with neutral", below), ("without neutral", torch.full_like(below, -1)),
                ):  # fmt: skip
                    values = network.estimator(*_beside(*seen, where))
                    said[label].append(values.cpu().numpy())
        for label, values in said.items():
            true = self.pairs.values[indices]
            out["estimator"][label] = estimator_scores(np.concatenate(values), true)
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        assert isinstance(network, Joint)
        return super().picture(network.refiner, indices)


def _outward(cut: refining.Patches) -> NDArray[np.float64]:
    """(68, 2, 3) the matrix from each landmark's patch to the image."""
    still = np.zeros((len(_ORDER), 2))
    origin = cut.outside(still)
    return np.stack([*(cut.outside(still + axis) - origin for axis in np.eye(2)), origin], -1)


def _beside(marks: Tensor, features: Tensor, where: Tensor) -> tuple[Tensor, ...]:
    """The estimator's five inputs for the first faces, each beside the one ``where`` it is."""
    # It does not look at the neutral face where it is told that there is none.
    known, rest, count = (where >= 0).float()[:, None], where.clamp(min=0), len(where)
    return marks[:count], features[:count], marks[rest], features[rest], known
