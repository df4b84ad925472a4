"""Finder, landmarks and estimator, which capture runs beside F_seg; and what can be exported.

All take pixels in 0..1 and normalise inside, so that the runtime has nothing to remember.  They are
plain small convolutions: on a CPU these beat depthwise ones at this size, in training above all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import landmarks, parameters, parsing, recognition, refining
from mien.training import bisenet, lightcnn

FINDER_SIZE: Final = 192
FINDER_CELLS: Final = 24
FINDER_UNIT: Final = 24.0  # px of a box side at log2 = 0
LANDMARKS_SIZE: Final = landmarks.SIZE
HEATMAP: Final = 32
POINTS: Final = 68
FREE: Final = 16  # heatmaps that no landmark teaches
DEPTH: Final = 8  # features of each heatmap
FEATURES: Final = (POINTS + FREE) * DEPTH + 112
CLOSE: Final = 24  # channels of the refiner's maps
EYE_FREE: Final = 5
MOUTH_FREE: Final = 7
OVAL_FREE: Final = 8
CLOSE_FEATURES: Final = DEPTH * (len(refining.POINTS) + 2 * EYE_FREE + MOUTH_FREE + OVAL_FREE)
SEEN: Final = FEATURES + CLOSE_FEATURES
SLOPE: Final = 0.2  # of a value, in what a reader says
READERS: Final = 4  # of the features; their mean knows people it never saw better than any of them

ASYMMETRIES: Final = tuple(f"{au}.asymmetry" for au in parameters.SIDED_AUS)
VALUES: Final = (
    *parameters.AUS, *ASYMMETRIES,
    "head.yaw", "head.pitch", "gaze.yaw", "gaze.pitch", "AD34", "AU29",
)  # fmt: skip
"""What the estimator says, in the units of the parameter vector."""
COLUMNS: Final = [parameters.INDEX[name] for name in VALUES]
"""Where it stands in a vector (285,)."""


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


def standardised(x: Tensor) -> Tensor:
    """Each image with mean 0 and spread 1: exposure and contrast carry nothing about the face."""
    x = x - x.mean(dim=(1, 2, 3), keepdim=True)
    return x / (x.pow(2).mean(dim=(1, 2, 3), keepdim=True).sqrt() + 0.05)


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
        cells: Tensor = self.head(self.trunk(standardised(image))[0])
        return cells


class _Values(nn.Module):
    """What a reader says, in the units of ``VALUES``."""

    def __init__(self) -> None:
        super().__init__()
        table = [parameters.PARAMETERS[parameters.INDEX[name]] for name in VALUES]
        for label in ("neutral", "low", "high"):
            row = torch.tensor([float(getattr(p, label)) for p in table])
            self.register_buffer(label, row, persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        # Linear while it learns: a sigmoid has no slope where most action units are, near 0.
        values = self.neutral + SLOPE * raw
        return values if self.training else values.clamp(self.low, self.high)


def _beside(now: Tensor, rest: Tensor, known: Tensor) -> Tensor:
    """(2 B, ...): the faces, then their neutral ones, or themselves where none is known."""
    known = known.reshape(-1, *(1,) * (now.ndim - 1))
    return torch.cat((now, rest * known + now * (1 - known)))


def _change(encoded: Tensor) -> Tensor:
    """(B, 2 C) of what :func:`_beside` became (2 B, C): the face, and how it differs from rest."""
    here, before = encoded.chunk(2)
    return torch.cat((here, here - before), 1)


def _reader(inside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(), nn.Linear(inside, 256), nn.ReLU(inplace=True),
        nn.Linear(256, 128), nn.ReLU(inplace=True), nn.Linear(128, len(VALUES)),
    )  # fmt: skip


class _Guesses(nn.Module):
    """What looks and is taught the values beside the points, so that its features know more than
    where a point is."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            nn.BatchNorm1d(features, affine=False), nn.Dropout(0.1), nn.Linear(features, 128)
        )
        self.reader, self.values = _reader(2 * 128 + 1), _Values()

    def guess(self, features: Tensor, neutral: Tensor, has_neutral: Tensor) -> Tensor:
        """Values (B, 41) from features alone; only for lessons."""
        change = _change(self.seen(_beside(features, neutral, has_neutral)))
        values: Tensor = self.values(self.reader(torch.cat((change, has_neutral), 1)))
        return values


