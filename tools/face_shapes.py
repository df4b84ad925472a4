"""What each slider of the face does and where the components sit: the facts of the build."""

from __future__ import annotations

from typing import Final

# What begins so is a unit near the middle of the lips alone, under a bell of these standard
# deviations (dm, across and up).
MIDDLE: Final = "middle of "
MIDDLE_SPREAD: Final = (0.08, 0.12)
# What begins so is a unit without what it does above a height of the base head; that, and over how
# much of it the unit fades (dm).
BELOW: Final = "below the eyes "
BELOW_HEIGHT: Final = (7.16, 0.03)

# Slider -> {ARKit unit: weight}.  A "*" at the end stands for the slider's own side; between two
# sliders it makes a corrective, as active as their product.
# Full is as far as people go: a brow rises by 5 mm, a cheek by 10, corners of a smile go 9 out and
# 10 up.  What the units move together, as all that parts lips, is told apart by what moves with it:
# a nostril with AU 10, corners and chin with AU 16, the middle alone with AU 25.
AU_UNITS: Final[dict[str, dict[str, float]]] = {
    "AU01": {"browInnerUp": 1.4},
    "AU02.*": {"browOuterUp*": 1.4},
    "AU04.*": {"browDown*": 1.15},
    "AU05.*": {"eyeWide*": 1.0},
    "AU06.*": {"cheekSquint*": 1.2, "eyeSquint*": 0.1},
    "AU07.*": {"eyeSquint*": 1.0, "eyeBlink*": 0.07},
    "AU09.*": {"noseSneer*": 1.7, "mouthUpperUp*": 0.2, "browDown*": 0.3},
    "AU10.*": {"mouthUpperUp*": 1.25, BELOW + "noseSneer*": 0.4},
    "AU12.*": {"mouthSmile*": 0.85, "mouthStretch*": 0.45},
    "AU14.*": {"mouthDimple*": 1.4},
    "AU15.*": {"mouthFrown*": 1.35},
    "AU16": {
        "mouthLowerDownLeft": 1.5,
        "mouthLowerDownRight": 1.5,
        "mouthStretchLeft": 0.25,
        "mouthStretchRight": 0.25,
        "mouthShrugLower": -0.3,
    },
    "AU17": {"mouthShrugLower": 1.35, "mouthShrugUpper": 0.45},
    "AU18": {"mouthPucker": 1.0},
    "AU20.*": {"mouthStretch*": 1.25, "mouthSmile*": 0.1},
    "AU22": {"mouthFunnel": 1.0},
    "AU24": {
        "mouthPressLeft": 0.8,
        "mouthPressRight": 0.8,
        "mouthRollLower": 0.25,
        "mouthRollUpper": 0.25,
    },
    "AU25": {
        "mouthUpperUpLeft": 0.15,
        "mouthUpperUpRight": 0.15,
        MIDDLE + "mouthUpperUpLeft": 0.5,
        MIDDLE + "mouthUpperUpRight": 0.5,
        "mouthLowerDownLeft": 0.25,
        "mouthLowerDownRight": 0.25,
        MIDDLE + "mouthLowerDownLeft": 0.6,
        MIDDLE + "mouthLowerDownRight": 0.6,
    },
    "AU26": {"jawOpen": 1.0},
    "AU28": {"mouthRollLower": 1.05, "mouthRollUpper": 0.75},
    "AU30.L": {"jawLeft": 1.7},
    "AU30.R": {"jawRight": 1.7},
    "AU43.*": {"eyeBlink*": 1.0},
    "AU29": {"jawForward": 1.5},
    "AD34": {"cheekPuff": 1.3},
    # Both at once: the chin's muscle keeps the lips together while the jaw drops behind them.
    "AU17*AU26": {"mouthClose": 1.25, "mouthPucker": 0.5},
    # Lips that part in a smile bare the teeth from corner to corner: the upper one rises as far as
    # the corners do, and the lower one, which a smile alone lifts, sinks.
    "AU25*AU12.*": {
        "mouthUpperUp*": 1.2,
        "mouthLowerDown*": 1.6,
        MIDDLE + "mouthLowerDown*": 0.9,
    },
}

