"""int8 beside fp32: python tests/bench/int8.py CLIP TAUGHT PAIRS

Quantizes the networks of capture (static, per channel, calibrated by what each of them sees of
people of TAUGHT who taught them), each alone and all together.  Prints the bytes; on the people of
PAIRS who are held out landmark error, agreement and pose as `mien evaluate pairs` has them; and the
frames a second of capture of CLIP, every kind in turn ROUNDS times, the fastest.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from mien.core import models
from mien.core.capture import capture
from mien.core.estimator import Estimator
from mien.core.parsing import parse
from mien.core.tracking import Tracker
from mien.training.checkpoint import write_file
from mien.training.data import Pairs, load_pairs
from mien.training.evaluate import evaluate_pairs, find, scene, see
from mien.training.metrics import Scores

CALIBRATE, ROUNDS = 96, 3

Feed = dict[str, Any]


class Recorder:
    """A session that keeps what it is fed."""

    def __init__(self, session: Any) -> None:
        self._session, self.feeds = session, list[Feed]()

    def run(self, outputs: Sequence[str] | None, feed: Feed) -> Any:
        self.feeds.append(feed)
        return self._session.run(outputs, feed)


class Calibration(CalibrationDataReader):
    """One feed at a time, as the library asks for them."""

    def __init__(self, feeds: list[Feed]) -> None:
        shapes = [tuple(x.shape for x in feed.values()) for feed in feeds]
        alike = [f for f, shape in zip(feeds, shapes, strict=True) if shape == shapes[-1]]
        self._left: Iterator[Feed] = iter(alike[:: -(-len(alike) // CALIBRATE)])

    def get_next(self) -> Feed | None:
        return next(self._left, None)


def fed(pairs: Pairs) -> dict[str, list[Feed]]:
    """What each network sees of people who taught it."""
    loaded = models.load("cpu")
    recorders = {name: Recorder(getattr(loaded, name)) for name in models.NETWORKS}
    listening = replace(loaded, **recorders)
    taught = pairs.acting(pairs.split()[0])
    for i in taught[np.linspace(0, len(taught) - 1, CALIBRATE).astype(int)].tolist():
        image = scene(pairs, i, 11)
        Tracker(listening, 2).update(image)  # who is who is asked of several
        face = find(listening, image, pairs.landmarks[i], np.random.default_rng(i))
        parse(listening.parser, image, face.points)
    few = taught[np.linspace(0, len(taught) - 1, CALIBRATE // 2).astype(int)].tolist()
    estimator, seen = Estimator(listening.estimator, loaded.values), see(pairs, few, loaded).samples
    for i in few:
        estimator.seen([seen[i]], seen[int(pairs.neutral[i])])
        estimator.seen([seen[i]], None)
    return {name: recorder.feeds for name, recorder in recorders.items()}


def quantized(name: str, feeds: list[Feed], scratch: Path) -> bytes:
    """That network with weights and activations in int8."""
    ready, out = scratch / "ready.onnx", scratch / "int8.onnx"
    quant_pre_process(models.WEIGHTS / f"{name}.onnx", ready, skip_symbolic_shape=True)
    quantize_static(
        ready, out, Calibration(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Gemm", "MatMul"],
    )  # fmt: skip
    return out.read_bytes()


def exchanged(folder: Path, networks: dict[str, bytes]) -> Path:
    """The shipped networks but for these, in a folder of their own."""
    shutil.copytree(models.WEIGHTS, folder)
    manifest = models.read_manifest(folder)
    for name, data in networks.items():
        write_file(folder / f"{name}.onnx", data)
        manifest[f"{name}.onnx"]["sha256"] = hashlib.sha256(data).hexdigest()
    write_file(folder / "manifest.json", json.dumps(manifest).encode())
    return folder


def rate(clip: Path, load: Callable[..., models.Models]) -> float:
    """Frames a second of capture."""
    with mock.patch.object(models, "load", load):
        start = time.perf_counter()
        (take,) = capture(clip, device="cpu")
    return len(take) / (time.perf_counter() - start)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    clip, taught, pairs = map(Path, sys.argv[1:])
    feeds, load = fed(load_pairs(taught)), models.load
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        small = {name: quantized(name, feeds[name], place) for name in models.NETWORKS}
        kinds = {"fp32": {}, **{f"int8 {name}": {name: small[name]} for name in small}}
        kinds["int8 all"] = small
        weights = {kind: exchanged(place / kind, parts) for kind, parts in kinds.items()}
        speed: dict[str, list[float]] = {kind: [] for kind in weights}
        for _ in range(ROUNDS):
            for kind, folder in weights.items():
                speed[kind].append(rate(clip, partial(load, folder=folder)))
        print("| | MB | landmarks, % | ICC(3,1) | pose, degrees | frames a second |")
        print("|---|---|---|---|---|---|")
        for kind, folder in weights.items():
            scores: Scores = evaluate_pairs([pairs], "cpu", folder)
            size = sum(path.stat().st_size for path in folder.glob("*.onnx")) / 1e6
            error = next(v for k, v in scores.items() if k.startswith("landmarks: mean"))
            said = scores["with neutral"]
            icc, pose = said["mean ICC(3,1) of 23 AUs"], said["pose error, degrees"]
            print(
                f"| {kind} | {size:.1f} | {error:.2f} | {icc:.3f} | {pose:.2f} | "
                f"{max(speed[kind]):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
