"""How strongly the estimator speaks: `mien calibrate PAIRS`.

Taught by people it knows, it says less of strangers than is there, as whoever is unsure does, and
of what is not there a little; on a character that is a dull face that never quite rests.  Strangers
tell by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import nn

from mien.core import models, parameters
from mien.core.errors import UserError
from mien.core.estimator import Estimator
from mien.training import networks
from mien.training.data import Floats, Pairs, load_pairs
from mien.training.evaluate import held_out, said, see
from mien.training.export import export, write_card
from mien.training.metrics import icc31
from mien.training.shipped import give_weights

UNITS: Final = (*parameters.AUS, "AD34", "AU29")
_GAINS: Final = np.linspace(0.8, 2, 25)
_OFFSETS: Final = np.linspace(0, 0.03, 4)  # more would take with it which side moves
# Of agreement that a MAE of one step of FACS' five outweighs: the more is said, the more is wrong.
_PRICE: Final = 0.6


class Correction(NamedTuple):
    """What is said of a unit beyond its neutral value, times ``gain``, less ``offset``."""

    gain: float
    offset: float


def corrections(ratings: Sequence[Floats], truth: Floats) -> dict[str, Correction]:
    """Of each unit the best for several ratings (N, 41) of values (N, 41), by :func:`_worth`; none
    of a unit that never moves; of both sides of the jaw the same, as capture also reads each in the
    mirror image of the other."""
    tried = [Correction(float(g), float(o)) for g in _GAINS for o in _OFFSETS]

    def worth(correction: Correction, name: str) -> float:
        column, unit = networks.VALUES.index(name), parameters.PARAMETERS[parameters.INDEX[name]]
        gain, offset = correction
        said = (unit.neutral + gain * (r[:, column] - unit.neutral) - offset for r in ratings)
        return sum(_worth(np.clip(s, unit.low, unit.high), truth[:, column]) for s in said)

    out: dict[str, Correction] = {}
    for _, sides in groupby(UNITS, lambda name: name.split(".")[0]):
        names = list(sides)
        best = Correction(1.0, 0.0)
        if all(np.ptp(truth[:, networks.VALUES.index(name)]) for name in names):
            best = max(tried, key=lambda correction: sum(worth(correction, n) for n in names))
        out |= dict.fromkeys(names, best)
    return out


def _worth(said: Floats, true: Floats) -> float:
    """ICC(3,1), highest where what is said (N,) varies as what is, less _PRICE times the MAE on the
    0-5 scale."""
    error = parameters.FACS_SCALE * float(np.abs(said - true).mean())
    return icc31(np.stack([said, true], 1)) - _PRICE * error


def correct(network: networks.Estimator, by: dict[str, Correction]) -> None:
    """Makes it say so, by the weights and biases of its last layers."""
    columns = [networks.VALUES.index(name) for name in by]
    factor, less = torch.ones(len(networks.VALUES)), torch.zeros(len(networks.VALUES))
    gain, offset = torch.tensor(list(by.values())).T
    factor[columns], less[columns] = gain, offset / networks.SLOPE
    for reader in (network.by_shape, *(sight.read for sight in network.by_sight)):
        last = reader[-1]
        last.weight.data *= factor[:, None]
        last.bias.data *= factor
    # What each sees is added to what the points say, so one offset serves all.
    network.by_shape[-1].bias.data -= less


def calibrate(
    folders: Sequence[Path], device: str = "auto", weights: Path = models.WEIGHTS
) -> dict[str, Correction]:
    """Changes ``estimator.onnx`` of a folder of networks by the people of pairs folders that it was
    never taught, and notes their seeds in the manifest: 'mien evaluate' leaves them out from then
    on.  Returns the :func:`corrections`.

    UserError where all people were taught, or none is shown at rest.
    """
    pairs, nets = load_pairs(*folders), models.load(device, weights)
    held = pairs.acting(np.array(held_out(pairs, weights, calibrating=True))).tolist()
    if not held:
        raise UserError(
            "These pairs show nobody's face at rest: calibrate by 'wild' ones, "
            "as 'mien render-pairs' renders them."
        )
    seen = see(pairs, held, nets).samples
    estimator = Estimator(nets.estimator, nets.values)
    ratings = [said(pairs, held, seen, estimator, given) for given in (True, False)]
    by = corrections(ratings, pairs.values[held])
    network = networks.Estimator()
    give_weights("estimator", network, weights)
    correct(network, by)
    said_so = {name: correction._asdict() for name, correction in by.items()}
    put_back("estimator", network, weights, pairs, held, {"corrections": said_so})
    return by


def put_back(
    name: str,
    network: nn.Module,
    weights: Path,
    pairs: Pairs,
    held: Sequence[int],
    by: dict[str, Any],
) -> None:
    """Writes a network that was calibrated ``by`` these samples in its place in a folder, and into
    the manifest and the card how, and by whom."""
    entry = models.read_manifest(weights)[f"{name}.onnx"]
    taught, who = entry["training"], list(held)
    heard = {
        "minutes": taught["minutes"],
        "seeds": np.unique(pairs.seed[who]).tolist(),
        "people": len(np.unique(pairs.person[who])),
        **by,
    }
    taught = {**taught, "calibrated": [*taught.get("calibrated", []), heard]}
    export(name, network, {"training": taught, "scores": entry["scores"]}, weights)
    write_card(weights)
