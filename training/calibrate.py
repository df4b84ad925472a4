"""How strongly the estimator speaks: `mien calibrate PAIRS`.

Taught by people it knows, it says less of strangers than is there, as whoever is unsure does; on
a character that is a dull face.  Strangers tell by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from mien.core import models, parameters
from mien.core.errors import UserError
from mien.core.estimator import Estimator
from mien.training import networks
from mien.training.data import Floats, load_pairs
from mien.training.evaluate import held_out, said, see
from mien.training.export import export, write_card
from mien.training.metrics import icc31
from mien.training.shipped import give_weights

UNITS: Final = (*parameters.AUS, "AD34", "AU29")
_GAINS: Final = np.linspace(1, 2, 51)
_SHARE: Final = 0.5  # of the way to the best agreement: errors grow with what is said


def gains(ratings: Sequence[Floats], truth: Floats) -> dict[str, float]:
    """By how much of each unit more should be said, at least 1, of several ratings (N, 41) of the
    values (N, 41): half the way to the highest ICC(3,1), where what is said varies as what is."""
    out = {}
    for name in UNITS:
        column, unit = networks.VALUES.index(name), parameters.PARAMETERS[parameters.INDEX[name]]
        true, found = truth[:, column], [r[:, column] - unit.neutral for r in ratings]
        agreement = [
            sum(
                icc31(np.stack([np.clip(unit.neutral + gain * f, unit.low, unit.high), true], 1))
                for f in found
            )
            for gain in _GAINS
        ]
        out[name] = round(float(_GAINS[np.argmax(agreement)] ** _SHARE), 3)
    return out


def louder(network: networks.Estimator, by: dict[str, float]) -> None:
    """Makes it say so much more of each unit, by the weights of its last layers."""
    factor = torch.ones(len(networks.VALUES))
    factor[[networks.VALUES.index(name) for name in by]] = Tensor(list(by.values()))
    for reader in (network.by_shape, *(sight.read for sight in network.by_sight)):
        last = reader[-1]
        last.weight.data *= factor[:, None]
        last.bias.data *= factor


def calibrate(
    folders: Sequence[Path], device: str = "auto", weights: Path = models.WEIGHTS
) -> dict[str, float]:
    """Changes ``estimator.onnx`` of a folder of networks by the people of pairs folders that it was
    never taught, and notes their seeds in the manifest: 'mien evaluate' leaves them out from then
    on.  Returns the :func:`gains`.

    UserError where all people were taught, or none is shown at rest.
    """
    pairs, nets = load_pairs(*folders), models.load(device, weights)
    held = pairs.acting(np.array(held_out(pairs, weights, calibrating=True))).tolist()
    if not held:
        raise UserError(
            "These pairs show nobody's face at rest: calibrate by 'wild' ones, "
            "as 'mien render-pairs' renders them."
        )
    seen, _ = see(pairs, held, nets)
    estimator = Estimator(nets.estimator, nets.values)
    ratings = [said(pairs, held, seen, estimator, given) for given in (True, False)]
    by = gains(ratings, pairs.values[held])
    network = networks.Estimator()
    taught = give_weights("estimator", network, weights)
    louder(network, by)
    heard = {
        "minutes": taught["minutes"],
        "seeds": np.unique(pairs.seed[held]).tolist(),
        "people": len(np.unique(pairs.person[held])),
        "gains": by,
    }
    taught = {**taught, "calibrated": [*taught.get("calibrated", []), heard]}
    scores = models.read_manifest(weights)["estimator.onnx"]["scores"]
    export("estimator", network, {"training": taught, "scores": scores}, weights)
    write_card(weights)
    return by
