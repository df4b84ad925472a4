"""Mappings from TOML: every mistake is answered with one sentence and the nearest valid name.

A mapping of one's own, with each kind of target::

    title = "My rig"
    requires = ["jaw_ctrl"]                          # names by which `detect` recognises the rig
    channels = [
      { shape_key = "smile_L", signals = { AU12.L = 1.0, AU06.L = 0.2 }, gain = 1.1, high = 0.9 },
      { bone = "jaw_ctrl", property = "rotation_euler", axis = "x", signals = { AU26 = 25.0 } },
      { property = "squint", signals = { AU07 = 1.0 }, offset = 0.1, low = 0.0, high = 1.0 },
    ]
    head = { bone = "head", neck = "neck", neck_share = 0.5 }

What the numbers mean is said in ``mien.core.mapping.Channel``.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from mien.core.errors import UserError
from mien.core.mapping import Channel, HeadTarget, Kind, Mapping
from mien.core.names import find, nearest
from mien.core.parameters import SIGNALS

_PRESETS: Final = Path(__file__).parent / "presets"
_MAPPING_KEYS: Final = ("title", "source", "requires", "head", "channels")
_HEAD_KEYS: Final = ("bone", "neck", "neck_share")
_CHANNEL_KEYS: Final = (
    "shape_key", "bone", "property", "axis", "signals", "gain", "offset", "low", "high",
)  # fmt: skip
_BONE_PROPERTIES: Final = ("location", "rotation_euler", "rotation_quaternion", "scale")


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


def detect(available_names: Iterable[str]) -> list[tuple[str, int, int]]:
    """(preset, targets found, targets in all) for the presets whose required names are there,
    the best first."""
    available = set(available_names)
    found = []
    for name in names():
        mapping = load(name)
        if all(find(required, available) for required in mapping.requires):
            targets = dict.fromkeys(channel.target for channel in mapping.channels)
            found.append((name, sum(bool(find(t, available)) for t in targets), len(targets)))
    return sorted(found, key=lambda item: (-item[1] / item[2], -item[1]))


def _mapping(name: str, table: dict[str, Any]) -> Mapping:
    _known(table, _MAPPING_KEYS, "the mapping")
    entries = table.get("channels")
    if not isinstance(entries, list) or not entries:
        raise ValueError("it has no list of channels; add 'channels = [...]'")
    return Mapping(
        name=name,
        title=str(table.get("title", name)),
        source=str(table.get("source", "")),
        requires=_names(table.get("requires", []), "requires"),
        channels=tuple(_channel(entry) for entry in entries),
        head=_head(table["head"]) if "head" in table else None,
    )


def _head(table: dict[str, Any]) -> HeadTarget:
    _known(table, _HEAD_KEYS, "head")
    if "bone" not in table:
        raise ValueError("head names no bone; add 'bone = \"head\"'")
    share = _number(table.get("neck_share", 0.5), "neck_share of head")
    if not 0 <= share <= 1:
        raise ValueError(f"neck_share is {share:g}; give a number from 0 to 1")
    bone, neck = (_names(table.get(key, []), f"{key} of head") for key in ("bone", "neck"))
    return HeadTarget(bone, neck, share)


def _channel(table: dict[str, Any]) -> Channel:
    _known(table, _CHANNEL_KEYS, f"the channel {table!r}")
    kind, target = _target(table)
    signals = _signals(table.get("signals"), target)
    where = f"of channel {target!r}"
    prop, axis = ("value", -1) if kind != "bone" else _motion(table, target)
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
    )
    if channel.low > channel.high:
        raise ValueError(f"low {where} is above its high; swap them")
    return channel


def _target(table: dict[str, Any]) -> tuple[Kind, str]:
    """A channel moves a shape key, a bone (whose property it names), or a custom property."""
    kinds: tuple[Kind, ...] = ("shape_key", "bone", "property")
    for kind in kinds:
        if kind in table:
            if not isinstance(table[kind], str):
                raise TypeError(f"{kind} = {table[kind]!r} is not a name in quotes")
            return kind, table[kind]
    raise ValueError(f"the channel {table!r} names no shape_key, bone or property")


def _motion(table: dict[str, Any], target: str) -> tuple[str, int]:
    prop, axis = table.get("property", ""), table.get("axis", "")
    if prop not in _BONE_PROPERTIES:
        raise ValueError(
            f"bone {target!r} has no property {prop!r}{nearest(str(prop), _BONE_PROPERTIES)}"
        )
    if axis not in ("x", "y", "z"):
        raise ValueError(f"bone {target!r} has no axis {axis!r}; give 'x', 'y' or 'z'")
    return prop, "xyz".index(axis)


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
        raise TypeError(f"{what} is {value!r}, not a list of names")
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
