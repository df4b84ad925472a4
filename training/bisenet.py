"""F_seg: BiSeNet on ResNet18, which parses a face into classes and lends its features to R.

After Yu et al., ECCV 2018, in the variant of face-parsing.PyTorch, where the second ResNet stage
stands in for the spatial path.  At width 1 names and shapes are those of its published
``79999_iter.pth``; ours is ``fine`` besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core.errors import UserError
from mien.core.face_classes import CLASSES, FACE, INDEX
from mien.training.checkpoint import read_weights

SIZE: Final = 256  # px at which lessons show it what G draws; any multiple of 32 will do
# Of the images of ImageNet, in which the published weights were begun.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_SPREAD: Final = (0.229, 0.224, 0.225)

# The components of a face in T: the ResNet stage that knows them, and the classes that make them.
REGIONS: Final[dict[str, tuple[int, tuple[str, ...]]]] = {
    "eyes": (0, ("l_eye", "r_eye")),
    "brows": (0, ("l_brow", "r_brow")),
    "nose": (1, ("nose",)),
    "mouth": (1, ("mouth", "u_lip", "l_lip")),
    "face": (2, FACE),
}
BETA: Final = dict.fromkeys(REGIONS, 1.0)  # the paper gives no values


class Features(NamedTuple):
    """What :meth:`BiSeNet.features` sees, of an image of H x W at width w."""

    fused: Tensor  # f_gb (B, 256 w, H/8, W/8), of the feature fusion module
    stages: tuple[Tensor, Tensor, Tensor]  # C_1..C_3: 128 w at 1/8, 256 w at 1/16, 512 w at 1/32
    probabilities: Tensor  # (B, 19, H/8, W/8), each pixel's sum is 1


def region_attention(
    probabilities: Tensor, stages: Sequence[Tensor], beta: Mapping[str, float] = BETA
) -> dict[str, Tensor]:
    """T of equation (4) by the names of ``REGIONS``: T_i = beta_i A_i C_i, equation (5).

    A_i is the sum of the probabilities (B, 19, h, w) of a component's classes, averaged down to the
    size of C_i, the stage that is sensitive to it: eyes and brows on the first, nose and mouth on
    the second, the face's silhouette on the third.  Each T_i has the shape of its C_i.
    """
    out = {}
    for name, (stage, classes) in REGIONS.items():
        share = probabilities[:, [INDEX[c] for c in classes]].sum(1, keepdim=True)
        attention = F.avg_pool2d(share, 2**stage)
        out[name] = beta[name] * attention * stages[stage]
    return out


class _ConvBN(nn.Module):
    def __init__(self, inside: int, outside: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, 1, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class _Block(nn.Module):
    """ResNet's basic block (He et al. 2016)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inside != outside:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.downsample(x) + self.bn2(self.conv2(y)))


class Stages(NamedTuple):
    """What :class:`ResNet18` sees of images of H x W, (B, channels, height, width)."""

    edges: Tensor  # widths[0] at 1/2, of the first convolution
    c0: Tensor  # widths[0] at 1/4
    c1: Tensor  # widths[1] at 1/8
    c2: Tensor  # widths[2] at 1/16
    c3: Tensor  # widths[3] at 1/32


