"""Teaching F_seg: which class each pixel of an aligned face belongs to, before any background."""

from __future__ import annotations

import math
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import alignment
from mien.core.alignment import mirror_points
from mien.core.face_classes import CLASSES, COLOURS, INDEX
from mien.training import augment
from mien.training.bisenet import BiSeNet, enlarged, enlarged_at
from mien.training.data import Pairs, Pixels, mirror_mask
from mien.training.metrics import Scores
from mien.training.task import Array, Batch, Task, compose, positive, sheet, to_tensor, zoomed

SIZE: Final = 512  # px of the aligned face: at 256, F_seg's features are as wide as a brow is high
WINDOW: Final = 320  # px of it that a lesson shows
POINTS: Final = 8192  # pixels of it that are asked for: all make a step nearly thrice as long
# As face-parsing.PyTorch: of the pixels, those less sure than this count, at least this share.
SURE: Final = 0.7
HARDEST: Final = 1 / 16
COVERED: Final = 0.15  # of the faces have something before them
ZOOM: Final = (0.5, 1.15)  # of the aligned crop: from head and shoulders to the face alone
RARE: Final = -1 / 3  # the power of its share of the pixels by which a class is asked for
_COUNTED: Final = 400  # masks whose pixels say how rare a class is
_BATCH: Final = 8  # faces judged at once


def rarity(masks: Iterable[Pixels]) -> Tensor:
    """(19,) how much rather a pixel of each class is asked for, 1 in the mean over the pixels of
    masks (H, W): glasses and earrings, a pixel in a thousand, are else never learnt."""
    count = sum(np.bincount(mask.ravel(), minlength=len(CLASSES)) / mask.size for mask in masks)
    share = count / np.sum(count)
    weight = np.maximum(share, 1e-4) ** RARE
    return torch.from_numpy(weight / (share @ weight)).float()


