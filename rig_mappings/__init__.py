"""Rig conventions as data: TOML presets and their loader."""

from .detection import Match, detect
from .loader import load, names

__all__ = ["Match", "detect", "load", "names"]
