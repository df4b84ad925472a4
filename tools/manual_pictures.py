"""Photographs the panel for docs/manual/, in a window of a real Blender that has the extension.

    xvfb-run -s "-screen 0 1280x1300x24" blender --window-geometry 0 0 1280 1300 \\
        -P tools/manual_pictures.py -- CLIP FOLDER

Runs in Blender's own Python, one step at a time from a timer, and grabs the X screen with
ImageMagick's ``import``.  The panels below the first are closed at first; to show one open it is
registered anew under another name, as Blender remembers which ones it has seen closed.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator

import addon_utils
import bpy

EXTENSION = "bl_ext.user_default.mien"
CLIP, FOLDER = sys.argv[sys.argv.index("--") + 1 :]
# Parts of the screen: the face and the sidebar, the sidebar alone.
BOTH, SIDEBAR = "722x610+330+70", "302x1110+752+70"
SETTLE = 3.0  # s for a redraw, at a software OpenGL's pace


def photograph(name: str, crop: str) -> None:
    path = os.path.join(FOLDER, f"{name}.png")
    grab = ["import", "-window", "root", "-crop", crop, "+repage"]
    subprocess.run([*grab, "+dither", "-colors", "96", path], check=True)


def view() -> tuple[bpy.types.Area, dict[str, object]]:
    """The 3D view, and the context of its main region."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return area, {"window": window, "area": area, "region": region}


def unfold(classes: list[type], suffix: str, *wanted: str) -> None:
    """Shows the panels wanted open and the others closed."""
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
    for cls in classes:
        name = cls.__name__
        cls.bl_idname = f"{name}_{suffix}"
        if hasattr(cls, "bl_parent_id"):
            cls.bl_parent_id = f"{cls.bl_parent_id.partition('_shown')[0]}_{suffix}"
        cls.bl_options = set() if name in wanted else {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)


def steps() -> Iterator[float]:
    """Yields how long to wait before the next one."""
    addon_utils.enable(EXTENSION, default_set=True)
    addon = importlib.import_module(EXTENSION)
    memory = importlib.import_module(f"{EXTENSION}.keying").memory
    panels = [cls for cls in addon._CLASSES if issubclass(cls, bpy.types.Panel)]
    area, context = view()
    space = area.spaces[0]
    space.show_region_ui = True
    space.overlay.show_overlays = False
    bpy.data.batch_remove(list(bpy.data.objects))
    with bpy.context.temp_override(**context):
        bpy.ops.mien.add_face()
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield SETTLE
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Mien"
    settings = bpy.context.scene.mien
    settings.source = CLIP
    settings.target = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    yield SETTLE
    space.region_3d.view_distance = 0.6
    space.region_3d.view_location.z -= 0.06  # beside the panel, at the top of a high window
    yield SETTLE
    photograph("rest", BOTH)
    with bpy.context.temp_override(**context):
        bpy.ops.mien.capture("INVOKE_DEFAULT")
    while memory.running and not memory.running.picture:
        yield 0.2
    yield 1.5  # the panel grows in a moving way
    photograph("capturing", BOTH)
    while memory.running:
        yield 0.5
    bpy.context.scene.frame_set(44)
    yield SETTLE
    photograph("after", BOTH)
    unfold(panels, "shown1", "MIEN_PT_capture", "MIEN_PT_tune", "MIEN_PT_tune_regions")
    yield SETTLE
    photograph("tune", SIDEBAR)
    with bpy.context.temp_override(**context):
        bpy.ops.mien.edit_mapping()
    unfold(panels, "shown2", "MIEN_PT_capture", "MIEN_PT_mapping")
    settings.edited.channel = 23
    yield SETTLE
    photograph("mapping", SIDEBAR)


def main() -> None:
    bpy.context.preferences.view.show_splash = False
    os.makedirs(FOLDER, exist_ok=True)
    running = steps()

    def step() -> float:
        try:
            return next(running)
        except StopIteration:
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    bpy.app.timers.register(step, first_interval=SETTLE)


main()