class ResNet18(nn.Module):
    """The stages of images (B, 3, H, W) whose mean and spread are those of ImageNet."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inside = widths[0]
        for i, outside in enumerate(widths, 1):
            first = _Block(inside, outside, 1 if i == 1 else 2)
            setattr(self, f"layer{i}", nn.Sequential(first, _Block(outside, outside, 1)))
            inside = outside

    def forward(self, x: Tensor) -> Stages:
        edges = F.relu(self.bn1(self.conv1(x)))
        c0 = self.layer1(F.max_pool2d(edges, 3, 2, 1))
        c1 = self.layer2(c0)
        c2 = self.layer3(c1)
        return Stages(edges, c0, c1, c2, self.layer4(c2))


class _Refinement(nn.Module):
    """BiSeNet's attention refinement."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = _ConvBN(inside, outside)
        self.conv_atten = nn.Conv2d(outside, outside, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        attention: Tensor = self.bn_atten(self.conv_atten(y.mean((2, 3), keepdim=True)))
        return y * attention.sigmoid()


class _ContextPath(nn.Module):
    def __init__(self, widths: Sequence[int], out: int) -> None:
        super().__init__()
        self.resnet = ResNet18(widths)
        self.arm16 = _Refinement(widths[2], out)
        self.arm32 = _Refinement(widths[3], out)
        self.conv_head32 = _ConvBN(out, out)
        self.conv_head16 = _ConvBN(out, out)
        self.conv_avg = _ConvBN(widths[3], out, 1)

    def forward(self, x: Tensor) -> tuple[Stages, Tensor, Tensor]:
        """(the stages, context at 1/8, context at 1/16)."""
        stages = self.resnet(x)
        whole = self.conv_avg(stages.c3.mean((2, 3), keepdim=True))
        coarse = F.interpolate(self.arm32(stages.c3) + whole, stages.c2.shape[-2:])
        coarse = self.conv_head32(coarse)
        fine = F.interpolate(self.arm16(stages.c2) + coarse, stages.c1.shape[-2:])
        return stages, self.conv_head16(fine), coarse


class _Fusion(nn.Module):
    """BiSeNet's feature fusion."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.convblk = _ConvBN(inside, outside, 1)
        self.conv1 = nn.Conv2d(outside, outside // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(outside // 4, outside, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        y: Tensor = self.convblk(torch.cat((spatial, context), 1))
        attention = self.conv2(F.relu(self.conv1(y.mean((2, 3), keepdim=True))))
        return y + y * attention.sigmoid()


class _Output(nn.Module):
    def __init__(self, inside: int, middle: int) -> None:
        super().__init__()
        self.conv = _ConvBN(inside, middle)
        self.conv_out = nn.Conv2d(middle, len(CLASSES), 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.conv_out(self.conv(x))
        return logits


class _Fine(nn.Module):
    """What cells of 8 px are too wide for, rims, earrings, lips: (B, 19, H/2, W/2) to be added to
    the logits.

    Of the first convolution, at 1/2, the first ResNet stage, at 1/4, and f_gb; a cell of 4 px says
    four answers (sub-pixel convolution, Shi et al. 2016).  A new one says nothing.
    """

    def __init__(self, spatial: int, fused: int) -> None:
        super().__init__()
        self.edges = nn.Conv2d(4 * spatial, spatial, 1)
        self.fused = nn.Conv2d(fused, 2 * spatial, 1)
        self.conv = nn.Conv2d(4 * spatial, 3 * spatial, 3, 1, 1)
        self.conv_out = nn.Conv2d(3 * spatial, 4 * len(CLASSES), 1)
        for parameter in self.conv_out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, stages: Stages, fused: Tensor) -> Tensor:
        edges = self.edges(F.pixel_unshuffle(stages.edges, 2))
        context = enlarged(self.fused(fused), stages.c0.shape[-2:])
        seen = F.relu(torch.cat((edges, stages.c0, context), 1))
        return F.pixel_shuffle(self.conv_out(F.relu(self.conv(seen))), 2)


class BiSeNet(nn.Module):
    """Class logits (B, 19, H, W) of images (B, 3, H, W) in 0..1 with H and W multiples of 32.

    ``width`` is the share of the published channels, rounded so that 64 of them are whole ones.
    With ``fine`` it answers for cells of 2 px; as it was published, of 8 px.
    """

    def __init__(self, width: float = 1.0, fine: bool = False) -> None:
        super().__init__()
        width = max(1, round(64 * width)) / 64
        self.config = {"width": width, "fine": fine}
        w64, w128, w256, w512 = (round(width * n) for n in (64, 128, 256, 512))
        self.cp = _ContextPath((w64, w128, w256, w512), w128)
        self.ffm = _Fusion(2 * w128, w256)
        self.conv_out = _Output(w256, w256)
        self.conv_out16 = _Output(w128, w64)
        self.conv_out32 = _Output(w128, w64)
        self.fine = _Fine(w64, w256) if fine else None
        for name, values in (("mean", IMAGENET_MEAN), ("spread", IMAGENET_SPREAD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def _see(self, image: Tensor) -> tuple[Tensor, Stages, Tensor, Tensor]:
        """(f_gb, the stages, context at 1/8, context at 1/16)."""
        stages, fine, coarse = self.cp((image - self.mean) / self.spread)
        return self.ffm(stages.c1, fine), stages, fine, coarse

    def _answers(self, stages: Stages, fused: Tensor) -> tuple[Tensor, ...]:
        """The logits that count, and, where these are finer, those of 1/8 that they add to."""
        logits: Tensor = self.conv_out(fused)
        if self.fine is None:
            return (logits,)
        return enlarged(logits, stages.edges.shape[-2:]) + self.fine(stages, fused), logits

    def features(self, image: Tensor) -> Features:
        """What the regressor reads of images (B, 3, H, W) in 0..1; differentiable."""
        fused, stages, _, _ = self._see(image)
        return Features(fused, stages[2:], self.conv_out(fused).softmax(1))

    def heads(self, image: Tensor) -> tuple[Tensor, ...]:
        """Logits (B, 19, h, w): the answer, for cells of 2 px where it is ``fine`` and then again
        of 8, and the two heads that only teach the context path, of 8 px and of 16."""
        fused, stages, fine, coarse = self._see(image)
        return *self._answers(stages, fused), self.conv_out16(fine), self.conv_out32(coarse)

    def forward(self, image: Tensor) -> Tensor:
        fused, stages, _, _ = self._see(image)
        return enlarged(self._answers(stages, fused)[0], image.shape[-2:])


def enlarged(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Logits (B, 19, h, w) of ``heads`` for all pixels of the image's (height, width)."""
    return F.interpolate(logits, tuple(size), mode="bilinear", align_corners=True)


def enlarged_at(logits: Tensor, places: Tensor) -> Tensor:
    """Logits (B, 19, P) of pixels at ``places`` (B, P, 2), x and y from 0 to 1 between the centres
    of the outermost: what :class:`BiSeNet` answers there, from ``heads``."""
    grid = (2 * places - 1)[:, None]
    return F.grid_sample(logits, grid, padding_mode="border", align_corners=True)[:, :, 0]


def legible(image: Tensor) -> Tensor:
    """Images (B, 3, H, W), enlarged to SIZE where they are smaller: in those F_seg misses eyes and
    mouths."""
    if max(image.shape[-2:]) >= SIZE:
        return image
    return F.interpolate(image, (SIZE, SIZE), mode="bilinear")


def load_bisenet(path: Path) -> BiSeNet:
    """F_seg from a checkpoint of ``mien train parser`` or the published ``79999_iter.pth``, of
    whatever width, ready to judge.  UserError where the file holds no such network."""
    weights = read_weights(path)
    try:
        width = len(weights["cp.resnet.bn1.weight"]) / 64
        network = BiSeNet(width, fine="fine.conv.weight" in weights)
        network.load_state_dict(weights)
    except (KeyError, RuntimeError):
        raise UserError(
            f"{path} holds no face parser; make one with 'mien train parser'."
        ) from None
    return network.eval()
