# SPDX-License-Identifier: GPL-3.0-or-later
"""The face that is being tracked, as a small picture for the panel."""

from __future__ import annotations

import base64

import bpy.utils.previews
import numpy as np

from mien.core.preview import SIDE


class Picture:
    """A picture that a layout can show as an icon; :meth:`close` it at the end."""

    def __init__(self) -> None:
        self._kept = bpy.utils.previews.new()
        self._preview = self._kept.new("face")
        self._preview.image_size = SIDE, SIDE

    def show(self, pixels: str) -> None:
        """Takes a picture of ``mien.core.preview``."""
        packed = np.frombuffer(base64.b64decode(pixels), np.int32)
        self._preview.image_pixels.foreach_set(packed)

    @property
    def icon(self) -> int:
        """For ``UILayout.template_icon``."""
        return int(self._preview.icon_id)

    def close(self) -> None:
        """Gives its memory back."""
        bpy.utils.previews.remove(self._kept)
