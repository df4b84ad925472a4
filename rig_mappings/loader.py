"""Mappings from TOML: every mistake is answered with one sentence and the nearest valid name.

A mapping of one's own, with each kind of target::

    title = "My rig"
    requires = ["jaw_ctrl"]                          # names by which `detect` recognises the rig
    unit = ["eye_L", "eye_R"]                        # locations count in the distance of two bones
    channels = [
      { shape_key = "smile_L", signals = { AU12.L = 1.0, AU06.L = 0.2 }, gain = 1.1, high = 0.9 },
      { bone = "jaw_ctrl", property = "rotation_euler", axis = "x", signals = { AU26 = 25.0 } },
      { bone = ["brow_L", "Brow.L"], property = "location", axis = "up", signals = { AU01 = 0.1 } },
      { property = "squint", signals = { AU07 = 1.0 }, offset = 0.1, low = 0.0, high = 1.0 },
    ]
    head = { bone = "head", neck = "neck", neck_share = 0.5 }
    gaze = { bone = "look_at", eye = "eye_L" }       # eyes that look at a bone

A list of names stands for the first of them that a rig has.  The axes x, y and z are the bone's
own; left, up and forward are the character's, whatever way the bone lies.  What the numbers mean
is said in ``mien.core.mapping.Channel``.

A mapping for a rig that calls the targets of another mapping something else::

    extends = "arkit"                                # its channels, head and gaze ...
    names = { jawOpen = "Mouth_Open", cheekPuff = ["Puff_L", "Puff_R"], tongueOut = [] }

... of which the named ones are called otherwise here, one or several, or do not exist.  Channels
of one's own come on top, and take the place of inherited ones that move the same target.
"""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from mien.core.errors import UserError
from mien.core.mapping import Channel, GazeTarget, HeadTarget, Kind, Mapping
from mien.core.names import nearest
from mien.core.parameters import SIGNALS

_PRESETS: Final = Path(__file__).parent / "presets"
MAPPING_KEYS: Final = (
    "title", "source", "requires", "extends", "names", "unit", "head", "gaze", "channels",
)  # fmt: skip
HEAD_KEYS: Final = ("bone", "neck", "neck_share", "inherits")
GAZE_KEYS: Final = ("bone", "eye")
CHANNEL_KEYS: Final = (
    "shape_key", "bone", "property", "axis", "signals", "gain", "offset", "low", "high", "unit",
)  # fmt: skip
BONE_PROPERTIES: Final = ("location", "rotation_euler", "rotation_quaternion", "scale")
AXES: Final = ("x", "y", "z")
CHARACTER_AXES: Final = ("left", "up", "forward")


