# SPDX-License-Identifier: GPL-3.0-or-later
"""``mien animate``: a take keyed on a character, from .blend to .blend, without a window."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import bpy

from mien import rig_mappings
from mien.core.cleanup import Cleanup
from mien.core.errors import UserError
from mien.core.files import written_whole
from mien.core.identity import at_rest
from mien.core.take import Take

from .apply import apply, detected
from .face_object import build_face
from .rig_names import can_be_target, character


def main(argv: Sequence[str]) -> int:
    """Keys a take and saves a .blend; prints what was keyed and what found no match."""
    parser = argparse.ArgumentParser(prog="mien animate", description=__doc__)
    parser.add_argument(
        "take", metavar="TAKE", help=".json, or a .csv of mien, OpenFace, Live Link Face or ARKit"
    )
    parser.add_argument("--blend", help="the character's file; without it, the performer's face")
    parser.add_argument("--target", help="the character's armature or mesh; else the best match")
    parser.add_argument("--mapping", default="", help="a preset or a .toml file; else detected")
    parser.add_argument("--start", type=float, default=1, help="frame of the first time stamp")
    parser.add_argument("--strength", type=float, default=1, help="multiplies every expression")
    parser.add_argument("--smoothing", type=float, default=0.5, help="0 (off) to 1")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.blend")
    options = parser.parse_args(argv)

    take = Take.load(options.take)
    settings = Cleanup(strength=options.strength, smoothing=options.smoothing)
    if options.mapping:
        rig_mappings.load(options.mapping)  # a mistake in it should not wait for Blender
    if options.blend:
        open_blend(options.blend)
    else:
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    who = None if take.identity is None else at_rest(take.identity)
    target = find_target(options.target) if options.blend else build_face(bpy.context, who)
    report = apply(
        take, target, scene=scene, mapping=options.mapping, settings=settings, start=options.start
    )
    scene.frame_start = min(scene.frame_start, int(report.first))
    scene.frame_end = max(scene.frame_end, int(report.last))
    save(options.output)
    print("\n".join(report.lines()))
    return 0


def save(path: str) -> None:
    """Writes the open file to ``path``, whole or not at all."""
    if not path.lower().endswith(".blend"):
        raise UserError(f"A Blender file ends with .blend: give {path} that ending.")
    with written_whole(Path(path).absolute()) as draft:
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(draft), copy=True, relative_remap=True)
        except RuntimeError as error:
            raise UserError(f"Cannot write {path}: choose another place or name.") from error


def open_blend(blend: str) -> None:
    """Opens a file; UserError where that cannot be done."""
    if not Path(blend).is_file():
        raise UserError(f"There is no file {blend}: check its name.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(Path(blend).absolute()), load_ui=False)
    except RuntimeError as error:
        raise UserError(f"Blender cannot open {blend}: it is not a .blend file.") from error


def find_target(name: str | None) -> bpy.types.Object:
    """The object of that name, else the one whose names match a known mapping best."""
    able = [o for o in bpy.context.scene.objects if can_be_target(o)]
    if name is not None:
        found = next((o for o in able if o.name == name), None)
        if found is None:
            there = ", ".join(o.name for o in able) or "none"
            raise UserError(f"No armature or mesh is called {name!r}; the file has: {there}.")
        return found
    if not able:
        raise UserError("The file holds no armature and no mesh: choose another one.")

    def evidence(item: bpy.types.Object) -> float:
        match = detected(character(item))
        return match.evidence if match else 0.0

    return max(able, key=evidence)