def drawn(truth: Tensor, weight: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """(their places (B, P, 2) as of ``enlarged_at``, their classes (B, P), for how many of their
    image's pixels (B, P) they stand, in units of H W / P) of ``count`` pixels of classes (B, H, W),
    those of weight 2 (19,) twice as often as those of 1."""
    height, width = truth.shape[1:]
    flat = truth.flatten(1)
    chances = weight[flat]
    at = chances.multinomial(count, replacement=True)
    places = torch.stack((at % width / (width - 1), at // width / (height - 1)), -1)
    return places, flat.gather(1, at), chances.mean(1, keepdim=True) / chances.gather(1, at)


def hard_pixels(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of logits (B, 19, P) and classes (B, P), the mean of the hard pixels alone:
    online hard example mining after Shrivastava et al. 2016."""
    each = F.cross_entropy(logits, truth, reduction="none").flatten()
    hard = each.detach() > -math.log(SURE)
    least = round(len(each) * HARDEST)
    return each[hard].mean() if hard.sum() >= least else each.topk(least).values.mean()


def missed_overlap(logits: Tensor, truth: Tensor, stands_for: Tensor) -> Tensor:
    """1 - the mean intersection over union of the classes that there are, of logits (B, 19, P) and
    classes (B, P) of pixels that were ``drawn``: what is judged in the end, with probabilities in
    place of decisions (Rahman & Wang 2016)."""
    stands_for = stands_for[:, None]
    said = logits.softmax(1) * stands_for
    right = torch.zeros_like(said).scatter_(1, truth[:, None], stands_for)
    there = right.sum((0, 2)) > 0
    both = said.gather(1, truth[:, None])[:, 0]
    joint = said.new_zeros(len(CLASSES)).index_add(0, truth.flatten(), both.flatten())
    either = said.sum((0, 2)) + right.sum((0, 2)) - joint
    return 1 - (joint[there] / either[there]).mean()


def class_overlap(truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> dict[str, float]:
    """Intersection over union of each class that the truth holds, over all pixels."""
    count = len(CLASSES)
    joint = np.bincount(count * truth.ravel().astype(int) + found.ravel(), minlength=count**2)
    joint = joint.reshape(count, count)
    both, either = np.diag(joint), joint.sum(0) + joint.sum(1) - np.diag(joint)
    return {CLASSES[i]: float(both[i] / either[i]) for i in np.flatnonzero(joint.sum(1))}


class Crop(NamedTuple):
    image: Pixels  # (side, side, 3)
    classes: Pixels  # (side, side)
    matrix: Array  # 2x3, from the pixels of the mask to those of the crop
    rendered: int  # px, the side of the mask


def rendered(crop: Crop) -> tuple[Tensor, Pixels]:
    """(their places (1, P, 2) as of ``enlarged_at``, their classes (P,)) of the mask's pixels that
    the crop shows."""
    last = len(crop.classes) - 1
    pixels = np.stack(np.meshgrid(*2 * [np.arange(crop.rendered)]), -1).reshape(-1, 2)
    at = alignment.transform(crop.matrix, pixels)
    at = at[((at >= 0) & (at <= last)).all(1)]
    x, y = at.round().astype(int).T
    return torch.from_numpy(at / last).float()[None], crop.classes[y, x]


class ParserTask(Task):
    name = "parser"
    batch_size = 16
    rate = 1e-3
    tuning = 0.4  # it knows its task less than the others
    extras = ("masks",)

    def __init__(self, pairs: Pairs, width: float = 1.0) -> None:
        super().__init__(pairs)
        assert pairs.masks is not None
        self.width = width
        self.weight = rarity(pairs.masks[i] for i in pairs.split()[0][:_COUNTED])

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--width", type=positive(float), default=1.0, help="of the published channels"
        )

    def network(self) -> nn.Module:
        return BiSeNet(self.width, fine=True)

    def crop(self, rng: Generator, i: int, disturbed: bool, side: int = SIZE) -> Crop:
        """Some part of a sample's aligned face of SIZE px, over some background."""
        assert self.pairs.masks is not None
        face, mask = self.pairs.images[i], self.pairs.masks[i]
        points = self.pairs.landmarks[i].astype(float)
        if disturbed and rng.random() < 0.5:
            face, mask = np.ascontiguousarray(face[:, ::-1]), mirror_mask(mask)
            points = mirror_points(points, face.shape[1] - 1)
        place: Array = alignment.aligned_matrix(points, 1)
        if disturbed:
            place = compose(zoomed(np.exp(rng.uniform(*np.log(ZOOM)))), place)
            place = compose(augment.jitter(rng, 0.04, 0.05, 10), place)
        matrix = SIZE * place
        matrix[:, 2] -= rng.integers(0, SIZE - side + 1, 2)
        image = augment.paste(face, matrix, augment.background(rng, side))
        classes = np.asarray(
            cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_NEAREST), np.uint8
        )
        if disturbed:
            if rng.random() < COVERED:
                covered = augment.occlude(rng, image, pieces=False)
                classes[(covered != image).any(-1)] = INDEX["background"]
                image = covered
            image = augment.disturb(rng, image, cover=0)
        return Crop(image, classes, matrix, len(mask))

    def batch(
        self,
        rng: Generator,
        indices: NDArray[np.int64],
        disturbed: bool = True,
        side: int = WINDOW,
    ) -> Batch:
        """Images (B, 3, side, side) and their classes (B, side, side)."""
        crops = (self.crop(rng, int(i), disturbed, side) for i in indices)
        images, masks, *_ = zip(*crops, strict=True)
        return to_tensor(list(images)), torch.from_numpy(np.stack(masks)).long()

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, BiSeNet)
        image, masks = batch
        places, truth, stands_for = drawn(masks, self.weight.to(image.device), POINTS)
        answers = [enlarged_at(logits.float(), places) for logits in network.heads(image)]
        entropy = torch.stack([hard_pixels(logits, truth) for logits in answers]).sum()
        return entropy + missed_overlap(answers[0], truth, stands_for)

    def looks(
        self, network: BiSeNet, indices: NDArray[np.int64], disturbed: bool
    ) -> Iterator[tuple[Crop, Tensor]]:
        """The crops of samples and the logits (19, h, w) that the network answers."""
        rng = np.random.default_rng(7)
        device = next(network.parameters()).device
        for start in range(0, len(indices), _BATCH):
            crops = [self.crop(rng, int(i), disturbed) for i in indices[start : start + _BATCH]]
            with torch.no_grad():
                answers = network.heads(to_tensor([c.image for c in crops]).to(device))[0].cpu()
            yield from zip(crops, answers, strict=True)

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Judged at the pixels that were rendered: between them nobody knows where a class ends."""
        assert isinstance(network, BiSeNet)
        out: Scores = {}
        for label, disturbed in (("clean", False), ("disturbed", True)):
            truth, found = [], []
            for crop, answer in self.looks(network, indices[:200], disturbed):
                places, classes = rendered(crop)
                truth.append(classes)
                found.append(enlarged_at(answer[None], places)[0].argmax(0).byte().numpy())
            overlap = class_overlap(np.concatenate(truth), np.concatenate(found))
            out[f"{label}: mean IoU"] = float(np.mean(list(overlap.values())))
            out[f"{label}: IoU"] = overlap
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Image, truth and what the network finds, side by side."""
        assert isinstance(network, BiSeNet)
        # One of each person's four pictures, in turn the neutral one and the others.
        some = indices[np.arange(24) * 5 % len(indices)]
        tiles = []
        for crop, answer in self.looks(network, some, True):
            found = enlarged(answer[None], (SIZE, SIZE))[0].argmax(0).numpy()
            tiles.append(np.hstack([crop.image, COLOURS[crop.classes], COLOURS[found]])[::2, ::2])
        return sheet(tiles, 3)
