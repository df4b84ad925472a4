"""Rig conventions as data: TOML presets and their loader."""

from .loader import detect, load, names

__all__ = ["detect", "load", "names"]
