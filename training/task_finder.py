"""Teaching the finder: frames with nobody to three people in them, pasted together."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import alignment, finder
from mien.training import augment, networks
from mien.training.data import Pixels
from mien.training.metrics import Scores
from mien.training.task import Array, Batch, Task, floats, sheet, to_tensor

FRAMES: Final = 500  # that judge a finder
SAME: Final = 0.4  # a box that overlaps a face's more than that has found it


class FinderTask(Task):
    name = "finder"
    batch_size = 24

    def frame(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool) -> Any:
        """(image, boxes (k, 3) in px): a letterboxed frame with up to three of these people."""
        size = networks.FINDER_SIZE
        image = augment.background(rng, size)
        bar = int(size * rng.choice([0, 0.125, 0.22, 0.34])) if rng.random() < 0.8 else 0
        upright = rng.random() < 0.7
        boxes: list[Array] = []
        for i in indices[: rng.choice(4, p=[0.15, 0.5, 0.2, 0.15])]:
            face, points = self.face(rng, int(i), rng.random() < 0.5, 15)
            box = alignment.face_box(points)
            side = np.exp(rng.uniform(np.log(20), np.log(min(190, size - bar))))
            low, high = side * 0.4, size - side * 0.4
            x, y = rng.uniform(low, high, 2) if side < size else np.full(2, size / 2)
            inset = np.clip([x, y], bar / 2 + side * 0.3, size - bar / 2 - side * 0.3)
            x, y = (x, inset[1]) if upright else (inset[0], y)
            near = [np.hypot(x - b[0], y - b[1]) < 0.6 * (side + b[2]) for b in boxes]
            if any(near):
                continue
            other = rng.random()
            if other < 0.12:
                image = augment.title(rng, image, x, y, side * rng.uniform(0.4, 1.0))
                continue
            scale = side / box[2]
            matrix = np.array([[scale, 0, x - scale * box[0]], [0, scale, y - scale * box[1]]])
            if other < 0.25:
                image = augment.paste(augment.scrambled(rng, face), matrix, image)
                continue
            image = augment.paste(face, matrix, image)
            boxes.append(np.array([x, y, side]))
        if disturbed:
            image = augment.disturb(rng, image, cover=0.1)
        half = bar // 2
        if half:
            image = image.copy()
            rows = image if upright else image.transpose(1, 0, 2)
            rows[:half] = rows[-half:] = 0
        return image, np.array(boxes).reshape(-1, 3)

    @staticmethod
    def cells(boxes: Array) -> Array:
        """(4, 24, 24): the wanted output; face is 1, 0, or -1 where it does not matter."""
        n = networks.FINDER_CELLS
        cell = networks.FINDER_SIZE / n
        centres = (np.arange(n) + 0.5) * cell
        out = np.zeros((4, n, n))
        for x, y, side in boxes:
            dx, dy = (x - centres)[None] / cell, (y - centres)[:, None] / cell
            far = np.hypot(dx, dy) * cell
            out[0][(far < max(0.45 * side, 2 * cell)) & (out[0] == 0)] = -1
            core = far <= max(0.16 * side, 0.72 * cell)
            out[0][core] = 1
            for channel, value in enumerate((dx, dy, np.log2(side / networks.FINDER_UNIT)), 1):
                out[channel][core] = np.broadcast_to(value, (n, n))[core]
        return out

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        images, targets = [], []
        for i in indices:
            image, boxes = self.frame(rng, np.array([i, *rng.choice(indices, 2)]), disturbed)
            images.append(image)
            targets.append(self.cells(boxes))
        return to_tensor(images), floats(targets)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        image, target = batch
        out, face = network(image), target[:, 0]
        probability = out[:, 0].sigmoid()
        missed = (face.clamp(0, 1) - probability).abs().square()  # the focal weight
        wrong = F.binary_cross_entropy_with_logits(out[:, 0], face.clamp(0, 1), reduction="none")
        count = (face > 0).sum().clamp(min=1)
        found = (missed.detach() * wrong * (face >= 0)).sum() / count
        place = F.smooth_l1_loss(out[:, 1:], target[:, 1:], reduction="none", beta=0.1).sum(1)
        return found + (place * (face > 0)).sum() / count

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        rng, frames = np.random.default_rng(5), np.resize(indices, FRAMES)
        overlaps: list[float] = []
        scored: list[tuple[float, bool]] = []  # every box found: how sure, and whether it is a face
        total = 0
        for i in frames:
            image, boxes = self.frame(rng, np.array([i, *rng.choice(indices, 2)]), True)
            found, scores = boxes_of(network, image)
            total += len(boxes)
            taken: set[int] = set()
            for box in boxes:
                shared = finder.overlap(box, found)
                if len(found) and shared.max() >= SAME:
                    taken.add(int(shared.argmax()))
                    overlaps.append(float(shared.max()))
            scored += [(float(s), k in taken) for k, s in enumerate(scores)]
        right = np.array([hit for _, hit in sorted(scored, reverse=True)], bool)
        few = np.cumsum(~right) <= len(frames) / 100
        return {
            "recall": right.sum() / max(total, 1),
            "false boxes per frame": (~right).sum() / len(frames),
            "recall at 1 false box in 100 frames": right[few].sum() / max(total, 1),
            "mean IoU": float(np.mean(overlaps or [0.0])),
        }

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        rng, tiles = np.random.default_rng(6), []
        for i in np.resize(indices, 32):
            image, _ = self.frame(rng, np.array([i, *rng.choice(indices, 2)]), True)
            image = image.copy()
            for x, y, side in boxes_of(network, image)[0]:
                a, b = (
                    (int(x - side / 2), int(y - side / 2)),
                    (int(x + side / 2), int(y + side / 2)),
                )
                cv2.rectangle(image, a, b, (0, 255, 0), 1)
            tiles.append(image)
        return sheet(tiles)


def boxes_of(network: nn.Module, image: Pixels) -> tuple[Array, Array]:
    """(k, 3) boxes in a frame and (k,) scores, read as capture reads them."""
    with torch.no_grad():
        cells = network(to_tensor([image]).to(next(network.parameters()).device)).cpu().numpy()
    return finder.suppress(*finder.decode(cells))
