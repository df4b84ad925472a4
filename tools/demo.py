"""`make demo`: a clip in, a moving character out, with everything in `out/demo` to look at.

Without --clip it renders a performance that it knows, so that it can print how far the capture is
from the truth.  It leaves take.csv, character.blend, strip.png and side_by_side.mp4.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from mien.blender_addon import animate
from mien.blender_addon.render_picture import PairRenderer, quiet
from mien.blender_addon.render_scene import STUDIO, Camera, Shot, place_lights
from mien.core import capture, parameters
from mien.core.bar import Bar
from mien.core.countdown import Countdown
from mien.core.errors import UserError
from mien.core.face_model import head_rotation
from mien.core.take import Take

Array = NDArray[Any]
FPS, SECONDS, SIZE = 15, 5, 320
SEED, PERFORMER = 2001, 7  # a person that no training set has

# The performance: signal -> (time in s, value) keys, cosine-eased between.
PERFORMANCE: dict[str, list[tuple[float, float]]] = {
    "AU12": [(0.5, 0), (1.0, 0.9), (1.7, 0.9), (2.1, 0)],
    "AU06": [(0.6, 0), (1.1, 0.8), (1.6, 0.8), (2.0, 0)],
    "AU25": [(0.7, 0), (1.1, 0.7), (1.6, 0.7), (2.0, 0)],
    "AU01": [(2.2, 0), (2.5, 0.9), (3.0, 0.9), (3.3, 0)],
    "AU02": [(2.2, 0), (2.5, 0.9), (3.0, 0.9), (3.3, 0)],
    "AU26": [(2.3, 0), (2.6, 0.7), (3.0, 0.7), (3.4, 0)],
    "AU43": [(3.5, 0), (3.65, 1), (3.8, 0)],
    "AU04": [(3.8, 0), (4.1, 1), (4.4, 1), (4.8, 0)],
    "head.yaw": [(0, 0), (1.5, 12), (3.0, -14), (4.5, 0)],
    "head.pitch": [(0, 0), (2.5, 8), (3.5, -4), (4.8, 0)],
}


def eased(keys: list[tuple[float, float]], t: Array) -> Array:
    """Values at times (N,) of keys with cosine easing."""
    times, values = np.array(keys).T
    i = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
    u = np.clip((t - times[i]) / (times[i + 1] - times[i]), 0, 1)
    return np.asarray(values[i] + (values[i + 1] - values[i]) * (1 - np.cos(np.pi * u)) / 2)


def write_video(path: Path, frames: list[Array], fps: float) -> None:
    """Frames (H, W, 3) BGR as mp4."""
    height, width = frames[0].shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    if not out.isOpened():
        raise UserError(f"cannot write {path}; check that the folder is writable")
    for frame in frames:
        out.write(frame)
    out.release()


def over(picture: Path, behind: tuple[int, int, int]) -> Array:
    """An RGBA picture over a colour, BGR."""
    image = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED).astype(float)
    alpha = image[..., 3:] / 255
    return np.asarray(image[..., :3] * alpha + np.array(behind) * (1 - alpha)).astype(np.uint8)


def perform(folder: Path) -> tuple[Path, dict[str, Array]]:
    """Renders the known performance; (clip, truth)."""
    t = np.arange(FPS * SECONDS) / FPS
    truth = {name: eased(keys, t) for name, keys in PERFORMANCE.items()}
    renderer = PairRenderer(SEED, "wild", SIZE, "auto")
    frames, picture, bar = [], folder / "frame.png", Countdown("performing")
    for i in range(len(t)):
        values = {n: float(v[i]) for n, v in truth.items()}
        angles = {n: float(parameters.from_angle(n, values[n])) for n in ("head.yaw", "head.pitch")}
        y = parameters.from_values(values | angles)
        y[parameters.group("au")] = np.where(
            np.isin(parameters.AUS, list(values)), y[parameters.group("au")], 0
        )
        turn = head_rotation(values["head.yaw"], values["head.pitch"])
        with quiet():
            renderer.dress(PERFORMER, y, turn)
            renderer.scene.render(Shot(Camera((0, 0.71, 1.3), 4.4), STUDIO, seed=7), str(picture))
        frames.append(over(picture, (96, 104, 92)))
        bar(i + 1, len(t))
    picture.unlink()
    clip = folder / "performance.mp4"
    write_video(clip, frames, FPS)
    return clip, truth


def compare(take: Take, truth: dict[str, Array]) -> None:
    """Prints how far the capture is from the performance."""
    n = min(len(take), len(next(iter(truth.values()))))
    print(f"{'signal':12s} correlation   mean error")
    for name, values in truth.items():
        got, want = np.asarray(take.signals[name])[:n], values[:n]
        unit, scale = (" degrees", 1.0) if name.startswith("head") else (" of 5", 5.0)
        r = np.corrcoef(got, want)[0, 1] if got.std() > 1e-9 else 0.0
        print(f"{name:12s} {r:11.2f}   {np.abs(got - want).mean() * scale:.2f}{unit}")


def film(take: Take, folder: Path) -> list[Array]:
    """Pictures of the keyframed character at the take's time stamps."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    shot = Shot(Camera((0, 0.71, 1.3), 4.4))
    camera.location, camera.rotation_euler = (0, -1.3, 0.71), (np.pi / 2, 0, 0)
    camera.data.lens, camera.data.clip_start = 36 * shot.camera.focal, 0.02
    lamps = [
        bpy.data.objects.new("light", bpy.data.lights.new("light", "AREA")) for _ in shot.lights
    ]
    for lamp in lamps:
        scene.collection.objects.link(lamp)
    place_lights(lamps, shot.lights)
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (*shot.world, 1)
    scene.world.node_tree.nodes["Background"].inputs[1].default_value = shot.world_strength
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 6, True
    scene.cycles.denoising_quality, scene.cycles.denoising_prefilter = "FAST", "NONE"
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = "Standard"
    picture, frames, bar = folder / "frame.png", [], Countdown("filming")
    scene.render.filepath = str(picture)
    for i, t in enumerate(take.timestamps):
        frame = scene.render.fps / scene.render.fps_base * float(t) + 1
        scene.frame_set(int(frame), subframe=frame % 1)
        with quiet():
            bpy.ops.render.render(write_still=True)
        frames.append(over(picture, (120, 112, 104)))
        bar(i + 1, len(take.timestamps))
    picture.unlink()
    return frames


