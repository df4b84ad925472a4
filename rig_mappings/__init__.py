"""Rig conventions as data: TOML presets and their loader."""
