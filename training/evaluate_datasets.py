"""Capture on the data sets that the paper tests on: `mien evaluate disfa|bp4d DIR`.

Clips of the paper's test subjects go through capture as any footage does; what it says is compared
with the coders, frame by frame, on the scale of 0-5.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from mien.core import models
from mien.core.bar import Bar
from mien.core.capture import capture
from mien.core.errors import UserError
from mien.core.parameters import FACS_SCALE
from mien.training.datasets import Array, Clip, read_dataset
from mien.training.metrics import icc31
from mien.training.tables import Table, table_1, table_2

TESTED: Final = ("disfa", "bp4d")


def evaluate_dataset(name: str, folder: Path, device: str) -> dict[str, Any]:
    """ICC(3,1) and MAE of every coded AU over all coded frames of the test subjects in which
    capture sees a face, and how many frames these are.  Of a clip that cannot be captured it says
    why, and counts its frames as ones without a face."""
    clips = read_dataset(name, folder, tests=True)
    if not clips:
        raise UserError(f"{folder} holds none of the subjects that are tested on: unpack them all.")
    models.load(device)  # what is wrong with it is no clip's fault
    said, coded = defaultdict(list), defaultdict(list)
    frames = faceless = 0
    for i, clip in enumerate(clips, 1):
        print(f"{clip.name} ({i} of {len(clips)})", file=sys.stderr)
        try:
            found, unseen = _said(clip, device)
        except UserError as error:
            print(f"{clip.name} is left out: {error}", file=sys.stderr)
            found, unseen = {}, len(clip.frames)
        frames, faceless = frames + len(clip.frames), faceless + unseen
        for au, (heard, truth) in found.items():
            said[au].append(heard)
            coded[au].append(truth)
    pairs = {au: np.stack([np.concatenate(coded[au]), np.concatenate(said[au])], 1) for au in said}
    empty = [au for au in clips[0].intensities if len(pairs.get(au, ())) < 2]
    if empty:
        raise UserError(f"Capture sees no coded face for {empty[0]}: are the clips whole?")
    return {
        "frames": frames,
        "frames without a face": faceless,
        "subjects": len({clip.subject for clip in clips}),
        "ICC": {au: icc31(ratings) for au, ratings in pairs.items()},
        "MAE": {au: float(np.abs(np.diff(ratings)).mean()) for au, ratings in pairs.items()},
    }


def _said(clip: Clip, device: str) -> tuple[dict[str, tuple[Array, Array]], int]:
    """AU -> (what capture says, what the coders say), where both do; coded frames without a
    face."""
    with Bar() as bar:
        take = capture(clip.footage, device=device, progress=bar.show)[0]
    inside = np.isin(clip.frames, take.frames)  # some of a video may be damaged
    rows = np.searchsorted(take.frames, clip.frames[inside])
    seen = take.success[rows]
    out = {}
    for au, intensity in clip.intensities.items():
        truth = intensity[inside]
        both = seen & ~np.isnan(truth)
        out[au] = FACS_SCALE * take.signals[au][rows][both], truth[both]
    return out, len(clip.frames) - int(seen.sum())


def dataset_tables(name: str, scores: dict[str, Any]) -> dict[str, Table]:
    """Table 1, and on DISFA Table 2."""
    out = {f"table1_{name}": table_1(name, scores)}
    return {**out, "table2_disfa": table_2(scores)} if name == "disfa" else out
