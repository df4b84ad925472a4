"""The three networks that capture runs: finder, landmarks, estimator.

All take pixels in 0..1 and normalise inside, so that the runtime has nothing to remember.  They are
plain small convolutions: on a CPU these beat depthwise ones at this size, in training above all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import parameters

FINDER_SIZE: Final = 192
FINDER_CELLS: Final = 24
FINDER_UNIT: Final = 24.0  # px of a box side at log2 = 0
LANDMARKS_SIZE: Final = 128
HEATMAP: Final = 32
ESTIMATOR_SIZE: Final = 96
POINTS: Final = 68

ASYMMETRIES: Final = tuple(f"{au}.asymmetry" for au in parameters.SIDED_AUS)
VALUES: Final = (
    *parameters.AUS, *ASYMMETRIES,
    "head.yaw", "head.pitch", "gaze.yaw", "gaze.pitch", "AD34", "AU29",
)  # fmt: skip
"""What the estimator says, in the units of the parameter vector."""


def _conv(inside: int, outside: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _standardised(x: Tensor) -> Tensor:
    """Each image with mean 0 and spread 1: exposure and contrast carry nothing about the face."""
    x = x - x.mean(dim=(1, 2, 3), keepdim=True)
    return x / (x.pow(2).mean(dim=(1, 2, 3), keepdim=True).sqrt() + 0.05)


class _Standardised(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _standardised(x)


class Pyramid(nn.Module):
    """Down by strides of 2 through ``widths``, then up again, adding, to stride ``2 ** level``."""

    def __init__(self, widths: tuple[int, ...], level: int, out: int) -> None:
        super().__init__()
        stages = [_conv(3, widths[0], 2, 5)]
        for inside, outside in pairwise(widths):
            stages.append(nn.Sequential(_conv(inside, outside, 2), _Residual(outside)))
        self.stages = nn.ModuleList(stages)
        self.level = level
        self.sides = nn.ModuleList(nn.Conv2d(w, out, 1) for w in widths[level - 1 :])
        self.smooth = nn.ModuleList(_conv(out, out) for _ in widths[level:])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(features at the wanted stride, the coarsest features)."""
        kept = []
        for stage in self.stages:
            x = stage(x)
            kept.append(x)
        kept = kept[self.level - 1 :]
        y = self.sides[-1](kept[-1])
        for i in range(len(kept) - 2, -1, -1):
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
            y = self.smooth[i](y + self.sides[i](kept[i]))
        return y, x


