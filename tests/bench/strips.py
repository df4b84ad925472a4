"""What capture says of held-out rendered people, drawn again:

    python tests/bench/strips.py OUT.png PAIRS... [--generator generator.pt]

Column by column a picture as it is seen; Blender with the true parameters, on one plain stage;
Blender with what the shipped networks say, beside the same person's face at rest; and, where a
taught G is named, G with the same.  Who it is is estimated from all pictures of the person.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mien.blender_addon.render_picture import PairRenderer, quiet
from mien.blender_addon.render_scene import Camera, Shot
from mien.blender_addon.render_teeth import LowerTeeth
from mien.core import alignment, identity, models, parameters
from mien.core.estimator import Estimator
from mien.core.face_model import head_rotation
from mien.training import augment
from mien.training.checkpoint import read_network, write_picture
from mien.training.data import load_pairs, premultiplied
from mien.training.evaluate import held_out, see
from mien.training.generator import Generator
from mien.training.task_generator import aligned_face

COUNT, SIZE = 10, 256

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]


class Stage:
    """Blender's studio: one light, nothing worn."""

    def __init__(self) -> None:
        self._renderer = PairRenderer(0, "studio", SIZE, "cycles")
        self._teeth = LowerTeeth(self._renderer.model)

    def draw(self, y: Array) -> Pixels:
        """(SIZE, SIZE, 3) aligned, of parameters (285,)."""
        model, signals = self._renderer.model, parameters.signals(y)
        person = model.person(y[parameters.IDENTITY])
        turn = head_rotation(float(signals["head.yaw"]), float(signals["head.pitch"]))
        vertices = model.pose(person, model.slider_values(y), turn)
        self._teeth.seat(vertices, turn)
        self._renderer.scene.set_face(person, vertices)
        shot = Shot(Camera((0.0, 0.715, 1.3), 5.0), seed=0)
        with tempfile.TemporaryDirectory() as folder, quiet():
            path = Path(folder) / "face.png"
            self._renderer.scene.render(shot, str(path))
            image = premultiplied(np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8))
        pixels = shot.camera.project(model.landmarks(vertices, person), SIZE) - 0.5
        return aligned_face(image, pixels.astype(np.float32), SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--generator", type=Path)
    args = parser.parse_args()
    pairs, nets, stage = load_pairs(*args.pairs, vectors=True), models.load("cpu"), Stage()
    assert pairs.vectors is not None
    held = pairs.acting(np.array(held_out(pairs)))
    chosen = held[np.linspace(0, len(held) - 1, COUNT).astype(int)]
    everything = [np.flatnonzero(pairs.person == pairs.person[i]) for i in chosen]
    seen = see(pairs, np.concatenate(everything).tolist(), nets).samples
    estimator, columns = Estimator(nets.estimator, nets.values), []
    for i, views in zip(chosen.tolist(), everything, strict=True):
        rest = seen[int(pairs.neutral[i])]
        vectors = {k: estimator.seen([seen[k]], rest)[0] for k in views.tolist()}
        points = np.stack([seen[k].points for k in vectors])
        said = vectors[i].copy()
        said[parameters.IDENTITY] = identity.estimate(points, np.stack([*vectors.values()]))
        matrix = alignment.aligned_matrix(pairs.landmarks[i], SIZE)
        behind = augment.background(np.random.default_rng([11, i]), SIZE)
        true = pairs.vectors[i].astype(float)
        column = [
            augment.paste(pairs.images[i], matrix, behind),
            stage.draw(true),
            stage.draw(said),
        ]
        if args.generator:
            g = read_network(args.generator, Generator)
            y = torch.from_numpy(said[: parameters.size(str(g.config["layout"]))]).float()[None]
            with torch.no_grad():
                drawn = (g(y)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
            column.append(np.asarray(cv2.resize(drawn, (SIZE, SIZE)), np.uint8))
        columns.append(np.vstack(column))
    write_picture(args.out, np.hstack(columns))


if __name__ == "__main__":
    main()
