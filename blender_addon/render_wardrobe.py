# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person wears in `wild` pictures, put on a posed face."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core import parameters
from mien.core.face_model import FaceModel, Person

from . import render_props
from .face_materials import Colour
from .render_clothes import Garment, Headgear, dye
from .render_hair import Locks
from .render_head import Skull
from .render_people import Someone
from .render_props import Tubes

Array = NDArray[Any]


class Wardrobe:
    """Objects of the scene that are put on and taken off."""

    def __init__(self, scene: Any, model: FaceModel) -> None:
        self.model = model
        self._skull = Skull(model)
        base = model.person(parameters.neutral()[parameters.IDENTITY])
        self._base = self._skull.outline(base, over_ears=False)
        self._locks = Locks(scene)
        self._grown: tuple[int, Array | None] = (-1, None)  # an identity's hair at rest
        self._garment = Garment(scene, model)
        self._hat = Headgear(scene)
        self._glasses, self._earrings, self._necklace = (
            Tubes(scene, name) for name in ("glasses", "earrings", "necklace")
        )
        self._held = Tubes(scene, "held", fused=True)
        ears = np.where(model.data["ears"] > 0.4, model.data["base"][:, 1], np.inf)
        left = model.data["base"][:, 0] > 0
        self._lobes = [int(np.where(side, ears, np.inf).argmin()) for side in (left, ~left)]

    def dress(
        self, someone: Someone, person: Person, vertices: Array, turn: Array, identity: int
    ) -> None:
        """Hair, headgear, jewellery and what covers the shoulders, over posed vertices."""
        hair, clothes = someone.hair, someone.clothes
        body = self._garment.wear(clothes, person)
        over_ears = hair.style_of.over_ears or clothes.hat in ("beanie", "headscarf")
        outline = self._skull.outline(person, over_ears)
        self._hat.object.hide_render = not clothes.hat
        below = np.inf
        if clothes.hat:
            points = self._hat.shape(clothes, outline)
            self._hat.wear(self._skull.follow(points, person, vertices, turn))
            below = 0.0 if clothes.hat == "headscarf" else 0.772
        if self._grown[0] != identity:  # once for all pictures of a person
            ribbons = self._locks.grow(hair, self._base, outline.narrowed(0.118), below)
            self._grown = identity, ribbons
        ribbons = self._grown[1]
        self._locks.object.hide_render = ribbons is None
        if ribbons is not None:
            posed = self._skull.follow(ribbons, person, vertices, turn)
            centre = self._skull.follow(outline.centre, person, vertices, turn)
            self._locks.wear(posed, centre, hair)
        rng = np.random.default_rng([identity, clothes.seed])
        shade = rng.uniform(0.01, 0.1) if rng.random() < 0.7 else rng.uniform(0.2, 0.7)
        frames = (shade, shade * 0.9, shade * 0.8)
        landmarks = self.model.landmarks(vertices, person)
        self._glasses.show(
            render_props.glasses(rng, landmarks, turn) if someone.glasses else [],
            frames, float(rng.random() < 0.4),
        )  # fmt: skip
        lobes = vertices[self._lobes]
        self._earrings.show(
            render_props.earrings(rng, lobes, turn) if someone.earrings else [],
            render_props.metal(rng), 1.0,
        )  # fmt: skip
        chain = [(body, np.full(len(body), rng.uniform(0.0012, 0.0035)), True)]
        self._necklace.show(chain if someone.necklace else [], render_props.metal(rng), 1.0)

    def hold(self, rng: np.random.Generator, kind: str, landmarks: Array, skin: Colour) -> None:
        """Holds one of `render_props.HELD` before the face; "" for nothing."""
        strokes = render_props.held(rng, kind, landmarks) if kind else []
        bare = kind == "hand"
        self._held.show(strokes, skin if bare else dye(rng), 0.0, 0.5, bare)
