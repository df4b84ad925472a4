"""Whether rendered pairs are what they say, and the same however they are rendered.

    python tests/bench/pairs.py truth [--count 20]
    python tests/bench/pairs.py repeat [--count 200] [--size 64] [--flavour wild]
    python tests/bench/pairs.py speed [--count 40] [--size 256]

``truth``: how far landmarks lie from the vertices they name as Blender's own camera sees them, how
many pixels of the masks agree with a render of classes by Cycles, and whether parameters read back
from the rigged face are those of the pair.  ``repeat``: the same indices whole, in four shares, and
with a kill -9 amid them: parameters, landmarks and masks byte by byte, pictures in grey levels.
``speed``: pairs a minute of both flavours, and the share of time that is not Cycles' own.
Exits 1 where a mark of docs/data_card.md is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from numpy.typing import NDArray

from mien.blender_addon import face_object
from mien.blender_addon.render_masks import ON_SKIN, geometry, skin_values
from mien.blender_addon.render_picture import PER_IDENTITY, PairRenderer, quiet
from mien.blender_addon.render_scene import Camera
from mien.core import parameters

sys.path.insert(0, str(Path(__file__).parents[1] / "blender_addon"))
from test_render_masks import SIZE, seen_by_cycles
from test_render_pairs import pixels, read

Array = NDArray[Any]

PIXELS, AGREE, SAME_GREY = 0.5, 0.999, 1.0
SEED = 5


def landmark_errors(renderer: PairRenderer, truth: dict[str, Any], size: int) -> Array:
    """(68,) px between a pair's landmarks and the scene's vertices through Blender's camera."""
    model, scene = renderer.model, renderer.scene.scene
    y = truth["parameters"]
    style = int(np.argmax(y[parameters.group("brow")]))
    rows = model.data["landmarks"].copy()
    rows[17:27] = model.vertex_count + model.data["brow_landmarks"][style]
    face = next(o for o in scene.objects if o.name.startswith("face") and not o.hide_render)
    mesh = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    seen = [
        world_to_camera_view(scene, renderer.scene.camera, Vector(mesh.vertices[int(row)].co))
        for row in rows
    ]
    there = np.array([(x * size, (1 - y) * size) for x, y, _ in seen])
    return np.asarray(np.linalg.norm(there - truth["landmarks"][:, :2], axis=1))


