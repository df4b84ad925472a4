"""The model card, written from the manifest so that the two cannot disagree."""

from __future__ import annotations

from typing import Any, Final

from mien.training.checkpoint import RENDERS, SHIPPED

_WHAT: Final = {
    "finder.onnx": "finds faces in a frame",
    "landmarks.onnx": "places 68 landmarks in a face box and says whether it holds a face",
    "refiner.onnx": "places the landmarks anew in patches of a face's own pixels",
    "estimator.onnx": "action units, their sides, head pose and gaze of an aligned face, "
    "with the performer's neutral face beside it if known",
    "parser.onnx": "says which of 19 classes each pixel of an aligned face belongs to",
    "recognizer.onnx": "tells whether two faces are one person's, so that each of several people "
    "keeps a number",
    "regressor.onnx": "the paper's F_seg and R in one: parameters of an aligned face; capture runs "
    "the estimator in its place",
}
_INTRODUCTION: Final = """\
# The networks of mien

Trained from random weights on images that Blender rendered from mien's own face model, and on
nothing else: no photograph, no face data set, no other network's weights.  Apache-2.0.

Scores are on rendered people that training never saw (identity numbers that end in 9).  ICC is
ICC(3,1) after Shrout & Fleiss; AU errors are on the 0-5 scale.

Not meant for identifying people, nor for judging what somebody feels: an action unit is a movement.
"""


_MEAN: Final = """
of which the mean with what shipped before went out, a little better than the scores below:

    mien export RUNS --mean
"""
_BESIDE: Final = "By {data}: these have licences of their own.\n\n"


def _lines(scores: dict[str, Any], depth: int = 0) -> list[str]:
    out = []
    for key, value in scores.items():
        if isinstance(value, dict):
            out += ["  " * depth + f"- {key}:", *_lines(value, depth + 1)]
        else:
            out.append("  " * depth + f"- {key}: {value:.3g}")
    return out


def _command(task: str, minutes: float, ran: dict[str, Any]) -> str:
    options = "".join(f" --{key} {ran[key]:g}" for key in ("width", "batch") if key in ran)
    return f"    mien train {task} --pairs PAIRS --out RUNS --minutes {minutes:g}{options}"


def _tuning(part: dict[str, Any]) -> str:
    return (
        f"\nand {part['minutes']:g} minutes on {part['samples']} of {part['people']} more:\n\n"
        f"{_command(part['task'], part['minutes'], part)} {part.get('begin', SHIPPED)}\n"
        f"{_MEAN if part.get('mean') else ''}"
    )


def _calibration(heard: dict[str, Any]) -> str:
    if "leanings" in heard:
        by = heard["leanings"].values()
        what = f"made to say each class by a logit {min(by):+.2f} to {max(by):+.2f} higher"
        option = " --network parser"
    else:
        gains, offsets = (
            [correction[key] for correction in heard["corrections"].values()]
            for key in ("gain", "offset")
        )
        what = (
            f"made to say {min(gains):.2f} to {max(gains):.2f} times as much of each unit, less "
            f"{min(offsets):.2f} to {max(offsets):.2f}"
        )
        option = ""
    return (
        f"\nAfter {heard['minutes']:g} minutes {what}, by {heard['people']} people of seeds "
        f"{', '.join(map(str, heard['seeds']))} whom it was not taught (not in the scores below):"
        f"\n\n    mien calibrate PAIRS{option}\n"
    )


def model_card(manifest: dict[str, Any]) -> str:
    """Markdown."""
    parts = [_INTRODUCTION]
    for file, what in _WHAT.items():
        if "steps" not in manifest.get(file, {}).get("training", {}):
            continue
        entry = manifest[file]
        about = entry["training"]
        tuned = about.get("tuned", [])
        first = about["minutes"] - sum(part["minutes"] for part in tuned)
        tunings = "".join(map(_tuning, tuned))
        calibrations = "".join(map(_calibration, about.get("calibrated", [])))
        parts.append(
            f"## {file}\n\n{what[0].upper()}{what[1:]}.  {entry['bytes'] / 1e6:.1f} MB, trained "
            f"{about['minutes']} minutes ({about['steps']} steps) in all, on people of seeds "
            f"{', '.join(map(str, about['seeds']))}.  At first {first:g} minutes on "
            f"{about['samples']} pairs of {about['people']} people:\n\n"
            f"{'' if about['data'] == RENDERS else _BESIDE.format(**about)}"
            f"{_command(file.removesuffix('.onnx'), first, about)}\n"
            f"{tunings}{calibrations}\n" + "\n".join(_lines(entry["scores"])) + "\n"
        )
    return "\n".join(parts)