def inputs(clip: Path, take: Take) -> list[Array]:
    """The clip's frames of the take, square, at the size of the film."""
    reader, out = cv2.VideoCapture(str(clip)), []
    wanted, index = set(int(f) for f in take.frames), 0
    while True:
        good, frame = reader.read()
        if not good:
            return out
        if index in wanted:
            side = min(frame.shape[:2])
            y, x = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
            out.append(cv2.resize(frame[y : y + side, x : x + side], (SIZE, SIZE)))
        index += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, help="a video of a face; without it, a known one")
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    options = parser.parse_args()
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    clip, truth = (options.clip, None) if options.clip else perform(folder)
    with Bar() as bar:
        takes = capture.capture(clip, progress=bar.show)
    (path,) = capture.save(takes, folder / "take.csv")
    take = takes[0]
    if truth is not None:
        compare(take, truth)
    blend = folder / "character.blend"
    animate.main([str(path), "--mapping", "bdfm", "-o", str(blend)])
    pairs = list(zip(inputs(clip, take), film(take, folder), strict=False))
    write_video(
        folder / "side_by_side.mp4",
        [np.vstack(p) for p in pairs],
        1 / np.diff(take.timestamps).mean(),
    )
    chosen = np.linspace(0, len(pairs) - 1, 10).astype(int)
    cv2.imwrite(str(folder / "strip.png"), np.hstack([np.vstack(pairs[i]) for i in chosen]))
    print(
        f"look at {folder / 'strip.png'} and {folder / 'side_by_side.mp4'}; open {blend} in Blender"
    )


if __name__ == "__main__":
    try:
        main()
        status = 0
    except UserError as error:
        print(f"mien: {error}", file=sys.stderr)
        status = 2
    sys.stdout.flush()
    os._exit(status)  # Blender as a module may hang when the interpreter shuts down