def mask_agreement(flavour: str, index: int, folder: Path) -> float:
    """Share of pixels whose class is what Cycles sees there; a render of its own."""
    renderer = PairRenderer(SEED, flavour, SIZE, "cycles")
    model = renderer.model
    truth = renderer.pair(index, folder / "picture.png")
    person = model.person(truth["parameters"][parameters.IDENTITY].astype(float))
    worn = renderer.worn(renderer.someone(index // PER_IDENTITY)) if flavour == "wild" else {}
    shown, camera = geometry(renderer.scene.scene.objects), Camera(**truth["json"]["camera"])
    mask = renderer.masks.look(shown, person, camera, SIZE, worn).classes
    on_skin = skin_values(model)
    for name, amount in worn.items():
        on_skin[:, ON_SKIN.index(name)] = amount
    brow = 2 + (person.rest[model.vertex_count :, 0] < 0)
    return float((seen_by_cycles(renderer, on_skin, brow, folder) == mask).mean())


def read_back(y: Array) -> Array:
    """(41,) AUs, asymmetries, gaze and pose that a rigged face in Blender holds, less ``y``'s."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = face_object.build_face(bpy.context, y)
    got = parameters.neutral()
    for au in (*parameters.AUS, "AU29", "AD34"):
        if au in parameters.SIDED_AUS:
            pair = parameters.from_sides(armature[f"{au}.L"], armature[f"{au}.R"])
            got[parameters.INDEX[au]], got[parameters.INDEX[f"{au}.asymmetry"]] = pair
        else:
            got[parameters.INDEX[au]] = armature[au]
    for name in ("gaze.yaw", "gaze.pitch"):
        got[parameters.INDEX[name]] = parameters.from_angle(name, armature[name])
    half = np.array(armature.pose.bones["head"].rotation_quaternion.to_matrix())
    ahead = (half @ half)[:, 2]  # where the face looks
    yaw, pitch = np.degrees([np.arctan2(ahead[0], ahead[2]), np.arcsin(ahead[1])])
    got[parameters.INDEX["head.yaw"]] = parameters.from_angle("head.yaw", yaw)
    got[parameters.INDEX["head.pitch"]] = parameters.from_angle("head.pitch", pitch)
    y = np.array(y)
    for au in parameters.SIDED_AUS:  # of what is not there, no side is stronger
        if y[parameters.INDEX[au]] < 1e-6:
            y[parameters.INDEX[f"{au}.asymmetry"]] = 0
    kept = np.ones(len(y), bool)
    kept[parameters.IDENTITY] = False
    return np.asarray((got - y)[kept])


def truth(count: int, size: int) -> bool:
    """Prints what ``truth`` tells."""
    worst, agree, back = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for flavour in ("wild", "studio"):
            with quiet():
                renderer = PairRenderer(SEED, flavour, size, "cycles")
                vectors = []
                for index in range(count):
                    pair = renderer.pair(index, folder / "picture.png")
                    worst.append(landmark_errors(renderer, pair, size).max())
                    vectors.append(pair["parameters"])
                agree += [mask_agreement(flavour, 3 * i + 1, folder) for i in range(count // 4)]
                back += [np.abs(read_back(y)).max() for y in vectors[: count // 4]]
    print(f"landmarks: at most {max(worst):.4f} px off in {len(worst)} pairs of {size} px")
    print(f"masks: {min(agree):.4%} of pixels agree at least, {np.mean(agree):.4%} on average, "
          f"in {len(agree)} pairs")  # fmt: skip
    print(f"parameters: at most {max(back):.2g} off in {len(back)} rigged faces")
    return max(worst) < PIXELS and min(agree) >= AGREE and max(back) < 1e-5


_COMMAND = """
import sys
from mien.blender_addon import __main__ as command, render_pairs
render_pairs.PER_SHARD = int(sys.argv[1])
command.leave(command.run(sys.argv[2:]))
"""


def start(folder: Path, per_shard: int, *options: str) -> subprocess.Popen[str]:
    """A `mien render-pairs` of its own."""
    arguments = [str(per_shard), "render-pairs", "--seed", str(SEED), "--out", str(folder)]
    return subprocess.Popen([sys.executable, "-c", _COMMAND, *arguments, *options],
                            stdout=subprocess.PIPE, text=True)  # fmt: skip


def repeat(count: int, size: int, flavour: str) -> bool:
    """Prints what ``repeat`` tells."""
    options = "--count", str(count), "--size", str(size), "--flavour", flavour
    per_shard = max(1, count // 20)
    with tempfile.TemporaryDirectory() as scratch:
        whole, shared, killed = (Path(scratch) / name for name in ("whole", "shared", "killed"))
        start(whole, per_shard, *options).communicate()
        for share in range(4):
            start(shared, per_shard, *options, "--shard", f"{share}/4").communicate()
        run = start(killed, per_shard, *options)
        assert run.stdout is not None
        for _ in range(7):
            run.stdout.readline()
        run.kill()
        run.communicate()
        left = len(read(killed)) // 5
        start(killed, per_shard, *options).communicate()
        first = read(whole)
        fine = len(first) == 5 * count
        for name, other in (("four shares", read(shared)), ("killed", read(killed))):
            fine &= first.keys() == other.keys()
            pictures = [n for n in first if n.endswith(".png") and "mask" not in n]
            rest = [n for n in first if n not in pictures]
            same = sum(first[n] == other[n] for n in rest)
            grey = [np.abs(pixels(first[n]) - pixels(other[n])).mean() for n in pictures]
            print(f"{name}: {same} of {len(rest)} files byte-identical; "
                  f"pictures differ by {np.max(grey):.4f} grey levels at most")  # fmt: skip
            fine &= same == len(rest) and max(grey) < SAME_GREY
        print(f"killed with {left} of {count} {flavour} pairs written, of {size} px")
    return fine


def speed(count: int, size: int) -> bool:
    """Prints what ``speed`` tells; nothing is asked of it, machines differ."""
    for flavour in ("wild", "studio"):
        with quiet(), tempfile.TemporaryDirectory() as scratch:
            renderer = PairRenderer(SEED, flavour, size, "cycles")
            render, inside = renderer.scene.render, [0.0]

            def timed(*args: Any, render: Any = render, inside: list[float] = inside) -> None:
                began = time.perf_counter()
                render(*args)
                inside[0] += time.perf_counter() - began

            renderer.pair(0, Path(scratch) / "picture.png")
            renderer.scene.render = timed  # type: ignore[method-assign]
            began, used = time.perf_counter(), time.process_time()
            for index in range(count):
                renderer.pair(index, Path(scratch) / "picture.png")
            spent, used = time.perf_counter() - began, time.process_time() - used
        print(f"{flavour}: {60 * count / spent:.0f} pairs a minute at {size} px, "
              f"{1 - inside[0] / spent:.0%} of it outside Cycles, "
              f"{used / count:.3f} s of processor time each")  # fmt: skip
    return True


def main() -> int:
    """The command."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("what", choices=("truth", "repeat", "speed"))
    p.add_argument("--count", type=int)
    p.add_argument("--size", type=int)
    p.add_argument("--flavour", choices=("wild", "studio"), default="wild")
    args = p.parse_args()
    if args.what == "truth":
        fine = truth(args.count or 20, args.size or 256)
    elif args.what == "repeat":
        fine = repeat(args.count or 200, args.size or 64, args.flavour)
    else:
        fine = speed(args.count or 40, args.size or 256)
    return 0 if fine else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may hang when the interpreter shuts down
