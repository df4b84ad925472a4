"""F of equation (2): what a network that knows pictures sees in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from mien.core.errors import UserError
from mien.training.bisenet import IMAGENET_MEAN, IMAGENET_SPREAD, BiSeNet, legible, region_attention
from mien.training.checkpoint import read_weights
from mien.training.regressor import BETA

# VGG16 (Simonyan & Zisserman 2014) as far as relu4_3: channels of each convolution, "M" to halve.
_LAYERS: Final = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
_KEPT: Final = (8, 15, 22)  # relu2_2, relu3_3, relu4_3

SHARE: Final = 0.2  # of T, which then counts about as much as C_1..C_3


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
    """C_1..C_3 of F_seg and the components of T, of images as R's lessons show them to it.

    T is what equation (8) compares, and an eye counts as much in it as a face: by C_1..C_3 alone, G
    learns eyes last.
    """

    def __init__(self, parser: BiSeNet) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        seen = self.parser.features(legible(image))
        t = region_attention(seen.probabilities, seen.stages, BETA)
        return (*seen.stages, *(SHARE * part for part in t.values()))


def load_vgg16(path: Path) -> VGG16:
    """VGG16 from torchvision's weights, ready to judge; UserError where the file holds none."""
    weights = {k: v for k, v in read_weights(path).items() if k.startswith("features.")}
    network = VGG16()
    try:
        network.load_state_dict({k: weights[k] for k in network.state_dict()})
    except (KeyError, RuntimeError):
        raise UserError(f"{path} holds no VGG16; give torchvision's vgg16 weights.") from None
    return network.eval()
