"""One action unit at a time: does its region of the face move in step with it, and nothing else?

    python tests/bench/regions.py [PRESET ...]

On both of Rigify's faces and an ARKit mesh (``rigs.py`` says how they are made), every unit goes up
by quarters.  A vertex of the face belongs to the region of the face bone that moves it most on the
Mien face; the displacement of a region is the root of its vertices' mean square.  Prints for each
unit the correlation with the displacement of its region, and the displacement of the rest of the
face as a part of that; exits 1 where they are not above .95 and below a tenth.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rigs import Shown, show, somebody

from mien import rig_mappings
from mien.core.face_model import SLIDERS, FaceModel, Person

Array = NDArray[Any]

RIGS = ("rigify_face", "rigify_skin_face", "arkit")
LEVELS = (0.25, 0.5, 0.75, 1.0)
LEAST, MOST = 0.95, 0.1
# Where a unit may be seen: beginnings of the names of the Mien face's bones.
_EYE = "lid brow cheek.T temple"
_MOUTH = "lip chin cheek nose jaw tongue teeth"
SEEN = {
    "AU01": "brow forehead lid.T", "AU02": "brow forehead lid.T temple",
    "AU04": "brow forehead lid nose", "AU05": "lid brow.B", "AU06": f"{_EYE} {_MOUTH}",
    "AU07": f"{_EYE} cheek", "AU09": f"{_EYE} {_MOUTH} forehead", "AU43": "lid brow.B cheek.T",
    "AD34": f"{_MOUTH} lid.B",
}  # fmt: skip


class Figures(NamedTuple):
    """Of one unit: correlation and the share of the displacement that is elsewhere."""

    unit: str
    correlation: float
    elsewhere: float

    @property
    def good(self) -> bool:
        return self.correlation >= LEAST and self.elsewhere < MOST


def units(preset: str) -> list[str]:
    """The units that a preset shows, the left ones of pairs; parted lips need an open jaw."""
    shown = rig_mappings.load(preset).signals()
    return [name for name in SLIDERS if name in shown and not name.endswith(".R")]


def poses(preset: str) -> list[dict[str, float]]:
    """A face at rest, then every unit at every level."""
    return [{}, *({unit: level} for unit in units(preset) for level in LEVELS)]


def figures(shown: Shown, model: FaceModel, person: Person) -> list[Figures]:
    """Of every unit that the preset shows."""
    weights = model.weights(person.brow_style).copy()
    trunk = [model.bones.index(bone) for bone in ("root", "neck", "head")]
    face = weights[:, trunk].sum(axis=1) < 0.9  # the rest is scalp, nape and shoulders
    weights[:, trunk] = 0
    bone_of = np.array(model.bones)[weights.argmax(axis=1)]
    face &= ~np.char.startswith(bone_of, "eye.")
    face[: model.vertex_count] &= model.data["lining"] == 0  # of mouth and sockets, never seen
    moved = np.linalg.norm(np.array(shown.poses) - shown.poses[0], axis=2)
    out = []
    for i, unit in enumerate(units(shown.name)):
        regions = SEEN.get(unit.split(".")[0], _MOUTH).split()
        own = np.array([bone.startswith(tuple(regions)) for bone in bone_of])
        steps = moved[1 + i * len(LEVELS) :][: len(LEVELS)]
        here = [0.0, *(rms(step[own & face]) for step in steps)]
        there = rms(steps[-1][~own & face])
        correlation = float(np.corrcoef([0, *LEVELS], here)[0, 1])
        out.append(Figures(unit, correlation, there / here[-1]))
    return out


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def main(presets: list[str]) -> int:
    model = FaceModel()
    person = somebody(model)
    rows: dict[str, dict[str, Figures]] = {}
    for preset in presets:
        for found in figures(show(preset, model, person, poses(preset)), model, person):
            rows.setdefault(found.unit, {})[preset] = found
    print("| unit | " + " | ".join(f"{p}: r | elsewhere" for p in presets) + " |")
    print("|---" * (1 + 2 * len(presets)) + "|")
    for unit, by_preset in rows.items():
        cells = (by_preset.get(preset) for preset in presets)
        texts = (f"{c.correlation:.3f} | {c.elsewhere:.1%}" if c else "- | -" for c in cells)
        print(f"| {unit} | {' | '.join(texts)} |")
    bad = [f"{p} {f.unit}" for r in rows.values() for p, f in r.items() if not f.good]
    print(f"Not as they should be: {', '.join(bad) or 'none'}")
    return int(bool(bad))


if __name__ == "__main__":
    status = main(sys.argv[1:] or list(RIGS))
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