class Landmarks(_Guesses):
    """68 points in a face box and what is seen there: (B, 3, 128, 128) -> points (B, 68, 2) in
    0..1, score (B, 1), features (B, FEATURES).

    The features are the maps' mean under each point's heatmap, and under some more that are free to
    attend to where no landmark is: cheeks, forehead, the root of the nose.
    """

    def __init__(self) -> None:
        super().__init__(FEATURES)
        self.trunk = Pyramid((16, 32, 64, 96, 112), level=2, out=48)
        self.heat = nn.Conv2d(48, POINTS + FREE, 1)
        self.score = nn.Sequential(nn.Linear(112, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))
        self.look = nn.Parameter(torch.randn(POINTS + FREE, 48, DEPTH) / 48**0.5)
        # Heatmap cells reach past the crop: a soft-argmax cannot leave its grid, and a chin may.
        centres = ((torch.arange(HEATMAP) + 0.5) / HEATMAP - 0.5) * 1.2 + 0.5
        self.register_buffer("centres", centres, persistent=False)

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(heatmap logits (B, 68, 32, 32), score (B, 1), features (B, FEATURES))."""
        fine, coarse = self.trunk(standardised(image))
        logits, coarse = self.heat(fine), coarse.mean(dim=(2, 3))
        under = logits.flatten(2).softmax(-1) @ fine.flatten(2).transpose(1, 2)
        looked = (under.transpose(0, 1) @ self.look).transpose(0, 1).flatten(1)
        return logits[:, :POINTS], self.score(coarse), torch.cat((looked, coarse), 1)

    def read(self, logits: Tensor) -> Tensor:
        """The centres of mass (B, 68, 2) of heatmaps, whatever mixed precision does elsewhere."""
        heat = logits.float().flatten(2).softmax(-1).unflatten(2, (HEATMAP, HEATMAP))
        x = (heat.sum(2) * self.centres).sum(-1)
        y = (heat.sum(3) * self.centres).sum(-1)
        return torch.stack((x, y), -1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, score, features = self.maps(image)
        return self.read(logits), score, features


class _Close(nn.Module):
    """Points px (B, P, 2) in patches (B, 3, H, W) of ``size`` (W, H), and what is seen under their
    heatmaps and some free ones (B, (P + free) DEPTH)."""

    def __init__(self, size: tuple[int, int], points: int, free: int) -> None:
        super().__init__()
        self.points = points
        self.trunk = Pyramid((16, 32, 64, 96), level=1, out=CLOSE)
        self.heat = nn.Conv2d(CLOSE, points + free, 1)
        self.look = nn.Parameter(torch.randn(points + free, CLOSE, DEPTH) / CLOSE**0.5)
        for axis, side in zip("xy", size, strict=True):
            cells = (torch.arange(side // 2) + 0.5) / (side // 2) - 0.5
            # As above: a corner of the mouth may leave its patch.
            self.register_buffer(axis, (1.1 * cells + 0.5) * side - 0.5, persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(heatmap logits, points, features)."""
        fine, _ = self.trunk(standardised(image))
        logits = self.heat(fine)
        heat = logits.float().flatten(2).softmax(-1)
        under = heat @ fine.flatten(2).transpose(1, 2)
        looked = (under.transpose(0, 1) @ self.look).transpose(0, 1).flatten(1)
        heat = heat[:, : self.points].unflatten(2, logits.shape[2:])
        points = torch.stack(((heat.sum(2) * self.x).sum(-1), (heat.sum(3) * self.y).sum(-1)), -1)
        return logits[:, : self.points], points, looked


