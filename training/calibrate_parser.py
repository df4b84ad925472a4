"""How readily F_seg says each class: `mien calibrate PAIRS --network parser`.

Lessons ask for the pixels of rare classes more often than there are, or these would never be
learnt, so that noses, lips and brows become too wide.  Strangers tell by how much.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.core import models
from mien.core.bar import Bar
from mien.core.capture import Progress
from mien.core.face_classes import CLASSES
from mien.training.bisenet import BiSeNet, enlarged_at
from mien.training.data import Floats, load_pairs
from mien.training.evaluate import held_out
from mien.training.export import export, write_card
from mien.training.shipped import give_weights, shipped_width
from mien.training.task_parser import ParserTask, class_overlap, rendered
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


def ask(
    task: ParserTask,
    network: BiSeNet,
    indices: NDArray[np.int64],
    disturbed: bool,
    tick: Callable[[], object],
) -> Told:
    """What it says of a share of the pixels that were rendered of these samples; ``tick`` is called
    for each."""
    rng, logits, truth = np.random.default_rng(5), [], []
    for crop, answer in task.looks(network, indices, disturbed):
        tick()
        places, classes = rendered(crop)
        some = rng.random(len(classes)) < _SHARE
        logits.append(enlarged_at(answer[None], places[:, torch.from_numpy(some)])[0].numpy())
        truth.append(classes[some])
    return Told(np.concatenate(logits, 1), np.concatenate(truth))


def _ticks(bar: Bar, total: int, provider: str) -> Callable[[], None]:
    """What tells a bar of one picture more."""
    start, count = time.perf_counter(), itertools.count(1)

    def tick() -> None:
        done = next(count)
        rate = done / (time.perf_counter() - start)
        bar.show(Progress(done, total, rate, (total - done) / rate, provider, "", {}))

    return tick


def calibrate_parser(
    folders: Sequence[Path], device: str = "auto", weights: Path = models.WEIGHTS
) -> dict[str, float]:
    """Changes ``parser.onnx`` of a folder of networks by the people of pairs folders that it was
    never taught, and notes their seeds in the manifest.  Returns the :func:`leanings` by class.

    UserError where all people were taught.
    """
    pairs = load_pairs(*folders, masks=True)
    held = np.array(held_out(pairs, weights, calibrating=True, judged=("parser",)))
    some = held[np.linspace(0, len(held) - 1, min(FACES, len(held))).astype(int)]
    network = BiSeNet(shipped_width("parser"), fine=True)
    taught = give_weights("parser", network, weights)
    task, place = ParserTask(pairs), pick_device(device)
    network.eval().to(place)
    with Bar() as bar:
        tick = _ticks(bar, 2 * len(some), str(place))
        told = [ask(task, network, some, disturbed, tick) for disturbed in (False, True)]
    by = leanings(told)
    lean(network.cpu(), by)
    said = dict(zip(CLASSES, by.tolist(), strict=True))
    heard = {
        "minutes": taught["minutes"],
        "seeds": np.unique(pairs.seed[some]).tolist(),
        "people": len(np.unique(pairs.person[some])),
        "leanings": said,
    }
    taught = {**taught, "calibrated": [*taught.get("calibrated", []), heard]}
    scores = models.read_manifest(weights)["parser.onnx"]["scores"]
    export("parser", network, {"training": taught, "scores": scores}, weights)
    write_card(weights)
    return said
