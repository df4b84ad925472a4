"""Pictures of the face model for docs/: AUs at none, half and full; people; brow styles."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.blender_addon.render_picture import quiet
from mien.blender_addon.render_scene import Camera, FaceScene, Shot
from mien.core import parameters

Array = NDArray[Any]
SIZE = 176
BEHIND = (150, 145, 140)  # BGR


class Studio:
    """Renders labelled tiles."""

    def __init__(self) -> None:
        self.scene = FaceScene(SIZE, samples=8)
        self.model = self.scene.model
        self.picture = Path(tempfile.mkdtemp()) / "tile.png"

    def tile(self, label: str, identity: Array, sliders: dict[str, float], focal: float) -> Array:
        person = self.model.person(identity)
        with quiet():
            self.scene.set_face(person, self.model.pose(person, sliders))
            self.scene.render(Shot(Camera((0.0, 0.715, 1.3), focal)), str(self.picture))
        image = cv2.imread(str(self.picture), cv2.IMREAD_UNCHANGED).astype(float)
        alpha = image[..., 3:] / 255
        out = (image[..., :3] * alpha + np.array(BEHIND) * (1 - alpha)).astype(np.uint8)
        cv2.putText(out, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1)
        return out


def grid(tiles: list[Array], columns: int, behind: tuple[int, int, int] = BEHIND) -> Array:
    """Equal tiles in rows, the last one filled up."""
    tiles = tiles + [np.full_like(tiles[0], behind)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    out.mkdir(parents=True, exist_ok=True)
    studio = Studio()

    def mean(style: int) -> Array:
        return np.r_[np.full(208, 0.5), np.eye(parameters.BROW_STYLES)[style]]

    tiles = []
    for au in parameters.AUS:
        names = [f"{au}.L", f"{au}.R"] if au in parameters.SIDED_AUS else [au]
        for amount, label in ((0.0, "0"), (0.5, "half"), (1.0, "full")):
            values = dict.fromkeys(names, amount)
            tiles.append(studio.tile(f"{au} {label}", mean(9), values, 5.2))
    cv2.imwrite(str(out / "action_units.png"), grid(tiles, 9))
    rng = np.random.default_rng(1)
    people = [studio.tile("", studio.model.sample_identity(rng), {}, 5.0) for _ in range(12)]
    cv2.imwrite(str(out / "people.png"), grid(people, 6))
    brows = [studio.tile(str(i), mean(i), {}, 8.5)[: SIZE * 2 // 3] for i in range(36)]
    cv2.imwrite(str(out / "brows.png"), grid(brows, 9))
    os._exit(0)  # Blender as a module may hang when the interpreter shuts down


if __name__ == "__main__":
    main()
