"""What each network is taught: batches out of pairs, a loss, a score on held-out people."""

from __future__ import annotations

import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import alignment, parameters
from mien.core.alignment import mirror_points
from mien.training import augment
from mien.training.checkpoint import RENDERS
from mien.training.data import Pairs, Pixels, mirror_values
from mien.training.metrics import Scores
from mien.training.networks import ASYMMETRIES, NETWORKS, VALUES
from mien.training.proportions import reshaped

Array = NDArray[np.float64]
Batch = tuple[Tensor, ...]


def compose(second: Array, first: Array) -> Array:
    """The 2x3 matrix that does ``first``, then ``second``."""
    return np.column_stack(
        [second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]]
    )


def zoomed(share: float) -> Array:
    """The 2x3 matrix that brings the unit square onto this share of it, about the centre."""
    return np.array([[share, 0, 0.5 - share / 2], [0, share, 0.5 - share / 2]])


def unit_to(size: int, matrix: Array) -> Array:
    """A similarity of the unit square as one of pixels."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] * size])


def to_tensor(images: list[Pixels]) -> Tensor:
    """uint8 (H, W, C) to float (B, C, H, W) in 0..1."""
    # Contiguous: with channels last, torch 2.13 crashes in narrow convolutions where there is
    # AVX-512.
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().float() / 255


def mixes(device: torch.device) -> bool:
    """Whether it computes in bfloat16 by itself: of a CPU that does, steps take .55 to .8 as long.

    bfloat16 has the range of float32: losses need no scaling.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(False)
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def floats(values: list[Any]) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


_SIDED: Final = [VALUES.index(au) for au in parameters.SIDED_AUS]
_ASYMMETRY: Final = [VALUES.index(name) for name in ASYMMETRIES]
_WHOLE: Final = [i for i in range(len(VALUES)) if i not in _ASYMMETRY]


def sides_apart(values: Tensor) -> Tensor:
    """Values (B, 41) as what is compared: asymmetries become the left side less the right one, as
    no face shows the asymmetry of what it does not do.

    The difference stands by itself, with its own spread: faces are seldom one-sided, and in the
    errors of both sides those of the difference are lost.
    """
    a, s = values[:, _SIDED], values[:, _ASYMMETRY]
    return torch.cat((values[:, _WHOLE], a * s), 1)


def importance(values: NDArray[np.float32]) -> Tensor:
    """(41,) weights: errors count by how much each value varies among (N, 41), so that subtle
    units weigh as much as the jaw."""
    return 1 / sides_apart(torch.from_numpy(values)).std(0).clamp(min=0.05)