class Refiner(_Guesses):
    """The patches of core.refining, eyes (B, 2, 3, 48, 64), mouth and oval (B, 3, 64, 80) -> points
    (B, 68, 2) px in them, features (B, CLOSE_FEATURES)."""

    def __init__(self) -> None:
        super().__init__(CLOSE_FEATURES)
        self.eye = _Close(refining.EYE, len(refining.RIGHT), EYE_FREE)
        self.mouth = _Close(refining.LIPS, len(refining.MOUTH), MOUTH_FREE)
        self.oval = _Close(refining.WHOLE, len(refining.OVAL), OVAL_FREE)

    def maps(
        self, eyes: Tensor, mouth: Tensor, oval: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """(logits of the heatmaps of eyes (2 B, 11, h, w), mouth and oval, points, features)."""
        eye_logits, eye_points, eye_seen = self.eye(eyes.flatten(0, 1))
        mouth_logits, mouth_points, mouth_seen = self.mouth(mouth)
        oval_logits, oval_points, oval_seen = self.oval(oval)
        eye_points = eye_points.reshape(-1, 2 * len(refining.RIGHT), 2)
        points = torch.cat((eye_points, mouth_points, oval_points), 1)
        eye_seen = eye_seen.reshape(-1, 2 * eye_seen.shape[1])
        features = torch.cat((eye_seen, mouth_seen, oval_seen), 1)
        return [eye_logits, mouth_logits, oval_logits], points, features

    def forward(self, eyes: Tensor, mouth: Tensor, oval: Tensor) -> tuple[Tensor, Tensor]:
        _, points, features = self.maps(eyes, mouth, oval)
        return points, features


class _Sight(nn.Module):
    """Reads features (2 B, SEEN) of faces beside their neutral ones, and their points' code."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(SEEN, 256), nn.ReLU(inplace=True), nn.Linear(256, 128)
        )
        self.read = _reader(2 * 256 + 1)
        for parameter in self.read[-1].parameters():
            nn.init.zeros_(parameter)  # until it knows better, the points speak

    def forward(self, features: Tensor, shape: Tensor, known: Tensor) -> Tensor:
        raw: Tensor = self.read(torch.cat((_change(self.encode(features)), shape, known), 1))
        return raw


class Estimator(nn.Module):
    """AUs, sides, pose and gaze of an aligned face, beside the performer's neutral face if known.

    points (B, 68, 2) in 0..1 of the aligned crop, features (B, SEEN) of the landmark network and
    the refiner, the same two of the neutral face, and has_neutral (B, 1) -> (B, 41) in the order of
    ``VALUES``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(2 * POINTS, affine=False),
            nn.Linear(2 * POINTS, 256), nn.ReLU(inplace=True), nn.Linear(256, 128),
        )  # fmt: skip
        self.by_shape = _reader(2 * 128 + 1)
        self.norm = nn.BatchNorm1d(SEEN, affine=False)
        self.by_sight = nn.ModuleList(_Sight() for _ in range(READERS))
        self.values = _Values()

    def _by_points(
        self, points: Tensor, neutral_points: Tensor, has_neutral: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(their code, what it says before it becomes values)."""
        shape = _change(self.shape(_beside(points, neutral_points, has_neutral)))
        return shape, self.by_shape(torch.cat((shape, has_neutral), 1))

    def from_points(self, points: Tensor, neutral_points: Tensor, has_neutral: Tensor) -> Tensor:
        """The values as far as the points alone can tell."""
        values: Tensor = self.values(self._by_points(points, neutral_points, has_neutral)[1])
        return values

    def each(
        self,
        points: Tensor,
        features: Tensor,
        neutral_points: Tensor,
        neutral_features: Tensor,
        has_neutral: Tensor,
    ) -> Tensor:
        """(READERS, B, 41) before they become values: what each sees corrects what the points
        say."""
        shape, said = self._by_points(points, neutral_points, has_neutral)
        seen = self.norm(_beside(features, neutral_features, has_neutral))
        return torch.stack([said + read(seen, shape, has_neutral) for read in self.by_sight])

    def forward(self, *inputs: Tensor) -> Tensor:
        """Of the inputs of :meth:`each`."""
        values: Tensor = self.values(self.each(*inputs).mean(0))
        return values


NETWORKS: Final[dict[str, type[nn.Module]]] = {
    "finder": Finder,
    "landmarks": Landmarks,
    "refiner": Refiner,
    "estimator": Estimator,
    "parser": bisenet.BiSeNet,
    "recognizer": lightcnn.LightCNN,
}


def example(name: str, batch: int = 1) -> dict[str, Tensor]:
    """Random inputs of a network, by input name, in the order of its ``forward``."""
    if name == "finder":
        return {"image": torch.rand(batch, 3, FINDER_SIZE, FINDER_SIZE)}
    if name == "landmarks":
        return {"image": torch.rand(batch, 3, LANDMARKS_SIZE, LANDMARKS_SIZE)}
    if name == "refiner":
        sizes = {"mouth": refining.LIPS, "oval": refining.WHOLE}
        parts = {part: torch.rand(batch, 3, *size[::-1]) for part, size in sizes.items()}
        return {"eyes": torch.rand(batch, 2, 3, *refining.EYE[::-1]), **parts}
    if name in ("parser", "regressor"):
        size = parsing.SIZE if name == "parser" else bisenet.SIZE
        return {"image": torch.rand(batch, 3, size, size)}
    if name == "recognizer":
        return {"image": torch.rand(batch, 1, recognition.SIZE, recognition.SIZE)}
    return {
        "points": torch.rand(batch, POINTS, 2),
        "features": torch.rand(batch, SEEN),
        "neutral_points": torch.rand(batch, POINTS, 2),
        "neutral_features": torch.rand(batch, SEEN),
        "has_neutral": torch.ones(batch, 1),
    }


OUTPUTS: Final[dict[str, tuple[str, ...]]] = {
    "finder": ("cells",),
    "landmarks": ("points", "score", "features"),
    "refiner": ("points", "features"),
    "estimator": ("values",),
    "parser": ("logits",),
    "recognizer": ("embedding",),
    "regressor": ("parameters",),  # with F_seg before it
}
