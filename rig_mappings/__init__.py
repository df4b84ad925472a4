"""Rig conventions as data: TOML presets and their loader."""

from .detection import Match, detect
from .loader import load, names
from .writer import dumps

__all__ = ["Match", "detect", "dumps", "load", "names"]
