# SPDX-License-Identifier: GPL-3.0-or-later
"""How the sliders of the Mien face move it: without Python, and cheaply enough to play live.

Custom properties of the armature object are the sliders.  Drivers turn them into activations, the
values of shape keys (FaceModel.activations).  What bones do is linear in those, and shape keys are
Blender's fastest linear map: a hidden mesh has a vertex for each of a bone's location, rotation and
scale, its shape keys are the columns of FaceModel.bone_motion, and Transformation constraints hand
the vertices to the bones.  A driver for each channel of each bone would take four times as long.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from mien.core import face_model, parameters
from mien.core.face_model import FaceModel

Array = NDArray[Any]

STILL = ("eye.L", "eye.R", "root", "neck", "head")  # bones that gaze and pose turn, not sliders
_KINDS = {"LOCATION": "", "ROTATION": "_rot", "SCALE": "_scale"}  # what a constraint calls them


def add_motion(armature: Any, body: Any, model: FaceModel, shapes: Array, motion: Array) -> None:
    """Puts sliders on the armature that move its bones and its mesh, the body.

    For each slider of the model at its fullest: shapes (S, V, 3), where the vertices of the body
    are in Blender's axes, and motion (S, B, 9), see FaceModel.bone_motion.
    """
    _sliders(armature)
    _activated(body, armature, model, shapes)
    bones = [b for b, name in enumerate(model.bones) if name not in STILL and motion[:, b].any()]
    columns = motion[:, bones].reshape(len(motion), -1, 3)
    mover = _mover(armature, columns.shape[1])
    _activated(mover, armature, model, columns)
    for row, b in enumerate(bones):
        _follow(armature.pose.bones[model.bones[b]], mover, 3 * row)
    for eye in ("eye.L", "eye.R"):
        for axis, (slider, sign) in enumerate((("gaze.pitch", -1.0), ("gaze.yaw", 1.0))):
            driver = armature.pose.bones[eye].driver_add("rotation_euler", axis).driver
            driver.expression = f"{sign * np.pi / 180:.9g}*{_variable(driver, armature, slider)}"


def _sliders(armature: Any) -> None:
    for slider in face_model.SLIDERS:
        armature[slider] = 0.0
        meaning = parameters.AU_MEANING.get(slider.removesuffix(".L").removesuffix(".R"), slider)
        armature.id_properties_ui(slider).update(
            min=0, max=1, soft_min=0, soft_max=1, description=meaning
        )
    for slider, limit in (
        ("gaze.yaw", parameters.GAZE_YAW_LIMIT),
        ("gaze.pitch", parameters.GAZE_PITCH_LIMIT),
    ):
        armature[slider] = 0.0
        armature.id_properties_ui(slider).update(min=-limit, max=limit, description="degrees")


def _activated(item: Any, armature: Any, model: FaceModel, points: Array) -> None:
    """A shape key for each slider of the model, driven by its activation: points (S, V, 3)."""
    item.shape_key_add(name="Basis")
    for slider, shape in zip(model.sliders, points, strict=True):
        key = item.shape_key_add(name=slider)
        # Blender holds a driven value in its range, and an activation may grow beyond 1.
        growth = [1 - strength for faded, _, strength in model.fades if faded == slider]
        key.slider_min, key.slider_max = 0.0, float(np.prod(np.maximum(growth, 1)))
        key.data.foreach_set("co", shape.astype(np.float32).ravel())
        driver = key.driver_add("value").driver
        driver.expression = _activation(driver, armature, slider, model)


def _mover(armature: Any, count: int) -> Any:
    """A hidden mesh of ``count`` vertices at the origin, a vertex group for each."""
    mesh = bpy.data.meshes.new(armature.name + " motion")
    mesh.vertices.add(count)
    mover = bpy.data.objects.new(mesh.name, mesh)
    for collection in armature.users_collection:
        collection.objects.link(mover)
    mover.parent = armature
    mover.hide_viewport = mover.hide_render = mover.hide_select = True
    for vertex in range(count):
        mover.vertex_groups.new(name=str(vertex)).add([vertex], 1.0, "REPLACE")
    return mover


def _follow(bone: Any, mover: Any, first: int) -> None:
    """Adds three vertices of the mover to a bone's location, rotation and scale."""
    for vertex, (kind, suffix) in enumerate(_KINDS.items(), first):
        follow = bone.constraints.new("TRANSFORM")
        follow.name = kind.title()
        follow.target, follow.subtarget = mover, str(vertex)
        follow.target_space = follow.owner_space = "LOCAL"
        follow.map_from, follow.map_to = "LOCATION", kind
        follow.use_motion_extrapolate = True
        follow.map_to_x_from, follow.map_to_y_from, follow.map_to_z_from = "XYZ"
        start = int(kind == "SCALE")
        for axis in "xyz":
            setattr(follow, f"from_max_{axis}", 1)
            setattr(follow, f"to_min_{axis}{suffix}", start)
            setattr(follow, f"to_max_{axis}{suffix}", start + 1)
        follow.mix_mode = follow.mix_mode_rot = "ADD"
        follow.mix_mode_scale = "MULTIPLY"


def _variable(driver: Any, armature: Any, slider: str) -> str:
    name = slider.replace(".", "_")
    if name not in driver.variables:
        variable = driver.variables.new()
        variable.name = name
        variable.targets[0].id = armature
        variable.targets[0].data_path = f'["{slider}"]'
    return name


def _activation(driver: Any, armature: Any, slider: str, model: FaceModel) -> str:
    """FaceModel.activations for one slider, as a simple expression (runs without Python)."""
    own = slider.removesuffix(face_model.HALF)
    if own.startswith("lids."):
        pitch = _variable(driver, armature, "gaze.pitch")
        sign = 1 if own == "lids.up" else -1
        text = f"max({sign / parameters.GAZE_PITCH_LIMIT:.9g}*{pitch},0)"
    else:
        text = "*".join(_variable(driver, armature, part) for part in own.split("*"))
        if slider.endswith(face_model.HALF):
            text = f"4*{text}*(1-{text})"
    for faded, other, strength in model.fades:
        if faded == slider:
            text += f"*(1-{strength:g}*{_variable(driver, armature, other)})"
    return text
