"""The schema for editors outside, and the writer, against every preset and the loader."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mien import rig_mappings
from mien.core.errors import UserError
from mien.rig_mappings import loader

FOLDER = Path(rig_mappings.__file__).parent
SCHEMA = json.loads((FOLDER / "mapping.schema.json").read_text(encoding="utf-8"))
TYPES = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}
ANNOTATIONS = {"$schema", "$defs", "title", "description"}


def faults(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong by those words of JSON Schema that the file uses; others raise KeyError."""
    found: list[str] = []
    for word, rule in schema.items():
        if word in ANNOTATIONS:
            continue
        if word == "$ref":
            found += faults(value, SCHEMA["$defs"][rule.removeprefix("#/$defs/")], at)
        elif word == "anyOf":
            tries = [faults(value, option, at) for option in rule]
            found += [] if [] in tries else [f"{at}: {tries}"]
        else:
            found += [f"{at}: {word} {fault}" for fault in CHECKS[word](value, rule, schema, at)]
    return found


def each(items: Any, rule: Any, at: str) -> list[str]:
    return [fault for name, item in items for fault in faults(item, rule, f"{at}/{name}")]


def others(value: Any, rule: Any, schema: Any, at: str) -> list[str]:
    extra = [(k, v) for k, v in value.items() if k not in schema.get("properties", {})]
    return each(extra, rule, at) if rule else [k for k, _ in extra]


CHECKS: dict[str, Any] = {
    "type": lambda v, rule, *_: (
        [] if isinstance(v, TYPES[rule]) and (rule == "boolean" or not isinstance(v, bool)) else [v]
    ),
    "properties": lambda v, rule, _, at: [
        fault for k in rule if isinstance(v, dict) and k in v for fault in faults(v[k], rule[k], at)
    ],
    "additionalProperties": lambda v, rule, schema, at: (
        others(v, rule, schema, at) if isinstance(v, dict) else []
    ),
    "required": lambda v, rule, *_: [k for k in rule if k not in v],
    "dependentRequired": lambda v, rule, *_: [
        need for k, needs in rule.items() if k in v for need in needs if need not in v
    ],
    "enum": lambda v, rule, *_: [] if v in rule else [v],
    "items": lambda v, rule, _, at: each(enumerate(v), rule, at) if isinstance(v, list) else [],
    "minItems": lambda v, rule, *_: [v] if isinstance(v, list) and len(v) < rule else [],
    "maxItems": lambda v, rule, *_: [v] if isinstance(v, list) and len(v) > rule else [],
    "minimum": lambda v, rule, *_: [v] if v < rule else [],
    "maximum": lambda v, rule, *_: [v] if v > rule else [],
    "propertyNames": lambda v, rule, *_: [
        k for k in (v if isinstance(v, dict) else ()) if not re.search(rule["pattern"], k)
    ],
}


@pytest.mark.parametrize("name", rig_mappings.names())
def test_every_preset_fits_the_schema(name: str) -> None:
    table = tomllib.loads((FOLDER / f"presets/{name}.toml").read_text(encoding="utf-8"))
    assert faults(table, SCHEMA) == []


@pytest.mark.parametrize("name", rig_mappings.names())
def test_what_is_written_reads_back_the_same(name: str, tmp_path: Path) -> None:
    mapping = rig_mappings.load(name)
    text = rig_mappings.dumps(mapping)
    assert faults(tomllib.loads(text), SCHEMA) == []
    (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    assert rig_mappings.load(tmp_path / f"{name}.toml") == mapping


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"channels": [], "chanels": []},
        {"channels": [{"shape_key": "a"}]},
        {"channels": [{"signals": {}}]},
        {"channels": [{"shape_key": "a", "signals": {"AU1": 1}}]},
        {"channels": [{"shape_key": "a", "signals": {"AU01": "1"}}]},
        {"channels": [{"bone": "a", "property": "location", "axis": "w", "signals": {}}]},
        {"channels": [], "head": {"neck": "a"}},
        {"channels": [], "head": {"bone": []}},
        {"channels": [], "names": {"a": "b"}},
        {"channels": [], "head": {"bone": "a", "neck_share": 2}},
        {"channels": [], "unit": ["a"]},
    ],
)
def test_schema_and_loader_refuse_the_same(table: dict[str, Any], tmp_path: Path) -> None:
    assert faults(table, SCHEMA)
    text = "\n".join(f"{key} = {rig_mappings.writer._value(value)}" for key, value in table.items())
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        rig_mappings.load(tmp_path / "bad.toml")


def test_schema_and_loader_know_the_same_keys() -> None:
    channel = SCHEMA["$defs"]["channel"]["properties"]
    assert set(SCHEMA["properties"]) == set(loader.MAPPING_KEYS)
    assert set(SCHEMA["properties"]["head"]["properties"]) == set(loader.HEAD_KEYS)
    assert set(SCHEMA["properties"]["gaze"]["properties"]) == set(loader.GAZE_KEYS)
    assert set(channel) == set(loader.CHANNEL_KEYS)
    assert channel["axis"]["enum"] == [*loader.AXES, *loader.CHARACTER_AXES]
