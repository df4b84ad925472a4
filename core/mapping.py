"""What a rig mapping is: frozen data, read from TOML by ``mien.rig_mappings``."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .parameters import AU_SIGNALS, SIDED_AUS

Kind = Literal["shape_key", "bone", "property"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing that moves: value = clip(offset + gain * sum(weight * signal), low, high).

    AU signals count 0..1, angles in degrees.  A shape key may as well be the custom property of
    that name, which drives it.  A bone has a property ("location", "scale", "rotation_euler" or
    "rotation_quaternion") and an axis 0..2; the value of a rotation is in degrees, and quaternion
    channels of one bone are the parts of one rotation vector.  The other kinds have "value" and
    no axis.  A channel without signals is a target that the convention has and that nothing
    measured moves.

    aliases: names that some rigs have instead of the target.
    character: the axis is the character's (x to the subject's left, y up, z forward) and not the
    bone's own; for locations and quaternions.
    unit: two bones; a location counts in the distance between them, which makes it fit faces of
    all sizes, and not in the rig's own units.
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
    aliases: tuple[str, ...] = ()
    character: bool = False
    unit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadTarget:
    """Bones that carry the head's rotation: the first candidate a rig has; neck_share 0..1.

    inherits: the head turns along with the neck; a head that does not gets the whole rotation.
    """

    bone: tuple[str, ...]
    neck: tuple[str, ...] = ()
    neck_share: float = 0.5
    inherits: bool = True


@dataclass(frozen=True, slots=True)
class GazeTarget:
    """A bone that the eyes look at, and a bone in one eye, from which the way to it is measured."""

    bone: str
    eye: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A rig convention: which signals move what, and by which names it is recognised."""

    name: str
    title: str
    source: str
    requires: tuple[str, ...]
    channels: tuple[Channel, ...]
    head: HeadTarget | None = None
    gaze: GazeTarget | None = None

    def targets(self) -> dict[str, tuple[str, ...]]:
        """Every target once, with all the names that it may have, its own the first."""
        out = {c.target: (c.target, *c.aliases) for c in self.channels}
        return out | ({self.gaze.bone: (self.gaze.bone,)} if self.gaze else {})

    def signals(self) -> set[str]:
        """The signals that the convention can show."""
        shown = {name for c in self.channels for name, weight in c.signals.items() if weight}
        shown |= {"head.yaw", "head.pitch", "head.roll"} if self.head else set()
        return shown | ({"gaze.yaw", "gaze.pitch"} if self.gaze else set())

    def not_shown(self) -> list[str]:
        """The action units for which the convention has nothing; a paired one counts as shown
        where either side is."""
        shown = self.signals()
        pairs = {au: {au, f"{au}.L", f"{au}.R"} for au in SIDED_AUS}
        singles = {au: {au} for au in AU_SIGNALS if au.split(".")[0] not in SIDED_AUS}
        return sorted(au for au, ways in (pairs | singles).items() if not ways & shown)


@dataclass(frozen=True, slots=True)
class RigNames:
    """What a character offers.

    bone_axes: bone name -> (3, 3) rest rotation in armature space (Blender's
    ``bone.matrix_local.to_3x3()``).  A bone that is missing there counts as x to the subject's
    left, y up, z forward.
    location_axes: the same for bones whose location goes along other axes than their rotation
    (Blender's "Local Location" switched off).
    bone_heads: bone name -> (3,) where the bone begins at rest, in armature space.
    """

    shape_keys: tuple[str, ...] = ()
    bones: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    bone_axes: Dict[str, NDArray[np.float64]] = field(default_factory=dict)
    location_axes: Dict[str, NDArray[np.float64]] = field(default_factory=dict)
    bone_heads: Dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def of(self, kind: Kind) -> tuple[str, ...]:
        """The names of one kind of target."""
        return {"shape_key": self.shape_keys, "bone": self.bones, "property": self.properties}[kind]
