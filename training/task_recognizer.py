"""Teaching F_reg: pictures of one person are near each other, whatever the light and expression."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mien.core import parameters
from mien.core.alignment import mirror_points
from mien.core.errors import UserError
from mien.core.recognition import SIZE, crop_matrix
from mien.training import augment
from mien.training.checkpoint import read_checkpoint, taught
from mien.training.data import Pairs, Pixels
from mien.training.lightcnn import EMBEDDING, LightCNN, widened
from mien.training.metrics import Scores
from mien.training.task import Array, Batch, Task, compose, positive, sheet, to_tensor

SCALE: Final = 16.0  # of cosines, before the likeliest one is chosen
VALUES: Final = 4.0  # what the face model's values weigh beside that choice
KNOWN: Final = 0.5  # of the learning rate, for a network that begins with a narrower one
_BATCH: Final = 64  # faces judged at once
_PEOPLE: Final = parameters.IDENTITY.stop - parameters.IDENTITY.start


class Described(LightCNN):
    """F_reg that says the face model's values too, in place of the published file's classifier
    ``fc2``: pictures tell who is who from the first step on, where thousands of people with four
    pictures each take long to be told apart by name."""

    def __init__(self, width: float) -> None:
        super().__init__(width)
        self.fc2 = nn.Linear(EMBEDDING, _PEOPLE, bias=False)


def mistaken(embedding: Tensor, who: Tensor) -> Tensor:
    """How unlikely it is to choose the right one among all others, for each of embeddings (2 N,
    256), the other picture of whose person ``who`` (2 N,) is N away: the N-pair loss of Sohn 2016
    with cosines, as of Chen et al. 2020."""
    rows = torch.arange(len(who), device=who.device)
    mate = rows.roll(len(who) // 2)
    same = who[:, None] == who  # itself, and its person's pictures that chance brought
    same[rows, mate] = False
    # One is told from another by more digits than bfloat16 has.
    with torch.autocast(embedding.device.type, enabled=False):
        unit = F.normalize(embedding.float())
        alike = SCALE * unit @ unit.T
    return F.cross_entropy(alike.masked_fill(same, -torch.inf), mate)


def equal_error_rate(same: ArrayLike, other: ArrayLike) -> float:
    """The share of wrong decisions at the similarity where as many pairs of one person fall below
    as pairs of two people reach it; of the similarities of either kind of pair."""
    genuine, impostor = np.sort(np.asarray(same, float)), np.sort(np.asarray(other, float))
    limits = np.concatenate([genuine, impostor])
    rejected = np.searchsorted(genuine, limits) / len(genuine)
    accepted = 1 - np.searchsorted(impostor, limits) / len(impostor)
    at = np.abs(rejected - accepted).argmin()
    return float((rejected[at] + accepted[at]) / 2)


class RecognizerTask(Task):
    name = "recognizer"
    batch_size = 64
    fewest = 4  # two people
    rate = 1e-3
    extras = ("vectors",)

    def __init__(self, pairs: Pairs, width: float = 1.0, begin_with: Path | None = None) -> None:
        """``begin_with`` is a checkpoint of a network as wide or narrower."""
        super().__init__(pairs)
        assert pairs.vectors is not None
        self.width, self.begin_with = width, begin_with
        if begin_with is not None:
            begun = read_checkpoint(begin_with)
            self.rate *= KNOWN
            self.before = {self.name: taught(begun, self.name)}
            self._begun = begun["network"]
        about, (train, _) = pairs.vectors[:, parameters.IDENTITY], pairs.split()
        spread = about[train].std(0)
        self.about = (about - about[train].mean(0)) / np.where(spread > 0, spread, 1)
        # The samples by person, where each person's begin, and where each sample stands there.
        self._by_person = np.argsort(pairs.person, kind="stable")
        self._place = np.argsort(self._by_person)
        self._count = np.bincount(pairs.person)
        self._first = np.cumsum(self._count) - self._count

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--width", type=positive(float), default=1.0, help="of the published channels"
        )
        parser.add_argument(
            "--begin-with", type=Path, metavar="CHECKPOINT",
            help="a narrower recogniser, which is widened",
        )  # fmt: skip

    def network(self) -> nn.Module:
        """UserError where it shall begin with a file that holds no recogniser, or a wider one."""
        network = Described(self.width)
        if self.begin_with is not None:
            try:
                network.load_state_dict(widened(self._begun, network))
            except (KeyError, RuntimeError, ValueError):
                raise UserError(
                    f"{self.begin_with} holds no recogniser of at most --width {self.width:g}: "
                    "begin with another, or without one."
                ) from None
        return network

    def mates(self, rng: Generator, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of each sample's person another sample, the same one where there is no other."""
        person = self.pairs.person[indices]
        first, count = self._first[person], self._count[person]
        further = rng.integers(1, np.maximum(count, 2))
        return self._by_person[first + (self._place[indices] - first + further) % count]

    def crop(self, rng: Generator, i: int, disturbed: bool) -> Pixels:
        """(128, 128, 1) grey: a sample in the crop of F_reg, over some background."""
        face, points = self.pairs.images[i], self.pairs.landmarks[i].astype(float)
        if disturbed and rng.random() < 0.5:
            face = np.ascontiguousarray(face[:, ::-1])
            points = mirror_points(points, face.shape[1] - 1)
        place: Array = crop_matrix(points)
        if disturbed:
            place = compose(augment.jitter(rng, 0.015, 0.03, 3), place)
        image = augment.paste(face, SIZE * place, augment.background(rng, SIZE))
        if disturbed:
            image = augment.disturb(rng, image, cover=0.1)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], np.uint8)

    def batch(self, rng: Generator, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Crops (B, 1, 128, 128), whose they are (B,), and these people's values (B, 244), as
        deviations in units of their spread; of half of the samples, and of each another picture."""
        half = indices[: len(indices) // 2]
        both = np.concatenate([half, self.mates(rng, half)])
        crops = [self.crop(rng, int(i), disturbed) for i in both]
        who = torch.from_numpy(self.pairs.person[both])
        return to_tensor(crops), who, torch.from_numpy(self.about[both])

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        assert isinstance(network, Described)
        image, who, about = batch
        embedding = network(image)
        said = network.fc2(embedding)
        return mistaken(embedding, who) + VALUES * F.mse_loss(said.float(), about)

    def look(
        self, network: nn.Module, indices: NDArray[np.int64], disturbed: bool
    ) -> tuple[list[Pixels], Array]:
        """(the crops of samples, the cosine (N, N) of every two, each with its mirror image)."""
        rng, device = np.random.default_rng(7), next(network.parameters()).device
        crops = [self.crop(rng, int(i), disturbed) for i in indices]
        parts = []
        for start in range(0, len(crops), _BATCH):
            image = to_tensor(crops[start : start + _BATCH]).to(device)
            with torch.no_grad():
                seen = [F.normalize(network(view)) for view in (image, image.flip(-1))]
            parts.append(F.normalize(seen[0] + seen[1]).cpu().double().numpy())
        embedding = np.concatenate(parts)
        return crops, embedding @ embedding.T

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        """Of all pairs among people that training never saw."""
        indices = indices[:800]
        person = self.pairs.person[indices]
        pair = np.triu_indices(len(indices), 1)
        same = (person[:, None] == person)[pair]
        out: Scores = {"people": len(np.unique(person))}
        if same.all() or not same.any():
            return out
        for label, disturbed in (("clean", False), ("disturbed", True)):
            alike = self.look(network, indices, disturbed)[1][pair]
            out[f"{label}: equal error rate"] = equal_error_rate(alike[same], alike[~same])
        return out

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """A face, the most similar picture of the same person, the most similar of another."""
        indices = indices[:800]
        crops, alike = self.look(network, indices, True)
        np.fill_diagonal(alike, -2)
        same = self.pairs.person[indices, None] == self.pairs.person[indices]
        tiles = []
        for i in np.arange(24) * 5 % len(indices):
            row = [cv2.cvtColor(crops[i], cv2.COLOR_GRAY2RGB)]
            for mine in (True, False):
                best = int(np.where(same[i] == mine, alike[i], -3).argmax())
                tile = cv2.cvtColor(crops[best], cv2.COLOR_GRAY2RGB)
                text = f"{'same' if mine else 'other'} {alike[i, best]:.2f}"
                cv2.putText(tile, text, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 0), 1)
                row.append(tile)
            tiles.append(np.hstack(row))
        return sheet(tiles, 3)
