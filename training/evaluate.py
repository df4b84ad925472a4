"""The shipped networks on held-out people of pairs folders: `mien evaluate pairs DIR`.

The whole way of capture is run: landmarks from a loosely placed box, alignment by these landmarks,
estimation beside the neutral face of the same person.  AU 25 is judged as the face model has it, as
what the lips part beyond what the jaw parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mien.core import alignment, models
from mien.core.bar import Bar
from mien.core.errors import UserError
from mien.core.estimator import Estimator, Sample, sample
from mien.core.face_model import head_rotation
from mien.core.head_pose import head_angles, with_head_pose
from mien.core.landmarks import Seen, look, look_closer
from mien.core.parameters import AUS, angle
from mien.training import augment
from mien.training.checkpoint import write_picture
from mien.training.data import Floats, Pairs, Pixels, load_pairs
from mien.training.metrics import Scores, estimator_scores, landmark_error
from mien.training.networks import COLUMNS, VALUES
from mien.training.plots import scatters

Array = NDArray[np.float64]

JUDGED: Final = ("landmarks", "refiner", "estimator")  # the networks that see a face in its box


def scene(pairs: Pairs, i: int, seed: int) -> Pixels:
    """The sample over a background of its own."""
    image = pairs.images[i]
    behind = augment.background(np.random.default_rng([seed, i]), image.shape[1])
    return augment.paste(image, np.eye(2, 3), behind)


def find(nets: models.Models, image: Pixels, truth: Floats, rng: Generator) -> Seen:
    """The face in a box beside that of the true landmarks (68, 2), as tracking would."""
    box = augment.loosened(rng, alignment.face_box(truth))
    return look_closer(nets, image, look(nets, image, [box]), mirror=True)[0]


class Sight(NamedTuple):
    """What is seen of some samples and of their people's neutral ones."""

    samples: dict[int, Sample]  # what the estimator sees, by index
    rolls: dict[int, float]  # degrees by which the aligned crop is rolled, by index
    errors: Array  # (N,) of the landmarks of all of them, %


def see(pairs: Pairs, indices: Sequence[int], nets: models.Models) -> Sight:
    """Looks at these samples and at their people's neutral ones.  Shows how far it is."""
    seen: dict[int, Sample] = {}
    rolls: dict[int, float] = {}
    errors = []
    wanted = sorted({*indices, *(int(n) for n in pairs.neutral[list(indices)] if n >= 0)})
    with Bar() as bar:
        for i in bar.over(wanted, len(wanted), nets.provider, nets.note):
            image, truth = scene(pairs, i, 11), pairs.landmarks[i]
            face = find(nets, image, truth, np.random.default_rng(i))
            errors.append(landmark_error(face.points[None], truth[None])[0])
            seen[i], rolls[i] = sample(face.points, face.features)
    return Sight(seen, rolls, np.array(errors))


def held_out(
    pairs: Pairs,
    weights: Path | None = None,
    calibrating: bool = False,
    judged: Sequence[str] = JUDGED,
) -> list[int]:
    """Indices of the samples of people that training never sees: identities that end in 9 and, with
    a folder of networks, all of the seeds that none of the ``judged`` was taught; without those of
    the seeds by which they were calibrated, but for doing so.

    UserError where there are none.
    """
    held = set(pairs.split()[1].tolist())
    if weights:
        manifest = models.read_manifest(weights)
        about = [manifest[f"{name}.onnx"]["training"] for name in judged]
        taught = {seed for a in about for seed in a["seeds"]}
        held |= set(np.flatnonzero(~np.isin(pairs.seed, list(taught))).tolist())
        heard = {seed for a in about for c in a.get("calibrated", []) for seed in c["seeds"]}
        if held and not calibrating:
            held -= set(np.flatnonzero(np.isin(pairs.seed, list(heard))).tolist())
            if not held:
                raise UserError(
                    "The networks were calibrated by the people of these pairs: "
                    "evaluate them on pairs of another seed."
                )
    if not held:
        raise UserError("No identity in these pairs ends in 9: render at least 10 people.")
    return sorted(held)


def said(
    pairs: Pairs,
    indices: Sequence[int],
    seen: dict[int, Sample],
    estimator: Estimator,
    neutral: bool,
) -> Array:
    """(N, 41) what is said of samples that were seen, beside their people's neutral ones or not."""
    found = []
    for i in indices:
        rest = seen.get(int(pairs.neutral[i])) if neutral else None
        found.append(estimator.seen([seen[i]], rest)[0][COLUMNS])
    return np.array(found)


def roll_error(found: Array, crops: Array, true: Array, rolls: Floats) -> float:
    """The mean error of head.roll in degrees, as capture makes it of what is said (N, 41) and the
    rolls (N,) of the aligned crops; of true values (N, 41) and rolls (N,) in the picture."""
    (yaw, pitch), there = (
        [angle(name, v[:, VALUES.index(name)]) for name in ("head.yaw", "head.pitch")]
        for v in (found, true)
    )
    said = with_head_pose({"head.yaw": yaw, "head.pitch": pitch}, crops)["head.roll"]
    return float(np.abs(said - head_angles(head_rotation(*there, rolls))["head.roll"]).mean())


def evaluate_pairs(
    folders: Sequence[Path],
    device: str = "auto",
    weights: Path = models.WEIGHTS,
    plots: Path | None = None,
) -> Scores:
    """Scores on the people of pairs folders that training never saw, see :func:`held_out`; of what
    they do, not of their faces at rest, where they are shown at rest.

    Into a folder ``plots`` go pictures of what is said of each AU against what is true.
    """
    pairs = load_pairs(*folders)
    held = held_out(pairs, weights)
    nets = models.load(device, weights)
    estimator = Estimator(nets.estimator, nets.values)
    seen = see(pairs, held, nets)
    acting = [i for i in held if pairs.neutral[i] != i]
    out: Scores = {
        "samples": len(acting),
        "people": len(np.unique(pairs.person[held])),
        "provider": nets.provider,
        "landmarks: mean error, % of the eye corners' distance": float(seen.errors.mean()),
        "landmarks: faces within 8 %": float((seen.errors < 8).mean()),
    }
    for label, given in (("with neutral", True), ("without neutral", False)):
        found = said(pairs, acting, seen.samples, estimator, given)
        true = pairs.values[acting].astype(float)
        out[label] = estimator_scores(found, true)
        rolls = np.array([seen.rolls[i] for i in acting])
        out[label]["degrees"]["head.roll"] = roll_error(found, rolls, true, pairs.roll[acting])
        if plots is not None:
            units = slice(len(AUS))
            picture = scatters(found[:, units], true[:, units])
            write_picture(plots / f"{label.replace(' ', '_')}.png", picture)
    return out