def difference(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """(B,) of values (B, 41): squares of small errors, nearly plain sizes of large ones."""
    off = (sides_apart(found) - sides_apart(truth)) * weight.to(truth.device)
    return (off.square() / (1 + 0.2 * off.abs())).mean(1)


def discord(found: Tensor, truth: Tensor) -> Tensor:
    """1 - the concordance of Lin 1989 over a batch (B, 41), the mean of all values: unlike squares,
    it does not reward saying too little of what is hard to see."""
    f, t = sides_apart(found), sides_apart(truth)
    df, dt = f - f.mean(0), t - t.mean(0)
    apart = (f.mean(0) - t.mean(0)).square()
    spread = df.square().mean(0) + dt.square().mean(0) + apart
    return (1 - 2 * (df * dt).mean(0) / (spread + 1e-4)).mean()


def disagreement(found: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """What a network that says values (B, 41) is taught by."""
    return difference(found, truth, weight).mean() + discord(found, truth)


def bell_entropy(logits: Tensor, points: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(B, P) the cross entropy of heatmaps (B, P, h, w) and bells about the points (B, P, 2), of
    standard deviation 1 in the units of the cells' places x (w,) and y (h,).

    A soft-argmax alone is slow to sharpen; the bell about the truth shows it the place.
    """
    across, down = (
        (-(cells - points[..., k : k + 1]).square() / 2).softmax(-1)
        for k, cells in enumerate((x, y))
    )
    target = down[..., :, None] * across[..., None, :]
    logged = logits.flatten(2).log_softmax(-1).unflatten(2, logits.shape[2:])
    return -(target * logged).sum((2, 3))


def positive(kind: type[float]) -> Callable[[str], float]:
    """A ``type`` of arguments that are numbers above 0."""

    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < math.inf:
            raise ArgumentTypeError(f"{text} is no number above 0")
        return value

    return read


class Task:
    """One network's lessons.  ``disturbed=False`` leaves the pixels as rendered, for scores."""

    name: str
    batch_size = 32
    rate = 2e-3  # of learning, at its highest
    tuning = 0.15  # of that, for a network that knows its task
    extras: tuple[str, ...] = ()  # what load_pairs is asked for besides: "masks", "vectors"
    data = RENDERS  # what it teaches by
    fewest = 2  # samples in a step
    beginning = 0.15  # of the time, at most, for :meth:`begin`
    frozen: Mapping[str, str] = MappingProxyType({})  # sha256 of networks that it learns through
    before: Mapping[str, Any] = MappingProxyType({})  # how each network learnt that it begins with

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        """Adds what ``mien train NAME`` takes beyond what all tasks take; ``__init__`` gets it by
        keyword."""

    def network(self) -> nn.Module:
        """A new one to teach.  What its constructor was called with may lie in its ``config``, from
        which :func:`mien.training.checkpoint.read_network` builds it again."""
        return NETWORKS[self.name]()

    def parts(self, network: nn.Module) -> dict[str, nn.Module]:
        """The networks in it that are shipped, each by itself, by name."""
        return {self.name: network}

    def pictured(self, i: int) -> tuple[Pixels, Array]:
        """(premultiplied RGBA, landmarks px) of a sample as it is."""
        return self.pairs.images[i], self.pairs.landmarks[i].astype(float)

    def face(
        self,
        rng: Generator,
        i: int,
        mirrored: bool,
        turn: float,
        proportions: Array | None = None,
    ) -> tuple[Pixels, Array]:
        """(premultiplied RGBA, landmarks px) of a sample, turned in the image; of
        :mod:`mien.training.proportions` where these are given."""
        image, points = self.pictured(i)
        size = image.shape[1]
        if mirrored:
            image, points = image[:, ::-1], mirror_points(points, size - 1)
        matrix = unit_to(size, augment.jitter(rng, 0, 0, turn))
        if proportions is not None:
            return reshaped(image, points, matrix, proportions)
        moved = cv2.warpAffine(np.ascontiguousarray(image), matrix, (size, size))
        return moved, alignment.transform(matrix, points)

    def values(
        self, indices: NDArray[np.int64], mirrored: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """(B, 41) of samples, some of them mirrored."""
        values = self.pairs.values[indices]
        values[mirrored] = mirror_values(values[mirrored])
        return values

    def with_neutrals(
        self, rng: Generator, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """(indices, mirrored, where (B,)) of a batch in which half of the faces come with the same
        person's neutral one, mirrored alike, further down; ``where`` that stands, or -1."""
        rest = self.pairs.neutral[indices[: len(indices) // 2]]
        beside = np.flatnonzero(rest >= 0)
        where = np.full(len(indices) + len(beside), -1)
        where[beside] = len(indices) + np.arange(len(beside))
        mirrored = rng.random(len(indices)) < 0.5
        mirrored = np.concatenate([mirrored, mirrored[beside]])
        return np.concatenate([indices, rest[beside]]), mirrored, where

    def to(self, device: torch.device) -> None:
        """Brings frozen networks that judge the taught one to its device."""

    def begin(self, network: nn.Module, seconds: float) -> None:
        """What a new network learns before the first batch, in a share of the time."""

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Tensors for :meth:`loss`, the network's inputs first."""
        raise NotImplementedError

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        raise NotImplementedError

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Figures on these samples by name."""
        raise NotImplementedError

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """RGB: what the network says of a few of these samples."""
        raise NotImplementedError


def sheet(tiles: list[Pixels], columns: int = 8) -> Pixels:
    """Equal tiles in rows."""
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack([row for row in rows if row.shape == rows[0].shape])
