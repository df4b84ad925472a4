"""Whatever the add-on shows as a label or a tooltip is there in every language."""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

from mien import blender_addon
from mien.blender_addon import translations, tune_panel

LANGUAGES = ("zh_HANS", "ja_JP", "es")
FOLDER = Path(blender_addon.__file__).parent


def declared() -> Iterator[str]:
    """Labels and tooltips of operators and panels, and of the properties of every class."""
    yield from tune_panel._TITLES.values()
    for cls in blender_addon._CLASSES:
        yield getattr(cls, "bl_label", "")
        rna = cls.bl_rna
        if issubclass(cls, bpy.types.Operator):
            yield getattr(cls, "bl_description", "") or inspect.getdoc(cls) or ""
            rna = getattr(bpy.ops.mien, cls.bl_idname.removeprefix("mien.")).get_rna_type()
        for prop in rna.properties:
            if prop.is_runtime and not prop.is_hidden:
                yield from labels(prop)


def labels(prop: bpy.types.Property) -> Iterator[str]:
    yield prop.description
    if prop.type != "COLLECTION" and not (
        prop.type == "POINTER" and prop.fixed_type.base.identifier == "PropertyGroup"
    ):  # those only group others, and no layout shows them
        yield prop.name
    for item in prop.enum_items_static if prop.type == "ENUM" else ():
        yield item.name
        yield item.description


def drawn() -> Iterator[str]:
    """Words that the code gives to a layout, or to a button that is grey."""
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("text", "heading"):
                yield from literal(node.value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "possible":
                for hurdle in node.args[1:]:
                    yield from literal(hurdle.elts[1]) if isinstance(hurdle, ast.Tuple) else ()


def literal(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_and_tooltip_is_translated(language: str) -> None:
    there = translations.texts()[language]
    shown = {text for text in (*declared(), *drawn()) if text.strip()}
    assert len(shown) > 150
    assert sorted(text for text in shown if not there.get(("*", text))) == []


def test_nothing_is_translated_that_nobody_sees() -> None:
    table = tomllib.loads((FOLDER / "translations.toml").read_text(encoding="utf-8"))
    assert sorted(table["text"].keys() - {*declared(), *drawn()}) == []


@pytest.mark.parametrize(
    ("language", "capture", "channel"),
    [
        ("zh_HANS", "捕捉", "AU12.L 嘴角上扬，左"),
        ("ja_JP", "キャプチャ", "AU12.L 口角を引き上げる、左"),
        ("es", "Capturar", "AU12.L tirador de la comisura, izquierda"),
    ],
)
def test_operators_and_channels_are_found(language: str, capture: str, channel: str) -> None:
    """bpy as a module comes without languages, so that it cannot show them itself."""
    there = translations.texts()[language]
    assert there["Operator", "Capture"] == capture
    assert there["*", "AU12.L lip corner puller, left"] == channel
