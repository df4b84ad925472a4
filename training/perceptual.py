"""F of equation (2): what a network that knows pictures sees in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from mien.core.errors import UserError
from mien.training.bisenet import IMAGENET_MEAN, IMAGENET_SPREAD, BiSeNet, legible
from mien.training.checkpoint import read_weights

# VGG16 (Simonyan & Zisserman 2014) as far as relu4_3: channels of each convolution, "M" to halve.
_LAYERS: Final = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
_KEPT: Final = (8, 15, 22)  # relu2_2, relu3_3, relu4_3


class VGG16(nn.Module):
    """Feature maps relu2_2, relu3_3 and relu4_3 of images (B, 3, H, W) in 0..1.

    Names and shapes are those of torchvision's ``vgg16-397923af.pth``.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = 3
        for outside in _LAYERS:
            if isinstance(outside, int):
                layers += [nn.Conv2d(inside, outside, 3, 1, 1), nn.ReLU()]
                inside = outside
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        for name, values in (("mean", IMAGENET_MEAN), ("spread", IMAGENET_SPREAD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x, kept = (image - self.mean) / self.spread, []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in _KEPT:
                kept.append(x)
        return tuple(kept)


class ParserTrunk(nn.Module):
    """Feature maps C_1..C_3 of F_seg, of images as R's lessons show them to it: what G draws well
    enough for these is well enough for equation (8)."""

    def __init__(self, parser: BiSeNet) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        stages: tuple[Tensor, ...] = self.parser.features(legible(image)).stages
        return stages


def load_vgg16(path: Path) -> VGG16:
    """VGG16 from torchvision's weights, ready to judge; UserError where the file holds none."""
    weights = {k: v for k, v in read_weights(path).items() if k.startswith("features.")}
    network = VGG16()
    try:
        network.load_state_dict({k: weights[k] for k in network.state_dict()})
    except (KeyError, RuntimeError):
        raise UserError(f"{path} holds no VGG16; give torchvision's vgg16 weights.") from None
    return network.eval()
