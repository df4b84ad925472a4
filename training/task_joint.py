"""Landmarks, refiner and estimator taught together: where to look, and what it says of the action
units.

The estimator by itself learns to read features that were made for the landmarks.  Here its errors
reach the pixels, so that the landmarks are most exact where units hang on them, and the features
tell what no landmark shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, refining
from mien.core.errors import UserError
from mien.training import augment, networks
from mien.training.data import Pairs, Pixels
from mien.training.geometry import aligned, geometry_batch, load_geometry
from mien.training.metrics import Scores, estimator_scores
from mien.training.proportions import another
from mien.training.task import (
    Array,
    Batch,
    compose,
    disagreement,
    floats,
    to_tensor,
    unit_to,
)
from mien.training.task_estimator import BLIND, LANDMARK_ERROR, NEUTRAL_GIVEN
from mien.training.task_landmarks import LandmarksTask, misplaced, seen_wrongly
from mien.training.task_refiner import RefinerTask, stacked

_ORDER: Final = np.argsort(refining.POINTS)  # of the refiner's points among the 68
_JUDGED: Final = 50  # faces at a time
TILT: Final = 17  # degrees by which heads are tilted
REMADE: Final = 0.75  # of the faces get other proportions


class Joint(nn.Module):
    """What is shipped as three files."""

    def __init__(self) -> None:
        super().__init__()
        self.landmarks, self.refiner = networks.Landmarks(), networks.Refiner()
        self.estimator = networks.Estimator()
        for looks in (self.landmarks, self.refiner):  # the estimator speaks instead
            for guesses in (looks.seen, looks.reader):
                guesses.requires_grad_(False)

    def parts(self) -> dict[str, nn.Module]:
        return {
            "landmarks": self.landmarks, "refiner": self.refiner, "estimator": self.estimator,
        }  # fmt: skip

    def train(self, mode: bool = True) -> Joint:
        """Normalisations stay as capture has them: a batch of few faces would be read by the
        batch's own mean, which capture does not know."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self


class Seen(NamedTuple):
    heat: Tensor
    """Logits (B, 68, 32, 32) of the landmark network's heatmaps."""
    logits: list[Tensor]
    """Of the refiner's."""
    found: Tensor
    """(B, 68, 2) the refiner's points in its patches."""
    marks: Tensor
    """(B, 68, 2) aligned, in 0..1, as the estimator is given them."""
    features: Tensor