def names() -> list[str]:
    """The presets that come with mien."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


def load(name_or_path: str | os.PathLike[str]) -> Mapping:
    """A preset by its name, or a TOML file by its path; UserError says what is wrong with it."""
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml":
        if str(name_or_path) not in names():
            raise UserError(
                f"There is no mapping {str(name_or_path)!r}{nearest(str(name_or_path), names())};"
                " 'mien mappings list' shows them all, and a file of your own ends with .toml."
            )
        path = _PRESETS / f"{name_or_path}.toml"
    try:
        return _mapping(path.stem, tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise UserError(f"Cannot read the mapping {path}: {error.strerror}.") from error
    except (ValueError, TypeError) as error:  # includes broken TOML and broken UTF-8
        raise UserError(f"Mapping {path.name}: {error}.") from error


def _mapping(name: str, table: dict[str, Any]) -> Mapping:
    _known(table, MAPPING_KEYS, "the mapping")
    base = _base(table["extends"]) if "extends" in table else None
    entries = table.get("channels", [] if base else None)
    if not isinstance(entries, list) or not (entries or base):
        raise ValueError("it has no list of channels; add 'channels = [...]'")
    unit = _unit(table.get("unit", []), "unit")
    channels = tuple(_channel(entry, unit) for entry in entries)
    own = {(c.target, c.property, c.axis, c.character) for c in channels}
    if "names" in table and not base:
        raise ValueError("it renames targets of no preset; add 'extends = \"...\"'")
    inherited = _renamed(base, table.get("names", {})) if base else ()
    kept = (c for c in inherited if (c.target, c.property, c.axis, c.character) not in own)
    return Mapping(
        name=name,
        title=str(table.get("title", name)),
        source=str(table.get("source", base.source if base else "")),
        requires=_names(table.get("requires", []), "requires"),
        channels=(*kept, *channels),
        head=_head(table["head"]) if "head" in table else base and base.head,
        gaze=_gaze(table["gaze"]) if "gaze" in table else base and base.gaze,
    )


def _base(preset: Any) -> Mapping:
    if preset not in names():
        raise ValueError(f"it extends no preset: {preset!r}{nearest(str(preset), names())}")
    return load(preset)


def _renamed(base: Mapping, table: Any) -> tuple[Channel, ...]:
    """The channels of a mapping under the names of a table {target: names}."""
    targets = [channel.target for channel in base.channels]
    _known(table, tuple(dict.fromkeys(targets)), "names")
    called = {target: _names(value, f"names.{target}") for target, value in table.items()}
    one = {target: new[0] for target, new in called.items() if len(new) == 1}
    there = (
        dataclasses.replace(channel, unit=tuple(one.get(bone, bone) for bone in channel.unit))
        for channel in base.channels
    )
    return tuple(
        dataclasses.replace(channel, target=target, aliases=())
        if channel.target in called
        else channel
        for channel in there
        for target in called.get(channel.target, (channel.target,))
    )


def _head(table: dict[str, Any]) -> HeadTarget:
    _known(table, HEAD_KEYS, "head")
    if "bone" not in table:
        raise ValueError("head names no bone; add 'bone = \"head\"'")
    share = _number(table.get("neck_share", 0.5), "neck_share of head")
    if not 0 <= share <= 1:
        raise ValueError(f"neck_share is {share:g}; give a number from 0 to 1")
    inherits = table.get("inherits", True)
    if not isinstance(inherits, bool):
        raise TypeError(f"inherits of head is {inherits!r}; give true or false")
    bone, neck = (_names(table.get(key, []), f"{key} of head") for key in ("bone", "neck"))
    if not bone:
        raise ValueError("head has an empty list of bones; name one")
    return HeadTarget(bone, neck, share, inherits)


def _gaze(table: dict[str, Any]) -> GazeTarget:
    _known(table, GAZE_KEYS, "gaze")
    bone, eye = (table.get(key) for key in GAZE_KEYS)
    if not isinstance(bone, str) or not isinstance(eye, str):
        raise ValueError("gaze needs two names: bone, which the eyes look at, and eye, in an eye")
    return GazeTarget(bone, eye)


def _channel(table: dict[str, Any], unit: tuple[str, ...]) -> Channel:
    _known(table, CHANNEL_KEYS, f"the channel {table!r}")
    kind, (target, *aliases) = _target(table)
    signals = _signals(table.get("signals"), target)
    where = f"of channel {target!r}"
    prop, axis, character = ("value", -1, False) if kind != "bone" else _motion(table, target)
    unit = _unit(table["unit"], f"unit {where}") if "unit" in table else unit
    resting = 1.0 if prop == "scale" else 0.0
    low, high = (0.0, 1.0) if kind == "shape_key" else (-math.inf, math.inf)
    channel = Channel(
        kind,
        target,
        signals,
        prop,
        axis,
        gain=_number(table.get("gain", 1.0), f"gain {where}"),
        offset=_number(table.get("offset", resting), f"offset {where}"),
        low=_number(table.get("low", low), f"low {where}"),
        high=_number(table.get("high", high), f"high {where}"),
        aliases=tuple(aliases),
        character=character,
        unit=unit if prop == "location" else (),
    )
    if channel.low > channel.high:
        raise ValueError(f"low {where} is above its high; swap them")
    return channel


def _target(table: dict[str, Any]) -> tuple[Kind, tuple[str, ...]]:
    """A channel moves a shape key, a bone (whose property it names), or a custom property; with
    all names that the target may have."""
    kinds: tuple[Kind, ...] = ("shape_key", "bone", "property")
    for kind in kinds:
        if kind in table:
            found = _names(table[kind], kind)
            if not found:
                raise ValueError(f"the channel {table!r} has an empty list of names")
            return kind, found
    raise ValueError(f"the channel {table!r} names no shape_key, bone or property")


def _motion(table: dict[str, Any], target: str) -> tuple[str, int, bool]:
    """The property of a bone, its axis, and whether that is the character's."""
    prop, axis = table.get("property", ""), table.get("axis", "")
    if prop not in BONE_PROPERTIES:
        raise ValueError(
            f"bone {target!r} has no property {prop!r}{nearest(str(prop), BONE_PROPERTIES)}"
        )
    if axis in CHARACTER_AXES and prop in ("location", "rotation_quaternion"):
        return prop, CHARACTER_AXES.index(axis), True
    if axis not in AXES:
        raise ValueError(
            f"bone {target!r} has no axis {axis!r} for its {prop}; give 'x', 'y' or 'z', or for"
            " location and rotation_quaternion 'left', 'up' or 'forward'"
        )
    return prop, AXES.index(axis), False


def _unit(value: Any, what: str) -> tuple[str, ...]:
    found = _names(value, what)
    if len(found) not in (0, 2):
        raise ValueError(f"{what} is {value!r}; give two bones, whose distance it is")
    return found


def _signals(table: Any, target: str) -> dict[str, float]:
    if not isinstance(table, dict):
        raise TypeError(f"channel {target!r} has no signals; add 'signals = {{ AU12.L = 1.0 }}'")
    flat: dict[str, Any] = {}
    for name, value in table.items():  # TOML reads an unquoted AU12.L as a table within a table
        if isinstance(value, dict):
            flat |= {f"{name}.{part}": weight for part, weight in value.items()}
        else:
            flat[name] = value
    for name in flat:
        if name not in SIGNALS:
            raise ValueError(
                f"channel {target!r} asks for an unknown signal {name!r}{nearest(name, SIGNALS)}"
            )
    return {name: _number(w, f"{name} of channel {target!r}") for name, w in flat.items()}


def _names(value: Any, what: str) -> tuple[str, ...]:
    """One name or a list of names."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"{what} is {value!r}, not a name or a list of names")
    return tuple(found)


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise TypeError(f"{what} is {value!r}, not a number")
    return float(value)


def _known(table: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(table, dict):
        raise TypeError(f"{where} is not a table")
    for key in table:
        if key not in keys:
            raise ValueError(f"{where} has an unknown key {key!r}{nearest(key, keys)}")
