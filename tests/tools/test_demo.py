"""The clip that the demo renders for itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_performance_is_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("demo", ROOT / "tools/demo.py")
    assert spec and spec.loader
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    monkeypatch.setattr(demo, "FPS", 1)  # at rest, smiling, ...
    monkeypatch.setattr(demo, "SECONDS", 2)
    monkeypatch.setattr(demo, "SIZE", 96)
    clip, truth = demo.perform(tmp_path)
    assert truth["AU12"] == pytest.approx([0, 0.9])
    film = cv2.VideoCapture(str(clip))
    frames = [film.read()[1].astype(float) for _ in range(2)]
    assert frames[0].shape == (96, 96, 3)
    assert np.abs(frames[1] - frames[0]).mean() > 1
