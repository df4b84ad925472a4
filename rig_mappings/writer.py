"""Mappings to TOML, as ``loader`` reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from mien.core.mapping import Channel, Mapping

from .loader import AXES, CHARACTER_AXES


def dumps(mapping: Mapping) -> str:
    """TOML in which everything is written out; ``load`` makes the same mapping of it."""
    lines = [f"{key} = {_value(getattr(mapping, key))}" for key in ("title", "source", "requires")]
    if head := mapping.head:
        table = {"bone": head.bone, "neck": head.neck, "neck_share": head.neck_share}
        lines.append(f"head = {_value(table | {'inherits': head.inherits})}")
    if gaze := mapping.gaze:
        lines.append(f"gaze = {_value({'bone': gaze.bone, 'eye': gaze.eye})}")
    lines += ["channels = [", *(f"  {_value(_table(c))}," for c in mapping.channels), "]"]
    return "\n".join(lines) + "\n"


def _table(channel: Channel) -> dict[str, Any]:
    names = (channel.target, *channel.aliases)
    table: dict[str, Any] = {channel.kind: names if channel.aliases else channel.target}
    low, high, resting = -math.inf, math.inf, 0.0
    if channel.kind == "bone":
        axes = CHARACTER_AXES if channel.character else AXES
        table |= {"property": channel.property, "axis": axes[channel.axis]}
        resting = 1.0 if channel.property == "scale" else 0.0
    elif channel.kind == "shape_key":
        low, high = 0.0, 1.0
    table["signals"] = channel.signals
    usual = {"gain": 1.0, "offset": resting, "low": low, "high": high}
    table |= {k: getattr(channel, k) for k, v in usual.items() if getattr(channel, k) != v}
    return table | ({"unit": channel.unit} if channel.unit else {})


def _value(value: Any) -> str:
    """A value in TOML, whose strings, numbers and booleans are those of JSON, but for inf."""
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    items: Iterable[Any] = value
    return f"[{', '.join(map(_value, items))}]"


def _key(name: str) -> str:
    return json.dumps(name) if "." in name else name
