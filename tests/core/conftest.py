"""Footage of every kind, made on the fly."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """A video whose frame i is a grey of 10 * i, its upper left corner white."""

    def make(
        name: str = "clip.mp4",
        frames: int = 3,
        size: tuple[int, int] = (64, 48),
        fps: float = 25,
        rotated: bool = False,
        picture: np.ndarray | None = None,
    ) -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, size)
        assert writer.isOpened()
        for i in range(frames):
            image = np.full((size[1], size[0], 3), 10 * i % 250, np.uint8)
            image[: size[1] // 3, : size[0] // 3] = 255
            writer.write(image if picture is None else picture)
        writer.release()
        if rotated:
            _flag_quarter_turn(path, size[1])
        return path

    return make


def _flag_quarter_turn(path: Path, height: int) -> None:
    """Ask players to turn the picture clockwise, through the matrix of the track header."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes lie before the matrix
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, height * one, 0, 1 << 30)
    path.write_bytes(data)
