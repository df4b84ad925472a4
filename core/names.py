"""Names people type and names rigs use: the nearest valid one, and spellings that are the same."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")  # AU1 is AU01
_SIDE = re.compile(r"(?:[_.\- ][LRlr]|(?<=[a-z])[LR]|(?<=\d)[LRlr])$")
# Exporters write the mesh before a shape's name, and Daz its kind before and "_div2" behind:
# Genesis8Female__facs_bs_MouthClose_div2.
_WRAPPING = re.compile(
    r"^(?:.*__(?!(?:l|r|left|right)$))?(?:facs_(?:(?:bs|ctrl|jnt)_)?)?|_div2$", re.IGNORECASE
)


def nearest(name: str, valid: Iterable[str]) -> str:
    """A clause to append to "there is no NAME": the valid name closest to it, or nothing."""
    by_key = {canonical(v): v for v in valid}
    found = difflib.get_close_matches(canonical(name), by_key, n=1, cutoff=0.5)
    return f" (the nearest is {by_key[found[0]]!r})" if found else ""


@lru_cache(maxsize=65536)
def canonical(name: str) -> str:
    """One spelling for all: mouthSmile_L, MouthSmileLeft, mouthSmileL -> ``mouthsmileleft``."""
    name = _WRAPPING.sub("", unicodedata.normalize("NFKC", name)) or name
    if side := _SIDE.search(name):
        name = name[: side.start()] + {"l": "left", "r": "right"}[side.group(0)[-1].lower()]
    return "".join(c for c in _LEADING_ZEROS.sub("", name).casefold() if c.isalnum())


def find(name: str, available: Collection[str]) -> list[str]:
    """The names among ``available`` that mean ``name``: as it stands, else in another spelling,
    else, for a name without a side, its left and right halves (browInnerUp_L, browInnerUp_R)."""
    index = _index(available if isinstance(available, tuple | frozenset) else tuple(available))
    key = canonical(name)
    same = index.get(key, [])
    if name in same:
        return [name]
    halves = [index.get(key + side, []) for side in ("left", "right")]
    return same or ([*halves[0], *halves[1]] if all(halves) else [])


def find_any(called: Iterable[str], available: Collection[str]) -> list[str]:
    """What ``find`` finds for the first of several names that is there."""
    return next((found for name in called if (found := find(name, available))), [])


@lru_cache(maxsize=32)
def _index(available: tuple[str, ...] | frozenset[str]) -> dict[str, list[str]]:
    """Names by their canonical spelling; kept, as a rig is asked for hundreds of names in a row."""
    index: dict[str, list[str]] = {}
    for name in available:
        index.setdefault(canonical(name), []).append(name)
    return index