class Finder(nn.Module):
    """Faces in a letterboxed frame: (B, 3, 192, 192) -> (B, 4, 24, 24).

    Channels: face logit; dx, dy of the box centre from the cell's centre, in cells; log2(side/24).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Pyramid((8, 16, 32, 64, 96), level=3, out=32)
        self.head = nn.Sequential(_conv(32, 32), nn.Conv2d(32, 4, 1))

    def forward(self, image: Tensor) -> Tensor:
        cells: Tensor = self.head(self.trunk(_standardised(image))[0])
        return cells


class Landmarks(nn.Module):
    """68 points in a face box: (B, 3, 128, 128) -> points (B, 68, 2) in 0..1, score (B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Pyramid((16, 32, 64, 96, 112), level=2, out=48)
        self.heat = nn.Conv2d(48, POINTS, 1)
        self.score = nn.Sequential(nn.Linear(112, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))
        # Heatmap cells reach past the crop: a soft-argmax cannot leave its grid, and a chin may.
        centres = ((torch.arange(HEATMAP) + 0.5) / HEATMAP - 0.5) * 1.2 + 0.5
        self.register_buffer("centres", centres, persistent=False)

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(heatmap logits (B, 68, 32, 32), score (B, 1))."""
        fine, coarse = self.trunk(_standardised(image))
        return self.heat(fine), self.score(coarse.mean(dim=(2, 3)))

    def read(self, logits: Tensor) -> Tensor:
        """The centres of mass (B, 68, 2) of heatmaps."""
        heat = logits.flatten(2).softmax(-1).unflatten(2, (HEATMAP, HEATMAP))
        x = (heat.sum(2) * self.centres).sum(-1)
        y = (heat.sum(3) * self.centres).sum(-1)
        return torch.stack((x, y), -1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, score = self.maps(image)
        return self.read(logits), score


def _reader(inside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(), nn.Linear(inside, 256), nn.ReLU(inplace=True),
        nn.Linear(256, 128), nn.ReLU(inplace=True), nn.Linear(128, len(VALUES)),
    )  # fmt: skip


class Estimator(nn.Module):
    """AUs, sides, pose and gaze of an aligned face, beside the performer's neutral face if known.

    image (B, 1, 96, 96), points (B, 68, 2) in 0..1 of the crop, the same of the neutral face, and
    has_neutral (B, 1) -> (B, 41) in the order of ``VALUES``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Sequential(
            _Standardised(), _conv(1, 16, 2, 5), _conv(16, 32, 2), _Residual(32),
            _conv(32, 64, 2), _Residual(64), _conv(64, 96, 2),
            _conv(96, 16, 1, 1), nn.Flatten(), nn.Linear(16 * 36, 128),
        )  # fmt: skip
        self.shape = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(2 * POINTS, affine=False),
            nn.Linear(2 * POINTS, 256), nn.ReLU(inplace=True), nn.Linear(256, 128),
        )  # fmt: skip
        self.by_shape = _reader(2 * 128 + 1)
        self.by_sight = _reader(2 * 256 + 1)
        nn.init.zeros_(self.by_sight[-1].weight)  # until it knows better, the points speak
        table = [parameters.PARAMETERS[parameters.INDEX[name]] for name in VALUES]
        for label in ("neutral", "low", "high"):
            row = torch.tensor([float(getattr(p, label)) for p in table])
            self.register_buffer(label, row, persistent=False)

    def _values(self, raw: Tensor) -> Tensor:
        # Linear while it learns: a sigmoid has no slope where most action units are, near 0.
        values = self.neutral + 0.2 * raw
        return values if self.training else values.clamp(self.low, self.high)

    def _change(self, encoder: nn.Module, now: Tensor, rest: Tensor, known: Tensor) -> Tensor:
        """(B, 256): what is encoded of the face, and how it differs from the neutral one."""
        known = known.reshape(-1, *(1,) * (now.ndim - 1))
        here, before = encoder(torch.cat((now, rest * known + now * (1 - known)))).chunk(2)
        return torch.cat((here, here - before), 1)

    def from_points(self, points: Tensor, neutral_points: Tensor, has_neutral: Tensor) -> Tensor:
        """The values as far as the points alone can tell."""
        shape = self._change(self.shape, points, neutral_points, has_neutral)
        return self._values(self.by_shape(torch.cat((shape, has_neutral), 1)))

    def forward(
        self,
        image: Tensor,
        points: Tensor,
        neutral_image: Tensor,
        neutral_points: Tensor,
        has_neutral: Tensor,
    ) -> Tensor:
        shape = self._change(self.shape, points, neutral_points, has_neutral)
        sight = self._change(self.pixels, image, neutral_image, has_neutral)
        # What is seen corrects what the points say.
        raw = self.by_shape(torch.cat((shape, has_neutral), 1))
        return self._values(raw + self.by_sight(torch.cat((sight, shape, has_neutral), 1)))


NETWORKS: Final[dict[str, type[nn.Module]]] = {
    "finder": Finder,
    "landmarks": Landmarks,
    "estimator": Estimator,
}


def example(name: str, batch: int = 1) -> dict[str, Tensor]:
    """Random inputs of a network, by input name, in the order of its ``forward``."""
    if name == "finder":
        return {"image": torch.rand(batch, 3, FINDER_SIZE, FINDER_SIZE)}
    if name == "landmarks":
        return {"image": torch.rand(batch, 3, LANDMARKS_SIZE, LANDMARKS_SIZE)}
    image, points = (batch, 1, ESTIMATOR_SIZE, ESTIMATOR_SIZE), (batch, POINTS, 2)
    return {
        "image": torch.rand(image),
        "points": torch.rand(points),
        "neutral_image": torch.rand(image),
        "neutral_points": torch.rand(points),
        "has_neutral": torch.ones(batch, 1),
    }


OUTPUTS: Final[dict[str, tuple[str, ...]]] = {
    "finder": ("cells",),
    "landmarks": ("points", "score"),
    "estimator": ("values",),
}
