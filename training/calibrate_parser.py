"""How readily F_seg says each class: `mien calibrate PAIRS --network parser`.

Lessons ask for the pixels of rare classes more often than there are, or these would never be
learnt, so that noses, lips and brows become too wide.  Strangers tell by how much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import models
from mien.core.bar import Bar
from mien.core.face_classes import CLASSES
from mien.training.bisenet import BiSeNet, enlarged_at
from mien.training.calibrate import put_back
from mien.training.data import Floats, load_pairs
from mien.training.evaluate import held_out
from mien.training.shipped import give_weights, shipped_width
from mien.training.task_parser import Crop, ParserTask, class_overlap, rendered
from mien.training.train import pick_device

FACES: Final = 200  # that are looked at, as they were rendered and as cameras would show them
_SHARE: Final = 0.15  # of the pixels that were rendered: neighbours tell the same
_STEPS: Final = (1.0, 0.5, 0.25)  # by which logits are tried, up and down


class Told(NamedTuple):
    """What F_seg says of some pixels, and what they are."""

    logits: Floats  # (19, N)
    truth: NDArray[np.uint8]  # (N,)

    def overlap(self, leaning: Floats) -> float:
        """The mean intersection over union, with this (19,) added to the logits."""
        found = (self.logits + leaning[:, None]).argmax(0).astype(np.uint8)
        return float(np.mean(list(class_overlap(self.truth, found).values())))


def leanings(told: Sequence[Told]) -> Floats:
    """(19,) what added to the logits of each class makes the mean overlap greatest, the mean of all
    that was told; found class by class, in ever smaller steps."""

    def worth(leaning: Floats) -> float:
        return float(np.mean([t.overlap(leaning) for t in told]))

    by = np.zeros(len(CLASSES), np.float32)
    best = worth(by)
    for step in _STEPS:
        for k in range(len(by)):
            for way in (step, -step):
                while True:
                    tried = by.copy()
                    tried[k] += way
                    if (found := worth(tried)) <= best:
                        break
                    by, best = tried, found
    return by


def lean(network: BiSeNet, by: Floats) -> None:
    """Adds (19,) to the logits of its answer, by the biases of its last layer."""
    assert network.fine is not None and isinstance(network.fine.conv_out.bias, nn.Parameter)
    network.fine.conv_out.bias.data += torch.from_numpy(by).repeat_interleave(4)


def spread(indices: Sequence[int], count: int = FACES) -> NDArray[np.int64]:
    """About so many of the samples, evenly."""
    which = np.linspace(0, len(indices) - 1, min(count, len(indices))).astype(int)
    return np.array(indices)[which]


def ask(crop: Crop, answer: Tensor, rng: Generator) -> Told:
    """What it says of a share of a crop's pixels that were rendered, of the logits (19, h, w) that
    it answers."""
    places, classes = rendered(crop)
    some = rng.random(len(classes)) < _SHARE
    asked = enlarged_at(answer[None], places[:, torch.from_numpy(some)])[0]
    return Told(asked.numpy(), classes[some])


def joined(parts: Sequence[Told]) -> Told:
    """Of all their pixels."""
    logits, truth = zip(*parts, strict=True)
    return Told(np.concatenate(logits, 1), np.concatenate(truth))


def calibrate_parser(
    folders: Sequence[Path], device: str = "auto", weights: Path = models.WEIGHTS
) -> dict[str, float]:
    """Changes ``parser.onnx`` of a folder of networks by the people of pairs folders that it was
    never taught, and notes their seeds in the manifest.  Returns the :func:`leanings` by class.

    UserError where all people were taught.
    """
    pairs = load_pairs(*folders, masks=True)
    some = spread(held_out(pairs, weights, calibrating=True, judged=("parser",)))
    network = BiSeNet(shipped_width("parser", weights), fine=True)
    give_weights("parser", network, weights)
    task, place = ParserTask(pairs), pick_device(device)
    network.eval().to(place)

    def answers() -> Iterator[Told]:
        for disturbed in (False, True):
            rng = np.random.default_rng(5)
            for crop, answer in task.looks(network, some, disturbed):
                yield ask(crop, answer, rng)

    with Bar() as bar:
        each = list(bar.over(answers(), 2 * len(some), str(place)))
    by = leanings([joined(each[: len(some)]), joined(each[len(some) :])])
    lean(network.cpu(), by)
    said = dict(zip(CLASSES, by.tolist(), strict=True))
    put_back("parser", network, weights, pairs, some.tolist(), {"leanings": said})
    return said
