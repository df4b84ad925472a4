"""The supervised baselines of Table 2, taught intensities directly: `mien train cnn|resnet18`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Final

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import parameters
from mien.training.bisenet import ResNet18
from mien.training.data import Pairs, Pixels
from mien.training.generator import SIZES
from mien.training.metrics import Scores
from mien.training.networks import VALUES, standardised
from mien.training.task import Batch, sheet
from mien.training.task_aligned import AlignedTask, judged, labelled

POSE_AND_UNITS: Final = 2 + len(parameters.AUS)
_COLUMNS: Final = [VALUES.index(p.name) for p in parameters.PARAMETERS[:POSE_AND_UNITS]]
_BATCH: Final = 32  # faces judged at once


class Cnn(nn.Module):
    """Three convolutions and a fully connected layer (Gudi et al. 2015): pose and AUs (B, 25), as
    they lead a parameter vector, of aligned faces (B, 3, size, size) in 0..1; ``size`` is a
    multiple of 16."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.config = {"size": size}
        layers: list[nn.Module] = []
        inside = 3
        for outside, stride in ((64, 2), (64, 1), (128, 1)):
            layers.append(nn.Conv2d(inside, outside, 5, stride, 2))
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            inside = outside
        self.trunk = nn.Sequential(*layers)
        self.fc = nn.Linear(inside * (size // 16) ** 2, POSE_AND_UNITS)

    def forward(self, image: Tensor) -> Tensor:
        said: Tensor = self.fc(self.trunk(standardised(image)).flatten(1))
        return said.float().sigmoid()


class ResNet(nn.Module):
    """ResNet18 (He et al. 2016): pose and AUs (B, 25) of aligned faces (B, 3, S, S) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, int] = {}
        self.trunk = ResNet18((64, 128, 256, 512))
        self.fc = nn.Linear(512, POSE_AND_UNITS)

    def forward(self, image: Tensor) -> Tensor:
        said: Tensor = self.fc(self.trunk(standardised(image))[-1].mean((2, 3)))
        return said.float().sigmoid()


class CnnTask(AlignedTask):
    """Errors count by how much each value varies, as for the estimator."""

    name = "cnn"
    rate = 1e-3

    def __init__(self, pairs: Pairs, size: int = 128) -> None:
        super().__init__(pairs)
        self.size = size
        spread = pairs.values[pairs.split()[0]][:, _COLUMNS].std(0)
        self.weight = torch.from_numpy(1 / np.maximum(spread, 0.05))

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--size", type=int, choices=SIZES, default=128, help="px of the aligned faces (128)"
        )

    def network(self) -> nn.Module:
        return Cnn(self.size)

    def to(self, device: torch.device) -> None:
        self.weight = self.weight.to(device)

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Aligned faces (B, 3, size, size), pose and AUs (B, 25)."""
        images, _, mirrored = self.crops(rng, indices, self.size, disturbed)
        return images, torch.from_numpy(self.values(indices, mirrored)[:, _COLUMNS])

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        image, truth = batch
        return F.mse_loss(network(image) * self.weight, truth * self.weight)

    def say(self, network: nn.Module, images: Tensor) -> NDArray[np.float32]:
        device = next(network.parameters()).device
        with torch.no_grad():
            parts = [network(part.to(device)).cpu() for part in images.split(_BATCH)]
        return np.asarray(torch.cat(parts).numpy())

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        indices = self.judges(indices)
        images, _ = self.batch(np.random.default_rng(9), indices, disturbed=False)
        return judged(self.say(network, images), self.pairs.values[indices])

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Faces with their strongest units: said / true."""
        indices = np.resize(indices, 24)
        images = self.crops(np.random.default_rng(10), indices, self.size, False)[0]
        said = self.say(network, images)[:, 2:]
        tiles = zip(
            images.permute(0, 2, 3, 1).numpy(), said, self.pairs.values[indices], strict=True
        )
        return sheet([labelled(*tile) for tile in tiles], 6)


class ResNet18Task(CnnTask):
    name = "resnet18"

    def network(self) -> nn.Module:
        return ResNet()