# The lids follow the gaze: slider of the model -> units (the eyeballs themselves turn by bones).
LID_UNITS: Final[dict[str, dict[str, float]]] = {
    "lids.up": {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
    "lids.down": {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
}

# A slider fades as another rises: activation = own * product(1 - strength * other).  Muscles that
# pull against each other do not add up in a face, and here they would put lids or lips through
# each other.
FADES: Final[dict[str, dict[str, float]]] = {
    "AU05.*": {"AU43.*": 1.0},
    "AU07.*": {"AU43.*": 1.0, "AU05.*": 0.5},
    "lids.up": {"AU43.L": 0.5, "AU43.R": 0.5},
    "lids.down": {"AU43.L": 0.5, "AU43.R": 0.5},
    "AU24": {"AU25": 1.0, "AU26": 1.0, "AU22": 0.7},
    "AU28": {"AU25": 0.7, "AU26": 0.8, "AU22": 0.7, "AU18": 0.7},
    "AU17": {"AU16": 0.6},
    "AU17*AU26": {"AU26": 0.5, "AU25": 1.0},
    "AU18": {"AU20.L": 0.4, "AU20.R": 0.4},
    "AU16": {"AU26": 0.5},
    "AU25": {"AU26": 0.45},
    "AU25*AU12.*": {"AU26": 0.6},
}

# The base's rows of teeth close edge to edge, at the slit of the lips: moved (dm) to where people
# have them, the upper row before the lower one and a little below its lip.
TEETH: Final[dict[str, tuple[float, float, float]]] = {
    "helper-upper-teeth": (0.0, -0.028, 0.025),
    "helper-lower-teeth": (0.0, -0.012, 0.005),
}

# iBUG's 68 points as vertices of the base mesh; brows (17-26) come from the brow style instead.
LANDMARKS: Final = (
    5738, 5433, 869, 912, 894, 915, 5295, 5222, 5225, 11832, 11901, 7617, 7596, 7614, 7574,
    12032, 12335, 212, 206, 204, 180, 209, 6984, 6956, 6979, 6981, 6987, 134, 164, 291, 297,
    358, 359, 343, 7120, 7119, 22, 10, 58, 67, 49, 34, 6851, 6842, 6794, 6806, 6818, 6833,
    402, 447, 458, 466, 7217, 7207, 7162, 7166, 7241, 492, 486, 406, 435, 470, 474, 7226,
    7195, 7265, 493, 518,
)  # fmt: skip


def _lids(upper: str, lower: str) -> list[str]:
    return [f"lid.T.L{s}" for s in upper.split("|")] + [f"lid.B.L{s}" for s in lower.split("|")]


# Component -> bones; of a sided one those of the left.
SIDED_BONES: Final[dict[str, list[str]]] = {
    "brow_head": ["brow.T.L.003", "brow.B.L.003", "brow.T.L.002"],
    "brow_body": ["brow.T.L.001", "brow.B.L.001", "brow.B.L.002"],
    "brow_tail": ["brow.T.L", "brow.B.L"],
    "eye": ["eye.L", *_lids("|.001|.002|.003", "|.001|.002|.003")],
    "lid_upper_outer": ["lid.T.L", "lid.T.L.001"],
    "lid_upper_inner": ["lid.T.L.002", "lid.T.L.003"],
    "lid_lower": ["lid.B.L.001", "lid.B.L.002"],
    "eye_corner_inner": ["lid.B.L", "brow.B.L.004"],
    "eye_corner_outer": ["lid.T.L", "lid.B.L.003"],
    "cheekbone": ["cheek.T.L"],
    "cheek_inner": ["cheek.T.L.001"],
    "cheek": ["cheek.B.L"],
    "mouth_side": ["cheek.B.L.001"],
    "jaw_corner": ["jaw.L"],
    "jaw_side": ["jaw.L.001"],
    "chin_side": ["chin.L"],
    "temple": ["temple.L"],
    "forehead_inner": ["forehead.L"],
    "forehead_outer": ["forehead.L.001", "forehead.L.002"],
    "ear": ["ear.L", "ear.L.001", "ear.L.002", "ear.L.003", "ear.L.004"],
    "nose_wing": ["nose.L.001"],
    "nose_side": ["nose.L"],
    "lip_upper": ["lip.T.L"],
    "lip_upper_outer": ["lip.T.L.001"],
    "lip_lower": ["lip.B.L"],
    "lip_lower_outer": ["lip.B.L.001"],
}
CENTRE_BONES: Final[dict[str, list[str]]] = {
    "nose_bridge": ["nose", "nose.001"],
    "nose_tip": ["nose.002", "nose.003"],
    "nose_bottom": ["nose.004"],
    "nose": ["nose", "nose.001", "nose.002", "nose.003", "nose.004", "nose.L.001", "nose.R.001"],
    "mouth": [f"lip.{a}.{s}{k}" for a in "TB" for s in "LR" for k in ("", ".001")],
    "chin": ["chin", "chin.001"],
    "jaw": ["jaw", "chin", "chin.001", "chin.L", "chin.R"],
}


def expand(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """A table with every "*" row written out for both sides; its units end in Left/Right."""
    out: dict[str, dict[str, float]] = {}
    for slider, units in table.items():
        if not slider.endswith("*"):
            out[slider] = dict(units)
            continue
        for side, word in (("L", "Left"), ("R", "Right")):
            out[slider[:-1] + side] = {
                (
                    u[:-1] + (side if u.startswith(("AU", "lids")) else word) if u[-1] == "*" else u
                ): w
                for u, w in units.items()
            }
    return out
