"""Whatever the add-on shows as a label or a tooltip is there in every language."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import string
from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

from mien import blender_addon, core, rig_mappings
from mien.blender_addon import translations, tune_panel, wording
from mien.blender_addon.apply import Report
from mien.core.errors import UserError
from mien.rig_mappings import Match

LANGUAGES = ("zh_HANS", "ja_JP", "es")
FOLDER = Path(blender_addon.__file__).parent
PLACE = re.compile(r"(\{.*?\})+")

# Modules of the command line alone, which no panel asks for anything.
COMMANDS = (
    "__main__", "animate", "bar", "cli", "convert", "doctor", "render_card", "render_pairs",
    "render_preview", "render_shards",
)  # fmt: skip
# Sentences that the panel cannot bring about, and why.
UNSEEN = {
    "There must be at least one face to look for: give --faces 1 or more.": "the field begins at 1",
    "The frames per second of an image sequence must be more than 0.": "it has no field",
    "Strength and gain must not be negative; give 0 or more.": "their fields begin at 0",
    "Smoothing is {}; give a number from 0 to 1.": "its field ends there",
    "There is no signal {}.": "the panel names signals from its list",
    "There is no region {}.": "it has a box for each",
    "There is no device {}: use {}.": "the preferences list them",
    'A request names "input" and "output" and, if wanted, {}.': "the add-on's own request does",
    "The worker expects one line of JSON on stdin: see mien.core.worker.": "the add-on's is one",
}


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
    """Words that the code gives to a layout, to a button that is grey, or to ``say``."""
    yield from (Match("", 1, 1, sure).words() for sure in (0.0, 0.6, 1.0))
    for path in FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("text", "heading"):
                yield from literal(node.value, path)
            called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if called == "say":
                yield from literal(node.args[0], path)
            if called == "possible":
                for hurdle in node.args[1:]:
                    assert isinstance(hurdle, ast.Tuple)
                    yield from literal(hurdle.elts[1], path)


def literal(node: ast.expr, path: Path) -> Iterator[str]:
    """A string that stands there, or that a constant of the module stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.Name) and node.id.isupper():
        yield getattr(importlib.import_module(f"{blender_addon.__name__}.{path.stem}"), node.id)


def sentences() -> Iterator[str]:
    """Every sentence in the code that the add-on runs, docstrings aside, with {} for values."""
    folders = [Path(package.__file__).parent for package in (core, rig_mappings, blender_addon)]
    for path in (path for folder in folders for path in folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        parts = {
            id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in n.values
        }
        for node in ast.walk(tree):
            if id(node) not in notes | parts and path.stem not in COMMANDS:
                text = template(node)
                if text.endswith(".") and " " in text:
                    yield PLACE.sub("{}", text)


def template(node: ast.AST) -> str:
    """A string, with {} for what is filled in; "" for all else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) or "{}" for part in node.values)
    whole = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if whole else ""


def test_every_sentence_that_tells_what_is_wrong_is_translated() -> None:
    there = {PLACE.sub("{}", text) for text in wording.table()["sentence"]}
    said = {PLACE.sub("{}", text) for text in (*drawn(), *declared())}
    assert UNSEEN.keys() <= set(sentences())
    assert sorted(set(sentences()) - said - UNSEEN.keys() - there) == []
    assert sorted(there - set(sentences())) == []
    for language in LANGUAGES:
        known = translations.texts()[language]
        assert all(known.get(("*", text)) for text in wording.table()["sentence"])


def test_a_sentence_is_known_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in its places; the values come through whole."""
    seen: dict[str, dict[str, object]] = {}
    monkeypatch.setattr(wording, "say", lambda english, **values: seen.update({english: values}))
    for english in wording.table()["sentence"]:
        values = {name: f"Frames 1, C:\\my {name}.mp4 [2]" for name, _ in places(english)}
        wording.told(UserError(english.format(**values)))
        assert seen.get(english) == values, english
    assert wording.told("Something else.") == "Something else."


def test_an_error_comes_in_the_language_of_blender(monkeypatch: pytest.MonkeyPatch) -> None:
    spanish = translations.texts()["es"]
    monkeypatch.setattr(wording, "translated", lambda english: spanish["*", english])
    error = UserError("Frames 9 to 2 run backwards: swap them.")
    assert wording.told(error) == "Los fotogramas 9 a 2 van al revés: intercámbialos."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_and_tooltip_is_translated(language: str) -> None:
    there = translations.texts()[language]
    shown = {text for text in (*declared(), *drawn()) if text.strip()}
    assert len(shown) > 150
    assert sorted(text for text in shown if not there.get(("*", text))) == []


def test_nothing_is_translated_that_nobody_sees() -> None:
    assert sorted(wording.table()["text"].keys() - {*declared(), *drawn()}) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_stays_in_every_language(language: str) -> None:
    filled = 0
    for (_, english), other in translations.texts()[language].items():
        assert places(other) == places(english), other
        filled += bool(places(english))
    assert filled > 10


def places(text: str) -> list[tuple[str, str]]:
    """The (name, format) of what stands in braces."""
    parsed = string.Formatter().parse(text)
    return sorted((name, spec or "") for _, name, spec, _ in parsed if name is not None)


def test_sentences_come_in_the_language_of_blender(monkeypatch: pytest.MonkeyPatch) -> None:
    """bpy as a module has one language: its dictionary is asked here as Blender would ask it."""
    spanish = translations.texts()["es"]
    monkeypatch.setattr(wording, "translated", lambda english: spanish["*", english])
    report = Report([], True, 1, 63, 47, ["jawOpen"], [], [])
    assert report.lines() == [
        "47 canales en pose, sin claves",
        "No están en este personaje: jawOpen",
    ]


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
