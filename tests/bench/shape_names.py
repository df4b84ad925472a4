"""What a shape key's name says in words, as a shape of the Mien face.

The rigs of ``rigs.py`` are sculpted by this reading alone, never by a preset, so that a preset that
takes a name for something else moves the wrong thing.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mien.core import parameters
from mien.core.face_model import FaceModel, Person

Array = NDArray[np.float64]

_PREFIX = re.compile(r"^(?:.*__)?(?:CTRL_expressions[_.]|facs_(?:bs_|ctrl_|jnt_)?|A\d\d_)?|_div2$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"left": "L", "right": "R", "l": "L", "r": "R"}
_QUARTERS = {"ul": "L", "dl": "L", "ur": "R", "dr": "R"}

# A look: which eye, and where to. "In" is towards the nose.
_LOOKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"eye (?P<eye>l|r) look (?P<way>l|r|up|down)",
        r"eye look (?P<way>in|out|up|down|left|right) (?P<eye>left|right|l|r)",
        r"(?P<eye>left|right) eye(?:turn)? (?P<way>left|right|up|down)",
        r"look (?P<way>left|right|up|down)",
    )
)
_WHOLE_LOOK = {"gaze.yaw": parameters.GAZE_YAW_LIMIT, "gaze.pitch": parameters.GAZE_PITCH_LIMIT}
_MAKEHUMAN_LOOK = 20.0  # degrees that its eye poses turn by

# (words to find, action units); the first that is found counts.  Sides are read apart.
_ACTIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("cheek (squint|raise|up)", {"AU06": 1}),
    ("(cheek|cheeks) (puff|blow|pump)", {"AD34": 1}),
    ("brow inner up|brow raise in|inner brow up", {"AU01": 1}),
    ("brow outer up|brow raise outer|outer brow up", {"AU02": 1}),
    ("brow (down|drop|lowerer)", {"AU04": 1}),
    ("brow (lateral|pinch)", {"AU04": 0.2}),
    ("blink|(eye|lid) closed", {"AU43": 1}),
    ("eyelid open lower", {}),
    ("wide|widen|lid open|eyelid open", {"AU05": 1}),
    ("squint|lower lid up", {"AU07": 1}),
    ("nose (sneer|wrinkle|wrinkler)", {"AU09": 1}),
    ("jaw (open|drop)$", {"AU26": 1, "AU25": 1}),
    ("(jaw|chin) (forward|fwd)", {"AU29": 1}),
    ("funnel|lip forward", {"AU22": 1}),
    ("pucker|purse|kiss", {"AU18": 1}),
    ("smile|corner pull|pull up", {"AU12": 1}),
    ("corner slant", {"AU12": 0.2}),
    ("frown|corner depress|pull down", {"AU15": 1}),
    ("dimple", {"AU14": 1}),
    ("mouth stretch|pull side", {"AU20": 1}),
    ("roll|lip suck|bite|lip backward", {"AU28": 1}),
    ("shrug|raiser|chin raise|mouth mouth press|lower lip up", {"AU17": 1}),
    ("press", {"AU24": 1}),
    ("lower lip (depress|down)|lower down|down lower", {"AU16": 1}),
    ("upper lip (raise|up)|upper up|up upper", {"AU10": 1}),
)
_BY_LIP = re.compile("funnel|pucker|purse|roll|suck|bite|shrug|raiser|press|lip (forward|backward)")

# Whole expressions and Japanese names, word for word.
_AA, _IH, _OU = {"AU26": 0.8, "AU25": 0.8}, {"AU25": 0.6, "AU10": 0.2}, {"AU18": 1.0}
_OH = {"AU22": 1.0, "AU26": 0.3, "AU25": 0.3}
_EXPRESSIONS: dict[str, dict[str, float]] = {
    "happy": {"AU12": 1, "AU06": 0.5},
    "angry": {"AU04": 1, "AU09": 0.3},
    "sad": {"AU15": 1, "AU01": 0.3},
    "surprised": {"AU01": 1, "AU02": 1, "AU05": 0.6, "AU26": 0.3, "AU25": 0.3},
    "aa": _AA, "ih": _IH, "ou": _OU, "ee": {"AU20": 0.8, "AU25": 0.4}, "oh": _OH,
    "まばたき": {"AU43": 1}, "ウィンク２": {"AU43.L": 1}, "ウィンク２右": {"AU43.R": 1},
    "びっくり": {"AU05": 1}, "じと目": {"AU43": 0.5},
    "あ": _AA, "い": _IH, "う": _OU, "お": _OH,
    "口角上げ": {"AU12": 1}, "口角下げ": {"AU15": 1}, "口横広げ": {"AU20": 1},
    "怒り": {"AU04": 1, "AU02": 0.3}, "困る": {"AU01": 1}, "上": {"AU01": 1, "AU02": 1},
}  # fmt: skip


class Sculptor:
    """Makes shapes of one person.  Left is where x > 0."""

    def __init__(self, model: FaceModel, person: Person) -> None:
        self.model, self.person = model, person
        self.rest = model.pose(person, {})
        x = self.rest[:, 0]
        left = np.clip(x / 0.01 + 0.5, 0, 1)  # sides fade into each other over a centimetre
        opened = np.linalg.norm(self.offsets({"AU26": 1, "AU25": 1}), axis=1)
        low = np.clip(opened / 0.006, 0, 1)
        everywhere = np.ones_like(x)
        self._where = {"L": left, "R": 1 - left, "lower": low, "upper": 1 - low, "": everywhere}

    def offsets(self, sliders: dict[str, float]) -> Array:
        """(V, 3) of sliders; an action unit without a side is both."""
        values: dict[str, float] = {}
        for name, value in sliders.items():
            sides = [f"{name}.L", f"{name}.R"] if name in parameters.SIDED_AUS else [name]
            values |= dict.fromkeys(sides, value)
        return np.asarray(self.model.pose(self.person, values) - self.rest)

    def shape(self, name: str) -> Array | None:
        """(V, 3) offsets of the shape key of that name; None for a name that says nothing here."""
        if name in _EXPRESSIONS:
            return self.offsets(_EXPRESSIONS[name])
        words = [word.lower() for word in _WORDS.findall(_PREFIX.sub("", name))]
        if words[:1] == ["au"] or words[:1] == ["ad"]:
            return self._action_unit(words)
        text = " ".join(words)
        for look in _LOOKS:
            if found := look.fullmatch(text):
                whole = _MAKEHUMAN_LOOK if look is _LOOKS[2] else 0.0
                return self._look(found.groupdict().get("eye") or "", found["way"], whole)
        if found := re.fullmatch(r"(?:jaw|chin) (left|right|l|r)", text):
            return self.offsets({f"AU30.{_SIDES[found[1]]}": 1})
        return self._action(words)

    def _action_unit(self, words: list[str]) -> Array:
        number = f"{words[0].upper()}{int(words[1]):02d}"
        if ways := {"AU61": "left", "AU62": "right", "AU63": "up", "AU64": "down"}.get(number):
            return self._look("", ways, 0.0)
        return self.offsets({".".join([number, *(_SIDES[w] for w in words[2:])]): 1})

    def _look(self, eye: str, way: str, whole: float) -> Array:
        side = _SIDES.get(eye, "")
        if way in ("in", "out"):
            way = "left" if (side == "L") == (way == "out") else "right"
        angle = "gaze.pitch" if way in ("up", "down") else "gaze.yaw"
        sign = 1 if way in ("up", "left", "l") else -1
        offsets = self.offsets({angle: sign * (whole or _WHOLE_LOOK[angle])})
        return offsets * self._where[side][:, None]

    def _action(self, words: list[str]) -> Array | None:
        sides = {**_SIDES, **_QUARTERS}
        side = next((sides[word] for word in words if word in sides), "")
        text = " ".join(word for word in words if word not in sides)
        found = next((aus for pattern, aus in _ACTIONS if re.search(pattern, text)), None)
        if found is None:
            return None
        paired = side and set(found) <= set(parameters.SIDED_AUS)
        offsets = self.offsets({f"{au}.{side}" if paired else au: a for au, a in found.items()})
        lip = ""
        if _BY_LIP.search(text):
            quarter = {w[0] for w in words if w in _QUARTERS}
            lip = "upper" if {"upper", "up", "u"} & {*words, *quarter} else lip
            lip = "lower" if {"lower", "down", "d"} & {*words, *quarter} else lip
        where = self._where["" if paired else side] * self._where[lip]
        return offsets * where[:, None]
