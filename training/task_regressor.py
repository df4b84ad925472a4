"""Teaching R without labels, through frozen F_seg, F_reg and G: `mien train regressor`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator as Random
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, parameters
from mien.training import augment, losses
from mien.training.bisenet import load_bisenet
from mien.training.checkpoint import read_network
from mien.training.data import Floats, Pairs, Pixels
from mien.training.generator import Generator
from mien.training.lightcnn import load_lightcnn, recognition_crop
from mien.training.metrics import Scores, estimator_scores
from mien.training.networks import VALUES
from mien.training.regressor import Eyes, ParserEyes, Regressor
from mien.training.task import Batch, Task, compose, sheet, to_tensor

_COLUMNS: Final = [parameters.INDEX[name] for name in VALUES]
_BATCH: Final = 32  # faces judged at once


class RegressorTask(Task):
    """Equation (7) on the aligned faces of ``wild`` pairs, whose parameters only judge."""

    name = "regressor"
    batch_size = 16
    rate = 5e-4

    def __init__(
        self,
        pairs: Pairs,
        generator: Path,
        parser: Path,
        recognizer: Path,
        width: int = 512,
        without: tuple[str, ...] = (),
    ) -> None:
        super().__init__(pairs)
        self.generator = read_network(generator, Generator)
        self.eyes: Eyes = ParserEyes(load_bisenet(parser)).requires_grad_(False)
        self.recognizer = load_lightcnn(recognizer).requires_grad_(False)
        self.width = width
        self.terms = [name for name in losses.WEIGHTS if name not in without]
        self.size = int(self.generator.config["size"])
        self.layout = str(self.generator.config["layout"])

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        for name, of in (("generator", "G"), ("parser", "F_seg"), ("recognizer", "F_reg")):
            text = f"{of}: the {name}.pt of 'mien train {name}'"
            parser.add_argument(f"--{name}", type=Path, required=True, help=text)
        parser.add_argument("--width", type=int, default=512, help="numbers in its FC layers")
        parser.add_argument(
            "--without", nargs="+", choices=losses.WEIGHTS, default=(),
            help="terms of equation (7) to leave out",
        )  # fmt: skip

    def network(self) -> Regressor:
        return Regressor(self.eyes.channels(), self.width, self.layout)

    def to(self, device: torch.device) -> None:
        for frozen in (self.generator, self.eyes, self.recognizer):
            frozen.to(device)

    def batch(self, rng: Random, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Aligned faces (B, 3, size, size) over backgrounds."""
        images = []
        for i in indices:
            face, points = self.face(rng, int(i), disturbed and rng.random() < 0.5, 0)
            matrix = alignment.aligned_matrix(points, 1)
            if disturbed:  # a tracker's landmarks are not quite the true ones
                matrix = compose(augment.jitter(rng, 0.01, 0.02, 1), matrix)
            image = augment.paste(face, self.size * matrix, augment.background(rng, self.size))
            images.append(augment.disturb(rng, image, cover=0.05) if disturbed else image)
        return (to_tensor(images),)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        return losses.l_total(self.equations(network, batch[0]))

    def equations(self, network: nn.Module, image: Tensor) -> dict[str, Tensor]:
        """The terms of equation (7) by name, of images (B, 3, size, size)."""
        with torch.no_grad():
            fused, real = self.eyes(image)
        y = network(fused, real)
        without_emotion = losses.emotionless(y)
        calm = self.generator(without_emotion)
        out = {}
        if "ct" in self.terms:
            out["ct"] = self.eyes.content(self.eyes(self.generator(y)), (fused, real))
        if "id" in self.terms:
            with torch.no_grad():
                known = self.recognizer(recognition_crop(image))
            out["id"] = losses.l_id(self.recognizer(recognition_crop(calm)), known)
        if "pr" in self.terms:
            out["pr"] = losses.l_pr(y)
        if "lp" in self.terms:
            out["lp"] = self.loopback(network, y.detach())
        if "adv" in self.terms:
            with torch.no_grad():
                face = self.eyes(self.generator(losses.base(y[:1])))[1]
            out["adv"] = losses.l_adv(self.eyes(calm)[1]["mouth"], face["mouth"])
        return out

    def loopback(self, network: nn.Module, y: Tensor) -> Tensor:
        """Equation (11) of parameters (B, n) that let no gradient through."""
        truths = losses.emotionless(y), losses.nobody(y)
        with torch.no_grad():
            seen = [self.eyes(self.generator(truth)) for truth in truths]
        # R is judged as it will work: normalised as it learnt to be on real pictures.
        learning = network.training
        network.eval()
        said = [network(*s) for s in seen]
        network.train(learning)
        return losses.l_lp(truths[0], said[0], truths[1], said[1])

    def say(self, network: nn.Module, images: Tensor) -> Tensor:
        """Parameters (N, n) of images (N, 3, size, size)."""
        device = next(network.parameters()).device
        with torch.no_grad():
            parts = [network(*self.eyes(part.to(device))).cpu() for part in images.split(_BATCH)]
        return torch.cat(parts)

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        indices = indices[:600]
        (images,) = self.batch(np.random.default_rng(9), indices, disturbed=False)
        said = np.tile(parameters.neutral(), (len(indices), 1))
        y = self.say(network, images).numpy()
        said[:, : y.shape[1]] = y
        device = next(network.parameters()).device
        with torch.no_grad():
            terms = self.equations(network, images[:_BATCH].to(device))
        return {
            **estimator_scores(said[:, _COLUMNS], self.pairs.values[indices]),
            "equations": {name: float(term) for name, term in terms.items()},
        }

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Of each face: as seen, as G draws what R says of it, and the strongest units, said /
        true."""
        indices = np.resize(indices, 24)
        (images,) = self.batch(np.random.default_rng(10), indices, disturbed=True)
        y = self.say(network, images)
        with torch.no_grad():
            drawn = self.generator(y.to(next(network.parameters()).device)).cpu()
        both = torch.cat((images, drawn), 3).permute(0, 2, 3, 1).numpy()
        return sheet(
            [
                labelled((tile * 255).round().astype(np.uint8), said, truth)
                for tile, said, truth in zip(
                    both, y.numpy()[:, _COLUMNS[: len(parameters.AUS)]],
                    self.pairs.values[indices], strict=True,
                )
            ],
            4,
        )  # fmt: skip


def labelled(tile: Pixels, said: Floats, truth: Floats) -> Pixels:
    """A tile on which the strongest units of the truth are written below: said / true."""
    tile = cv2.resize(tile, (384, 192))
    tile = cv2.copyMakeBorder(tile, 0, 34, 0, 0, cv2.BORDER_CONSTANT)
    for k, j in enumerate(np.argsort(-truth[: len(parameters.AUS)])[:4]):
        text = f"{VALUES[j]} {said[j]:.2f} / {truth[j]:.2f}"
        at = (4 + 192 * (k % 2), 206 + 15 * (k // 2))
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,) * 3, 1)
    return tile
