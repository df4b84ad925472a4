"""Takes as JSON: everything a take holds, to the last digit."""

from __future__ import annotations

import json
from typing import Any, Final

from .files import tagged
from .performer import Neutral

_FORMAT: Final = "mien take"
_VERSION: Final = 1


def dumps(take: dict[str, Any]) -> str:
    """The text of a take's fields; arrays become lists."""
    plain = {name: v.tolist() if hasattr(v, "tolist") else v for name, v in take.items()}
    plain["signals"] = {name: values.tolist() for name, values in take["signals"].items()}
    plain["neutral"] = take["neutral"] and take["neutral"].fields()
    return json.dumps({"format": _FORMAT, "version": _VERSION, **plain}, allow_nan=False) + "\n"


def loads(text: str) -> dict[str, Any]:
    """The fields of a take; ValueError says why the text holds none."""
    fields = tagged(text, _FORMAT, _VERSION)
    if not isinstance(fields.get("signals"), dict):
        raise ValueError("its signals are missing, or are not numbers by name")
    if fields.get("neutral") is not None:
        fields["neutral"] = Neutral.from_fields(fields["neutral"])
    return fields
