"""Which convention a rig follows, told from its names alone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from mien.core.mapping import Mapping
from mien.core.names import find, find_any

from .loader import load, names


class Match(NamedTuple):
    """How well a preset fits a rig: how many of its targets the rig has, and how sure it is.

    sure is 0..1: the smaller of the share of its targets that a rig of its kind is likely to have,
    judging by those that are there, and, against each other preset that fits, the share that
    speaks for it among the names on which the two differ.
    """

    name: str
    matched: int
    total: int
    sure: float

    @property
    def evidence(self) -> float:
        """Many names found and few missing: neither the share alone, which favours the presets
        that are small, nor the count alone, which favours the large."""
        return self.matched**2 / self.total

    def words(self) -> str:
        """How sure, for people to read."""
        return "sure" if self.sure > 0.85 else "likely" if self.sure > 0.5 else "a guess"


def detect(available_names: Iterable[str]) -> list[Match]:
    """The presets whose required names are there, the best first."""
    available = frozenset(available_names)
    fits = [fit for name in names() if (fit := _fit(_preset(name), available))]
    matches = [(Match(f.name, f.matched, f.total, _sure(f, fits)), f.exact) for f in fits]
    matches.sort(key=lambda item: (item[0].evidence, item[1]), reverse=True)
    return [match for match, _ in matches]


class _Fit(NamedTuple):
    name: str
    matched: int
    total: int
    exact: int  # targets in the preset's own spelling
    found: frozenset[str]  # the rig's names that its targets are

    def share_against(self, other: _Fit) -> float:
        """The share that speaks for this one among the names on which the two differ."""
        pro = len(self.found - other.found) + other.total - other.matched
        con = len(other.found - self.found) + self.total - self.matched
        return pro / (pro + con) if pro + con else 1.0


def _fit(mapping: Mapping, available: frozenset[str]) -> _Fit | None:
    targets = mapping.targets()
    hits = {target: find_any(called, available) for target, called in targets.items()}
    if not all(hits.get(name) or find(name, available) for name in mapping.requires):
        return None
    exact = sum(target in found for target, found in hits.items())
    matched = sum(map(bool, hits.values()))
    found = frozenset(name for hit in hits.values() for name in hit)
    return _Fit(mapping.name, matched, len(targets), exact, found) if matched else None


def _sure(fit: _Fit, fits: list[_Fit]) -> float:
    shares = (fit.share_against(other) for other in fits if other is not fit)
    # Laplace's rule of succession: a few names that are all there may be there by chance.
    return min([(fit.matched + 1) / (fit.total + 2), *shares])


@lru_cache(maxsize=64)
def _preset(name: str) -> Mapping:
    return load(name)
