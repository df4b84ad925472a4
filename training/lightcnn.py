"""F_reg: LightCNN-29v2 (Wu et al., IEEE TIFS 2018), 256 numbers that tell one person from another.

At width 1 names and shapes are those of the published ``LightCNN_29Layers_V2_checkpoint.pth.tar``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core.errors import UserError
from mien.core.recognition import CROP, SIZE
from mien.training.checkpoint import read_weights

EMBEDDING: Final = 256
_GREY: Final = (0.299, 0.587, 0.114)


def recognition_crop(aligned: Tensor) -> Tensor:
    """F_reg's input (B, 1, 128, 128) from aligned crops (B, 3, S, S) in 0..1; differentiable."""
    grey = (aligned * aligned.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
    left, top, side = (round(share * aligned.shape[-1]) for share in CROP)
    below = max(0, top + side - aligned.shape[-1])
    grey = F.pad(grey, (0, 0, 0, below), mode="replicate")
    grey = grey[..., top : top + side, left : left + side]
    return F.interpolate(grey, (SIZE, SIZE), mode="bilinear", antialias=True)


class _MaxFeatureMap(nn.Module):
    """Of every two channels the stronger one, in place of an activation."""

    def __init__(self, inside: int, outside: int, kernel: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inside, 2 * outside, kernel, 1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.filter(x).chunk(2, 1)
        return torch.maximum(first, second)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = _MaxFeatureMap(width, width, 3)
        self.conv2 = _MaxFeatureMap(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x))
        return x + y


class _Group(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv_a = _MaxFeatureMap(inside, inside, 1)
        self.conv = _MaxFeatureMap(inside, outside, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(self.conv_a(x))
        return y


class LightCNN(nn.Module):
    """Embeddings (B, 256) of grey crops (B, 1, 128, 128) in 0..1; compare them by their cosine.

    ``width`` is the share of the published channels, in sixteenths; the embedding has 256 numbers
    at any width.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        width = max(1, round(16 * width)) / 16
        self.config = {"width": width}
        w48, w96, w128, w192 = (round(width * n) for n in (48, 96, 128, 192))
        self.conv1 = _MaxFeatureMap(1, w48, 5)
        stages = (w48, w96, 1), (w96, w192, 2), (w192, w128, 3), (w128, w128, 4)
        for i, (inside, outside, depth) in enumerate(stages, 1):
            setattr(self, f"block{i}", nn.Sequential(*(_Residual(inside) for _ in range(depth))))
            setattr(self, f"group{i}", _Group(inside, outside))
        self.fc = nn.Linear(w128 * (SIZE // 16) ** 2, EMBEDDING)

    def forward(self, image: Tensor) -> Tensor:
        x = _halved(self.conv1(image))
        x = _halved(self.group1(self.block1(x)))
        x = _halved(self.group2(self.block2(x)))
        x = self.group3(self.block3(x))
        x = _halved(self.group4(self.block4(x)))
        embedding: Tensor = self.fc(x.flatten(1))
        return embedding


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)


def widened(weights: Mapping[str, Tensor], wide: LightCNN) -> dict[str, Tensor]:
    """The weights of a narrower network for ``wide``, which then says the same; KeyError or
    ValueError where they are of another network or a wider one.

    Channels are repeated, and what looks at them takes a part of each repetition, by chance, so
    that they learn apart: Net2WiderNet of Chen et al., ICLR 2016.
    """
    if len(weights["conv1.filter.bias"]) > len(wide.conv1.filter.bias):
        raise ValueError("wider")
    out = {}
    for name, new in wide.state_dict().items():
        old = weights[name]
        if name == "fc.weight":  # of the pixels of each channel
            old, new = (w.unflatten(1, (-1, (SIZE // 16) ** 2)) for w in (old, new))
        rows = torch.arange(len(old))
        if "filter" in name:  # two halves, of which the stronger counts
            rows = torch.cat([_repeated(half, len(new) // 2) for half in rows.chunk(2)])
        part = old[rows]
        if new.ndim > 1:
            columns = _repeated(torch.arange(old.shape[1]), new.shape[1])
            share = 1 - torch.rand(len(rows), len(columns))  # never 0
            whole = torch.zeros(len(rows), old.shape[1]).index_add_(1, columns, share)
            share /= whole[:, columns]
            part = part[:, columns] * share.reshape(*share.shape, *(1,) * (new.ndim - 2))
        out[name] = part.flatten(1) if name == "fc.weight" else part
    return out


def _repeated(rows: Tensor, count: int) -> Tensor:
    return rows[torch.arange(count) % len(rows)]


def load_lightcnn(path: Path) -> LightCNN:
    """F_reg from a checkpoint of ``mien train recognizer`` or the published
    ``LightCNN_29Layers_V2_checkpoint.pth.tar``, of whatever width, ready to judge.

    The classifier ``fc2``, which only tells apart the people it was taught on, stays behind.
    UserError where the file holds no such network.
    """
    weights = read_weights(path)
    weights.pop("fc2.weight", None)
    try:
        network = LightCNN(len(weights["conv1.filter.bias"]) / 96)
        network.load_state_dict(weights)
    except (KeyError, RuntimeError):
        raise UserError(
            f"{path} holds no face recogniser; make one with 'mien train recognizer'."
        ) from None
    return network.eval()
