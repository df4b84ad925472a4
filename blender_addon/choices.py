# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel's lists call their entries; knows nothing of bpy."""

from __future__ import annotations

AUTO, FILE, WEBCAM = "AUTO", "FILE", "WEBCAM"
MARKED, SAVED = "frames", "saved"  # the neutral is what these show, or a file of the performer
ACTION, STRIP, RANGE = "ACTION", "STRIP", "RANGE"  # where the keys go
EVERY, STEP, REDUCED = "EVERY", "STEP", "REDUCED"  # how many there are
EDITED = "EDITED"  # the mapping is the editor's
KEYED, POSED = "KEYED", "POSED"  # what becomes of a photo
