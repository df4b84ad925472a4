"""Teaching G on studio pairs: `mien train generator`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.random import Generator as Random
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, parameters
from mien.training import augment
from mien.training.data import Floats, Pairs, Pixels
from mien.training.generator import SIZES, Generator
from mien.training.losses import l_app, l_g, l_per
from mien.training.metrics import Scores
from mien.training.perceptual import ParserTrunk, load_vgg16
from mien.training.shipped import parser_of
from mien.training.task import Batch, Task, sheet, to_tensor

BACKGROUND: Final = 128  # of all three colours, where the render is transparent
_BROW: Final = parameters.group("brow")
_BATCH: Final = 32  # faces drawn at once for scores


def aligned_face(image: Pixels, landmarks: Floats, size: int) -> Pixels:
    """(size, size, 3) of a premultiplied RGBA render and its landmarks, aligned on plain grey."""
    matrix = alignment.aligned_matrix(landmarks, size)
    return augment.paste(image, matrix, np.full((size, size, 3), BACKGROUND, np.uint8))


class GeneratorTask(Task):
    """Equation (3), in which F_seg judges, or VGG16 where its weights are given."""

    name = "generator"
    extras = ("vectors",)

    def __init__(
        self,
        pairs: Pairs,
        size: int = 256,
        width: int = 64,
        layout: str = "full",
        parser: Path | None = None,
        vgg16: Path | None = None,
    ) -> None:
        super().__init__(pairs)
        assert pairs.vectors is not None
        self.size, self.width, self.layout = size, width, layout
        self.vectors = pairs.vectors[:, : parameters.size(layout)]
        trunk = load_vgg16(vgg16) if vgg16 is not None else ParserTrunk(parser_of(parser))
        self.trunk = trunk.requires_grad_(False)

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--size", type=int, choices=SIZES, default=256, help="px that G draws")
        parser.add_argument("--width", type=int, default=64, help="channels of its finest layer")
        parser.add_argument(
            "--layout", choices=("full", "paper"), default="full",
            help="285 parameters, or the paper's 269 without sides, gaze, puff and thrust",
        )  # fmt: skip
        parser.add_argument(
            "--parser", type=Path, help="parser.pt, F_seg, whose trunk judges (the shipped one)"
        )
        parser.add_argument("--vgg16", type=Path, help="torchvision's VGG16 weights judge instead")

    def network(self) -> Generator:
        return Generator(self.size, self.width, self.layout)

    def to(self, device: torch.device) -> None:
        self.trunk.to(device, memory_format=torch.channels_last)

    def batch(self, rng: Random, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        y = self.vectors[indices]
        if disturbed:
            # The base face has no style, which draws the first: R's losses ask for it.
            plain = (y[:, _BROW].argmax(1) == 0) & (rng.random(len(y)) < 0.5)
            y[plain, _BROW] = parameters.neutral()[_BROW]
        faces = [
            aligned_face(self.pairs.images[i], self.pairs.landmarks[i], self.size) for i in indices
        ]
        return torch.from_numpy(y), to_tensor(faces)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        y, rendered = batch
        drawn = network(y)
        with torch.no_grad():
            wanted = self.trunk(rendered)
        return l_g(l_app(drawn, rendered), l_per(self.trunk(drawn), wanted))

    def drawn(
        self, network: nn.Module, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(what G draws, what Blender rendered) of samples, (N, size, size, 3) in 0..1."""
        rng, device = np.random.default_rng(0), next(network.parameters()).device
        parts = []
        for start in range(0, len(indices), _BATCH):
            y, rendered = self.batch(rng, indices[start : start + _BATCH], disturbed=False)
            with torch.no_grad():
                parts.append((network(y.to(device)).cpu(), rendered))
        drawn, wanted = (torch.cat(p).permute(0, 2, 3, 1).numpy() for p in zip(*parts, strict=True))
        return drawn, wanted

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        drawn, wanted = self.drawn(network, indices[:2000])
        off = np.abs(drawn - wanted)
        return {
            "MAE, % of the range": 100 * float(off.mean()),
            "MAE of the worst tenth, % of the range": 100
            * float(np.sort(off.mean((1, 2, 3)))[-max(1, len(off) // 10) :].mean()),
        }

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Six rows of six: what G draws, and beside it what Blender rendered."""
        both = np.concatenate(self.drawn(network, np.resize(indices, 36)), axis=2)
        return sheet(list((both * 255).round().astype(np.uint8)), 6)
