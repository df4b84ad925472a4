"""What a rig mapping is: frozen data, read from TOML by ``mien.rig_mappings``."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["shape_key", "bone", "property"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing that moves: value = clip(offset + gain * sum(weight * signal), low, high).

    AU signals count 0..1, angles in degrees.  A bone has a property ("location", "scale",
    "rotation_euler" or "rotation_quaternion") and an axis 0..2; the value of a rotation is in
    degrees, and quaternion channels of one bone are the parts of one rotation vector.  The other
    kinds have "value" and no axis.  A channel without signals is a target that the convention
    has and that nothing measured moves.
    """

    kind: Kind
    target: str
    signals: Dict[str, float]
    property: str = "value"
    axis: int = -1
    gain: float = 1.0
    offset: float = 0.0
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class HeadTarget:
    """Bones that carry the head's rotation: the first candidate a rig has; neck_share 0..1."""

    bone: tuple[str, ...]
    neck: tuple[str, ...] = ()
    neck_share: float = 0.5


@dataclass(frozen=True, slots=True)
class Mapping:
    """A rig convention: which signals move what, and by which names it is recognised."""

    name: str
    title: str
    source: str
    requires: tuple[str, ...]
    channels: tuple[Channel, ...]
    head: HeadTarget | None = None


@dataclass(frozen=True, slots=True)
class RigNames:
    """What a character offers.

    bone_axes: bone name -> (3, 3) rest rotation in armature space (Blender's
    ``bone.matrix_local.to_3x3()``).  A bone that is missing there counts as x to the subject's
    left, y up, z forward.
    """

    shape_keys: tuple[str, ...] = ()
    bones: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    bone_axes: Dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def of(self, kind: Kind) -> tuple[str, ...]:
        """The names of one kind of target."""
        return {"shape_key": self.shape_keys, "bone": self.bones, "property": self.properties}[kind]
