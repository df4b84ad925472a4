"""Landmarks in int8 beside fp32: python tests/bench/int8.py PAIRS [PAIRS ...]

Quantizes the shipped landmark network (static, per channel; calibrated on people who taught it)
and prints, of both, the bytes, the milliseconds a face takes on two threads, the two timed in
turns, and the error on people held out, in % of the eye corners' distance.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from mien.core import models
from mien.training.data import load_pairs
from mien.training.metrics import landmark_error
from mien.training.task_landmarks import LandmarksTask

CALIBRATE, JUDGE, ROUNDS = 128, 400, 200

Crops = tuple[NDArray[np.float32], NDArray[np.float32]]


def crops(task: LandmarksTask, indices: NDArray[np.int64]) -> Crops:
    """(N, 3, 128, 128) images and (N, 68, 2) points in 0..1, as cameras and trackers give them."""
    rng = np.random.default_rng(11)
    seen = [task.crop(rng, int(i), True, True, False) for i in indices]
    images = np.stack([image for image, _, _ in seen]).transpose(0, 3, 1, 2)
    points = np.stack([point for _, point, _ in seen])
    return images.astype(np.float32) / np.float32(255), points.astype(np.float32)


class Calibration(CalibrationDataReader):
    """One face at a time, as the library asks for them."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._left: Iterator[dict[str, Any]] = iter([{"image": one[None]} for one in images])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)


def quantized(source: Path, images: NDArray[np.float32], folder: Path) -> Path:
    """The network's file with weights and activations in int8."""
    ready, out = folder / "ready.onnx", folder / "int8.onnx"
    quant_pre_process(source, ready, skip_symbolic_shape=True)
    quantize_static(
        ready, out, Calibration(images), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"],
    )  # fmt: skip
    return out


def session(path: Path) -> ort.InferenceSession:
    """It, as capture runs it."""
    options = models.options("landmarks")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    task = LandmarksTask(load_pairs(*map(Path, sys.argv[1:])))
    taught, held = task.pairs.split()
    rng = np.random.default_rng(3)
    images, points = crops(task, rng.permutation(held)[:JUDGE])
    with tempfile.TemporaryDirectory() as scratch:
        source = models.WEIGHTS / "landmarks.onnx"
        small = quantized(
            source, crops(task, rng.permutation(taught)[:CALIBRATE])[0], Path(scratch)
        )
        paths = {"fp32": source, "int8": small}
        sessions = {name: session(path) for name, path in paths.items()}
        spent: dict[str, list[float]] = {name: [] for name in paths}
        for turn in range(ROUNDS):
            for name, network in sessions.items():
                began = time.perf_counter()
                network.run(None, {"image": images[turn % len(images)][None]})
                spent[name].append(1000 * (time.perf_counter() - began))
        for name, network in sessions.items():
            found = np.concatenate([network.run(["points"], {"image": one[None]})[0]
                                    for one in images])  # fmt: skip
            print(f"{name}: {paths[name].stat().st_size} bytes, {np.median(spent[name]):.2f} ms, "
                  f"{landmark_error(found, points).mean():.2f} %")  # fmt: skip
    ratio = np.median(np.array(spent["fp32"]) / spent["int8"])
    print(f"int8 is {ratio:.2f} times as fast as fp32, {len(held[:JUDGE])} faces held out")


if __name__ == "__main__":
    main()
