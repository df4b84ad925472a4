"""What tests read of the animation of an ID."""

from __future__ import annotations

import bpy
import numpy as np


def curves_of(owner: bpy.types.ID) -> dict[tuple[str, int], bpy.types.FCurve]:
    """The F-curves that play on an ID, in any Blender."""
    data = owner.animation_data
    if data is None or data.action is None:
        return {}
    if hasattr(data, "action_slot"):
        strip = data.action.layers[0].strips[0]
        found = strip.channelbag(data.action_slot).fcurves
    else:
        found = data.action.fcurves
    return {(c.data_path, c.array_index): c for c in found}


def keys_of(curve: bpy.types.FCurve) -> np.ndarray:
    out = np.empty(len(curve.keyframe_points) * 2, np.float32)
    curve.keyframe_points.foreach_get("co", out)
    return out.reshape(-1, 2)
