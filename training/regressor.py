"""R: from what F_seg sees in an aligned face to its parameters, after section 2.4 and Fig. 3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import parameters
from mien.core.errors import UserError
from mien.training.bisenet import SIZE, BiSeNet, legible, region_attention
from mien.training.checkpoint import digest, read_checkpoint, read_network
from mien.training.losses import l_ct
from mien.training.networks import HEATMAP, LANDMARKS_SIZE, Landmarks, standardised
from mien.training.shipped import parser_of

# A fifth of one over the share of the aligned crop that each component fills, the median over
# renders: small as an eye is, it counts like the face, and L_ct is the mean of all five.
BETA: Final = {"eyes": 40.0, "brows": 29.0, "nose": 6.0, "mouth": 10.0, "face": 0.38}

# Which of the maps each sub-network reads, section 2.4; "fused" is f_gb.
_LOCAL: Final = ("eyes", "nose", "mouth", "face")
READS: Final[dict[str, tuple[str, ...]]] = {
    "pose": ("fused",), "au": _LOCAL, "identity": _LOCAL, "brow": ("brows",),
}  # fmt: skip
CELLS: Final = 8  # to a side of the pooled maps
SLOPE: Final = 0.2  # of a parameter's range, in what R says
LEAK: Final = 0.01  # of that slope is left beyond the range
_REDUCTION: Final = 16  # of the squeeze, as SENet

Seen = tuple[Tensor, dict[str, Tensor]]


class Eyes(nn.Module):
    """What R reads and the losses compare, of aligned faces (B, 3, S, S) in 0..1."""

    def channels(self) -> dict[str, int]:
        """Of f_gb, as ``"fused"``, and of each component of T."""
        device = next(self.parameters()).device
        with torch.no_grad():
            fused, t = self(torch.zeros(1, 3, 64, 64, device=device))
        return {"fused": fused.shape[1], **{name: x.shape[1] for name, x in t.items()}}

    def content(self, generated: Seen, real: Seen) -> Tensor:
        """How far a generated face is from the real one as these eyes see them."""
        return l_ct(generated[1], real[1])


class ParserEyes(Eyes):
    """Equation (4): f_gb, T = F_seg(I), of images that are made ``legible``.

    As they are, equation (8) is least where F_seg misses eyes and mouths: for a G of 128 px it
    preferred turned heads with closed eyes to the truth in 96 % of 48 faces, and prefers the truth
    to the same in 100 % since they are enlarged.
    """

    def __init__(self, parser: BiSeNet) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, image: Tensor) -> Seen:
        seen = self.parser.features(legible(image))
        return seen.fused, region_attention(seen.probabilities, seen.stages, BETA)


class LandmarkEyes(Eyes):
    """The landmark network in place of F_seg, as section 3.4 tries it: its heatmaps are the global
    features, its first two layers the local ones, and heatmaps are what is compared.  It knows no
    regions: "mouth" and the others are the whole layer, also in equation (12)."""

    def __init__(self, network: Landmarks) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Seen:
        size = (LANDMARKS_SIZE, LANDMARKS_SIZE)
        image = F.interpolate(image, size, mode="bilinear", antialias=True)
        heat = self.network.maps(image)[0].flatten(2).softmax(-1).unflatten(2, (HEATMAP, HEATMAP))
        first = self.network.trunk.stages[0](standardised(image))
        second = self.network.trunk.stages[1](first)
        local = {name: first if name in ("eyes", "brows") else second for name in BETA}
        # Shares of a whole map are small: times its side, a sharp bell's mean square is about 1/30.
        return heat * HEATMAP, local

    def content(self, generated: Seen, real: Seen) -> Tensor:
        """Mean squared error of the heatmaps."""
        return F.mse_loss(generated[0], real[0])


class Attention(nn.Module):
    """Fig. 3 (b): an FC layer whose every output is weighed by what a squeeze and excitation (Hu et
    al. 2018) makes of all of them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        squeezed = max(8, outside // _REDUCTION)
        self.fc = nn.Sequential(nn.Linear(inside, outside), nn.ReLU(inplace=True))
        self.excite = nn.Sequential(
            nn.Linear(outside, squeezed), nn.ReLU(inplace=True),
            nn.Linear(squeezed, outside), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        weighed: Tensor = x * self.excite(x)
        return weighed


class SubRegressor(nn.Module):
    """Fig. 3 (a): maps of any size, (B, C_i, h_i, w_i) with channels that add up to ``inside``, to
    ``outside`` numbers without bounds."""

    def __init__(self, inside: int, outside: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, width // 2, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(width // 2)
        self.attend = nn.Sequential(
            Attention(width // 2 * (CELLS // 2) ** 2, width), Attention(width, width)
        )
        self.fc = nn.Sequential(
            nn.Linear(width, width // 2), nn.ReLU(inplace=True), nn.Linear(width // 2, outside)
        )

    def forward(self, *maps: Tensor) -> Tensor:
        fused = torch.cat([F.adaptive_avg_pool2d(m, CELLS) for m in maps], 1)
        said: Tensor = self.fc(self.attend(F.relu(self.bn(self.conv(fused))).flatten(1)))
        return said


class Regressor(nn.Module):
    """Equation (6): y' = R(f_gb, T), parameter vectors (B, 285), or (B, 269) with the layout
    ``"paper"``.

    ``channels`` are those of :meth:`Eyes.channels`, ``size`` is that of the pictures which R learns
    to read, px.  The brow styles are shares that add up to 1.
    What goes beyond the paper's 269 is read with the action units.
    """

    def __init__(
        self, channels: dict[str, int], width: int = 512, layout: str = "full", size: int = SIZE
    ) -> None:
        super().__init__()
        self.config = {"channels": channels, "width": width, "layout": layout, "size": size}
        beyond = parameters.size(layout) - parameters.PAPER_SIZE
        counts = {name: len(range(*parameters.group(name).indices(parameters.SIZE)))
                  for name in READS}  # fmt: skip
        self.units = counts["au"]
        counts["au"] += beyond
        self.parts = nn.ModuleDict({
            name: SubRegressor(sum(channels[m] for m in READS[name]), count, width)
            for name, count in counts.items()
        })  # fmt: skip
        table = parameters.PARAMETERS[: parameters.size(layout)]
        low, high, rest = (
            torch.tensor([getattr(p, name) for p in table], dtype=torch.float32)
            for name in ("low", "high", "neutral")
        )
        for name, numbers in (("low", low), ("high", high), ("rest", rest)):
            self.register_buffer(name, numbers, persistent=False)

    def forward(self, fused: Tensor, t: Mapping[str, Tensor]) -> Tensor:
        maps = {"fused": fused, **t}
        raw = {
            name: part(*(maps[m] for m in READS[name])).float() for name, part in self.parts.items()
        }
        units, beyond = raw["au"][:, : self.units], raw["au"][:, self.units :]
        order = torch.cat((raw["pose"], units, raw["identity"], raw["brow"], beyond), 1)
        # Not a sigmoid, which has no slope where most action units are, near 0.
        y = self.rest + SLOPE * (self.high - self.low) * order
        within = y.clamp(self.low, self.high)
        # What is beyond its range still learns to come back.
        y = within + LEAK * (y - within) if torch.is_grad_enabled() else within
        brow = parameters.group("brow")
        return torch.cat((y[:, : brow.start], raw["brow"].softmax(1), y[:, brow.stop :]), 1)


class Reader(nn.Module):
    """F_seg and R in one, the part of Fig. 2 that predicts: parameters (B, n) of aligned faces
    (B, 3, SIZE, SIZE) in 0..1."""

    def __init__(self, parser: BiSeNet, regressor: Regressor) -> None:
        super().__init__()
        self.eyes, self.regressor = ParserEyes(parser), regressor

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.regressor(*self.eyes(image))
        return y


def learnt_through(regressor: Path) -> dict[str, str]:
    """The sha256 of the networks through which the R of a checkpoint learnt to see, by name."""
    return dict(read_checkpoint(regressor).get("frozen", {}))


def load_reader(regressor: Path, parser: Path | None) -> Reader:
    """The two of their checkpoints, with the shipped F_seg where ``parser`` is None; UserError
    where they do not belong together."""
    eyes = parser_of(parser)
    reader = Reader(eyes, read_network(regressor, Regressor))
    wanted = {"channels": reader.eyes.channels(), "size": SIZE}
    fits = wanted == {key: reader.regressor.config[key] for key in wanted}
    if not fits or learnt_through(regressor) != {"parser": digest(eyes)}:
        raise UserError(
            f"{regressor} did not learn with {parser or 'the shipped F_seg'} on pictures of {SIZE} "
            f"px: export networks of one training, whose G was taught with --size {SIZE}."
        )
    return reader
