"""Names people type and names rigs use: the nearest valid one, and spellings that are the same."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")  # AU1 is AU01
_SIDE = re.compile(r"(?:[_.\- ][LRlr]|(?<=[a-z])[LR])$")


def nearest(name: str, valid: Iterable[str]) -> str:
    """A clause to append to "there is no NAME": the valid name closest to it, or nothing."""
    by_key = {_LEADING_ZEROS.sub("", canonical(v)): v for v in valid}
    key = _LEADING_ZEROS.sub("", canonical(name))
    found = difflib.get_close_matches(key, by_key, n=1, cutoff=0.5)
    return f" (the nearest is {by_key[found[0]]!r})" if found else ""


@lru_cache(maxsize=65536)
def canonical(name: str) -> str:
    """One spelling for all: mouthSmile_L, MouthSmileLeft, mouthSmileL -> ``mouthsmileleft``."""
    name = unicodedata.normalize("NFKC", name)
    if side := _SIDE.search(name):
        name = name[: side.start()] + {"l": "left", "r": "right"}[side.group(0)[-1].lower()]
    return "".join(c for c in name.casefold() if c.isalnum())


def find(name: str, available: Collection[str]) -> list[str]:
    """The names among ``available`` that mean ``name``: as it stands, else in another spelling,
    else, for a name without a side, its left and right halves (browInnerUp_L, browInnerUp_R)."""
    if name in available:
        return [name]
    key = canonical(name)
    same = [a for a in available if canonical(a) == key]
    halves = [a for a in available if canonical(a) in (key + "left", key + "right")]
    return same or (halves if len({canonical(a) for a in halves}) == 2 else [])
