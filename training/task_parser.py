"""Teaching F_seg: which class each pixel of an aligned face belongs to, before any background."""

from __future__ import annotations

import math
from argparse import ArgumentParser
from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import alignment
from mien.core.face_classes import CLASSES, COLOURS, INDEX
from mien.training import augment
from mien.training.bisenet import SIZE, BiSeNet
from mien.training.data import Pairs, Pixels, mirror_mask, mirror_points
from mien.training.metrics import Scores
from mien.training.task import Array, Batch, Task, compose, sheet, to_tensor

# As face-parsing.PyTorch: of the pixels, those less sure than this count, at least this share.
SURE: Final = 0.7
HARDEST: Final = 1 / 16
COVERED: Final = 0.15  # of the faces have something before them
ZOOM: Final = (0.5, 1.15)  # of the aligned crop: from head and shoulders to the face alone
_BATCH: Final = 16  # faces judged at once


def hard_pixels(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of logits (B, 19, H, W) and classes (B, H, W), the mean of the hard pixels
    alone: online hard example mining after Shrivastava et al. 2016."""
    each = F.cross_entropy(logits, truth, reduction="none").flatten()
    hard = each[each > -math.log(SURE)]
    least = round(len(each) * HARDEST)
    return (hard if len(hard) >= least else each.topk(least).values).mean()


def class_overlap(truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> dict[str, float]:
    """Intersection over union of each class that the truth holds, over all pixels."""
    count = len(CLASSES)
    joint = np.bincount(count * truth.ravel().astype(int) + found.ravel(), minlength=count**2)
    joint = joint.reshape(count, count)
    both, either = np.diag(joint), joint.sum(0) + joint.sum(1) - np.diag(joint)
    return {CLASSES[i]: float(both[i] / either[i]) for i in np.flatnonzero(joint.sum(1))}


class ParserTask(Task):
    name = "parser"
    batch_size = 16
    rate = 1e-3
    extras = ("masks",)

    def __init__(self, pairs: Pairs, width: float = 1.0) -> None:
        super().__init__(pairs)
        self.width = width

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--width", type=float, default=1.0, help="of the published channels")

    def network(self) -> nn.Module:
        return BiSeNet(self.width)

    def crop(self, rng: Generator, i: int, disturbed: bool) -> tuple[Pixels, Pixels]:
        """(image (256, 256, 3), its classes (256, 256)) of a sample over some background."""
        assert self.pairs.masks is not None
        face, mask = self.pairs.images[i], self.pairs.masks[i]
        points = self.pairs.landmarks[i].astype(float)
        if disturbed and rng.random() < 0.5:
            face, mask = np.ascontiguousarray(face[:, ::-1]), mirror_mask(mask)
            points = mirror_points(points, face.shape[1] - 1)
        place: Array = alignment.aligned_matrix(points, 1)
        if disturbed:
            zoom = np.exp(rng.uniform(*np.log(ZOOM)))
            inset = 0.5 - zoom / 2
            place = compose(np.array([[zoom, 0, inset], [0, zoom, inset]]), place)
            place = compose(augment.jitter(rng, 0.04, 0.05, 10), place)
        matrix = SIZE * place
        image = augment.paste(face, matrix, augment.background(rng, SIZE))
        classes = np.asarray(
            cv2.warpAffine(mask, matrix, (SIZE, SIZE), flags=cv2.INTER_NEAREST), np.uint8
        )
        if disturbed:
            if rng.random() < COVERED:
                covered = augment.occlude(rng, image)
                classes[(covered != image).any(-1)] = INDEX["background"]
                image = covered
            image = augment.disturb(rng, image, cover=0)
        return image, classes

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Images (B, 3, 256, 256) and their classes (B, 256, 256)."""
        images, masks = zip(*(self.crop(rng, int(i), disturbed) for i in indices), strict=True)
        return to_tensor(list(images)), torch.from_numpy(np.stack(masks)).long()

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, BiSeNet)
        image, truth = batch
        answer, first, second = (hard_pixels(logits, truth) for logits in network.heads(image))
        return answer + first + second

    def predict(
        self, network: nn.Module, indices: NDArray[np.int64], disturbed: bool
    ) -> tuple[NDArray[np.float32], Pixels, Pixels]:
        """(images (N, 3, 256, 256), their classes, the classes that the network finds)."""
        rng, parts = np.random.default_rng(7), []
        device = next(network.parameters()).device
        for start in range(0, len(indices), _BATCH):
            images, truth = self.batch(rng, indices[start : start + _BATCH], disturbed)
            with torch.no_grad():
                found = network(images.to(device)).argmax(1).cpu()
            parts.append((images.numpy(), truth.numpy().astype(np.uint8), found.numpy()))
        images, truth, found = (np.concatenate(column) for column in zip(*parts, strict=True))
        return images, truth, found.astype(np.uint8)

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        out: Scores = {}
        for label, disturbed in (("clean", False), ("disturbed", True)):
            _, truth, found = self.predict(network, indices[:200], disturbed)
            overlap = class_overlap(truth, found)
            out[f"{label}: mean IoU"] = float(np.mean(list(overlap.values())))
            out[f"{label}: IoU"] = overlap
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Image, truth and what the network finds, side by side."""
        # One of each person's four pictures, in turn the neutral one and the others.
        some = indices[np.arange(24) * 5 % len(indices)]
        tiles = []
        for image, truth, found in zip(*self.predict(network, some, True), strict=True):
            pixels = (image.transpose(1, 2, 0) * 255).astype(np.uint8)
            tiles.append(np.hstack([pixels, COLOURS[truth], COLOURS[found]]))
        return sheet(tiles, 3)
