"""What each part of capture adds: python tests/bench/additions.py PAIRS [--media FOLDER]

From the landmarks of the first look alone to all that capture does, with the networks that ship: on
held-out people of pairs folders, and on the marks of real clips (see real_clips.py).  Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from real_clips import frames, roc_area

from mien.core import alignment, models
from mien.core.capture import capture
from mien.core.estimator import Sample, sample
from mien.core.frames import open_footage
from mien.core.landmarks import Seen, look, look_closer
from mien.core.take import Take
from mien.core.tracking import Tracker
from mien.training import augment, networks, shipped
from mien.training.data import Floats, load_pairs, mirror_values
from mien.training.evaluate import held_out, scene
from mien.training.metrics import estimator_scores

PARTS: Final = (
    "landmarks of the first look", "the closer look's", "features", "the mirror image",
    "the face at rest",
)  # fmt: skip


@dataclass(frozen=True)
class Looks:
    """At one face: the first look's aligned landmarks (68, 2), and all that capture sees."""

    first: NDArray[np.float32]
    whole: Sample


def _looks(first: Seen, face: Seen) -> Looks:
    return Looks(
        sample(first.points, first.features)[0].points, sample(face.points, face.features)[0]
    )


def said(
    network: networks.Estimator, faces: list[Looks], rest: list[Looks] | None, parts: int
) -> Floats:
    """Values (N, 41) by the first so many of ``PARTS``, of which the last needs the faces at
    rest."""
    given = rest if parts == len(PARTS) and rest else None
    sights = faces, given or faces
    both = [np.stack([f.first if parts == 1 else f.whole.points for f in of]) for of in sights]
    known = torch.full((len(faces), 1), float(given is not None))
    out = []
    for turn in (0, 1)[: 1 + (parts > 3)]:
        points, neutral = (
            torch.from_numpy(alignment.mirror_points(p, 1) if turn else p) for p in both
        )
        if parts < 3:
            values = network.from_points(points, neutral, known)
        else:
            features, calm = (
                torch.from_numpy(np.stack([f.whole.features[turn] for f in of])) for of in sights
            )
            values = network(points, features, neutral, calm, known)
        out.append(values.numpy())
    return np.mean([out[0], *(mirror_values(v) for v in out[1:])], axis=0)


def of_pairs(folders: list[Path]) -> tuple[list[Looks], list[Looks], Floats]:
    """Held-out faces, their people's neutral ones, and the true values."""
    pairs, nets = load_pairs(*folders), models.load("cpu")
    held = pairs.acting(np.array(held_out(pairs, models.WEIGHTS))).tolist()

    def seen(i: int) -> Looks:
        image, rng = scene(pairs, i, 11), np.random.default_rng(i)
        first = look(nets, image, [augment.loosened(rng, alignment.face_box(pairs.landmarks[i]))])
        return _looks(*first, *look_closer(nets, image, first, mirror=True))

    looks = {i: seen(i) for i in sorted({*held, *(int(pairs.neutral[i]) for i in held)})}
    rest = [looks[int(pairs.neutral[i])] for i in held]
    return [looks[i] for i in held], rest, pairs.values[held]


def of_clip(clip: Path) -> tuple[Take, list[Looks]]:
    """What capture makes of it, and the looks at each frame that shows a face."""
    (take,) = capture(clip, device="cpu")
    tracker, looks = Tracker(models.load("cpu"), 1), []
    for frame in open_footage(clip).frames:
        afar = tracker.follow(frame.image)
        looks += map(_looks, afar, tracker.refine(frame.image, afar, mirror=True))
    return take, looks


def areas(network: networks.Estimator, media: Path) -> Iterator[list[float]]:
    """Under the ROC curve of every mark, by the first 1, 2, ... of ``PARTS``."""
    for name, marks in tomllib.loads((media / "events.toml").read_text("utf-8")).items():
        wanted = {au: mark for au, mark in marks.items() if au in networks.VALUES}
        for clip in sorted(media.glob(f"{name}.*")) if wanted else ():
            take, faces = of_clip(clip)
            calm = take.neutral and [Looks(take.neutral.points, take.neutral)] * len(faces)
            told = [said(network, faces, calm, parts + 1) for parts in range(len(PARTS))]
            for au, mark in wanted.items():
                spans = [frames(take, mark[key])[take.success] for key in ("on", "off")]
                if all(span.any() for span in spans):
                    column = networks.VALUES.index(au)
                    yield [roc_area(*(v[span, column] for span in spans)) for v in told]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--media", type=Path, help="folder of clips and events.toml")
    args = parser.parse_args()
    network = networks.Estimator()
    shipped.give_weights("estimator", network)
    network.eval().requires_grad_(False)
    faces, rest, truth = of_pairs(args.pairs)
    marks = np.array(list(areas(network, args.media))) if args.media else None
    print(f"{len(faces)} faces" + ("" if marks is None else f", {len(marks)} marks"))
    print("| what is read | ICC(3,1) | MAE, 0-5 | pose | side kept | ROC: median, least |")
    print("|---|---|---|---|---|---|")
    for parts, what in enumerate(PARTS, 1):
        scores = estimator_scores(said(network, faces, rest, parts), truth)
        icc, mae, pose, side = list(scores.values())[:4]
        row = [f"{icc:.3f}", f"{mae:.3f}", f"{pose:.2f}", f"{side:.3f}", ""]
        if marks is not None:
            row[-1] = f"{np.median(marks[:, parts - 1]):.3f}, {marks[:, parts - 1].min():.2f}"
        print(f"| {'+ ' if parts > 1 else ''}{what} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
