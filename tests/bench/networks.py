"""What each shipped network costs: python tests/bench/networks.py

Milliseconds of one run on random input as capture runs it, the median of many, and
how many products of 512x512 matrices take as long beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from mien.core import models
from mien.core.finder import SIZES

ROUNDS: Final = 60


def median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    work()
    spent = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - start))
    return float(np.median(spent))


def main() -> None:
    loaded, manifest = models.load("cpu"), models.read_manifest()
    rng = np.random.default_rng(0)
    square = rng.random((512, 512), np.float32)
    for name in models.NETWORKS:
        session, entry = getattr(loaded, name), manifest[f"{name}.onnx"]
        sides = SIZES if name == "finder" else (None,)
        for side in sides:
            shapes = {
                k: (1, 3, side, side) if side else (1, *v) for k, v in entry["inputs"].items()
            }
            given = {key: rng.random(shape, np.float32) for key, shape in shapes.items()}
            spent = median(lambda s=session, g=given: s.run(None, g))
            beside = median(lambda: square @ square)
            label = f"{name} {side}" if side else name
            print(f"{label:12} {spent:6.2f} ms, {spent / beside:5.1f} products")


if __name__ == "__main__":
    main()