class JointTask(RefinerTask):
    """All three are taught, on faces of many proportions."""

    name = "joint"
    batch_size = 24

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.geometry = load_geometry(pairs.folder / "geometry.npz", 3000)
        self.loose = LandmarksTask(pairs)

    def network(self) -> Joint:
        return Joint()

    def parts(self, network: nn.Module) -> dict[str, nn.Module]:
        assert isinstance(network, Joint)
        return network.parts()

    def begin(self, network: nn.Module, seconds: float) -> None:
        """UserError: networks that know nothing yet learn each its own task first."""
        raise UserError(
            "The joint lessons begin with networks that are shipped: "
            "add --shipped, after 'mien export' where they are to be your own."
        )

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """What :meth:`see` takes, the points in the crops and the patches, the values, and where in
        the batch a face's neutral one is; faces without a picture; then crops as a search makes
        them, with a face or none, for following goes by what tells them apart."""
        count = len(indices)
        searched = [
            self.loose.crop(rng, int(i), disturbed, False, bool(rng.random() < 0.5))
            for i in indices[: count // 2]
        ]
        crops, places, there = zip(*searched, strict=True)
        indices, mirrored, where = self.with_neutrals(rng, indices)
        people = [another(rng) if rng.random() < REMADE else None for _ in range(count)]
        people += [people[i] for i in np.flatnonzero(where >= 0)]
        seen = self.views(rng, indices, mirrored, disturbed, people)
        values = self.values(indices[:count], mirrored[:count])
        blind = geometry_batch(self.geometry, rng, BLIND, NEUTRAL_GIVEN, LANDMARK_ERROR)
        return (
            *seen, floats(values), torch.from_numpy(where[:count]), *map(floats, blind),
            to_tensor(list(crops)), floats(list(places)), floats(list(there)),
        )  # fmt: skip

    def views(
        self,
        rng: Generator,
        indices: NDArray[np.int64],
        mirrored: NDArray[np.bool_],
        disturbed: bool,
        people: Sequence[Array | None],
    ) -> Batch:
        """(crops (B, 3, 128, 128) for the landmark network, eyes, mouth, oval, the matrices
        (B, 68, 2, 3) from each landmark's patch to the image, the points (B, 68, 2) in the crops,
        0..1, and the refiner's in the patches), of faces with these people's proportions."""
        crops, cuts, coarse, points = [], [], [], []
        for i, turned, person in zip(indices, mirrored, people, strict=True):
            image, truth, about = self.footage(rng, int(i), disturbed, bool(turned), person)
            # The first look sees heads as tilted as they are; footage holds them upright.
            tilt = unit_to(len(image), augment.jitter(rng, 0, 0, TILT))
            box = augment.loosened(rng, alignment.face_box(alignment.transform(tilt, about)))
            matrix = compose(alignment.box_matrix(box, networks.LANDMARKS_SIZE), tilt)
            crops.append(alignment.warp(image, matrix, networks.LANDMARKS_SIZE))
            coarse.append(alignment.transform(matrix, truth) / networks.LANDMARKS_SIZE)
            cuts.append(refining.cut(image, about))
            points.append(cuts[-1].inside(truth))
        outward = floats([_outward(c) for c in cuts])
        return to_tensor(crops), *stacked(cuts), outward, floats(coarse), floats(points)

    def see(self, network: Joint, *views: Tensor) -> Seen:
        crops, eyes, mouth, oval, outward = views
        heat, _, afar = network.landmarks.maps(crops)
        logits, found, closer = network.refiner.maps(eyes, mouth, oval)
        # Not a matrix product, which mixed precision would round to whole pixels.
        there = (outward[..., :2] * found[:, _ORDER, None]).sum(-1) + outward[..., 2]
        return Seen(heat, logits, found, aligned(there), torch.cat((afar, closer), 1))

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, Joint)
        views, (coarse, points, values, where), blind = batch[:5], batch[5:9], batch[9:13]
        crops, places, there = batch[13:]
        estimator = network.estimator
        seen = self.see(network, *views)
        said = [
            disagreement(estimator.values(raw), values, self.weight)
            for raw in estimator.each(*_beside(seen.marks, seen.features, where))
        ]
        *blind, blind_values = blind
        blindly = disagreement(estimator.from_points(*blind), blind_values, self.weight)
        all_hold_a_face = torch.ones(len(coarse), device=coarse.device)
        afar = misplaced(network.landmarks, seen.heat, coarse, all_hold_a_face)
        logits, score, _ = network.landmarks.maps(crops)
        searched = seen_wrongly(network.landmarks, logits, score, places, there)
        closer = self.placed(network.refiner, seen.logits, seen.found, points)
        return 0.5 * afar + 0.3 * searched + closer + torch.stack(said).mean() + 0.5 * blindly

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Of the landmarks and the refiner as their own tasks have it, of the estimator on
        undisturbed faces."""
        assert isinstance(network, Joint)
        out: Scores = {
            "landmarks": self.loose.score(network.landmarks, indices),
            "refiner": super().score(network.refiner, indices),
            "estimator": {},
        }
        indices = self.pairs.acting(indices)[:600]
        if not len(indices):
            return out
        device = next(network.parameters()).device
        rng, said = np.random.default_rng(9), defaultdict(list)
        for part in np.array_split(indices, -(-len(indices) // _JUDGED)):
            whose = np.concatenate([part, self.pairs.neutral[part]])
            straight, themselves = np.zeros(len(whose), bool), [None] * len(whose)
            *views, _, _ = self.views(rng, whose, straight, False, themselves)
            below = torch.arange(len(part), len(whose), device=device)
            with torch.no_grad():
                seen = self.see(network, *(v.to(device) for v in views))
                for label, where in (
                    ("with neutral", below), ("without neutral", torch.full_like(below, -1)),
                ):  # fmt: skip
                    values = network.estimator(*_beside(seen.marks, seen.features, where))
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
