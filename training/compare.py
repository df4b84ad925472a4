"""R against GENet's iterative fit in one run: `mien evaluate fit DIR`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.core.countdown import Countdown
from mien.core.errors import UserError
from mien.training.checkpoint import read_network
from mien.training.data import Pairs
from mien.training.evaluate import held_out
from mien.training.fit import STEPS, fit
from mien.training.regressor import Regressor, learnt_through
from mien.training.task_aligned import judged
from mien.training.task_regressor import RegressorTask


def compare(
    pairs: Pairs,
    networks: dict[str, Path | None],
    device: torch.device,
    count: int = 100,
    steps: int = STEPS,
) -> dict[str, Any]:
    """Scores of both on the same ``count`` held-out faces, one at a time, and how long each takes.

    ``networks`` are the checkpoints ``generator``, ``parser`` (None for the shipped one) and
    ``regressor``.
    R's time holds F_seg's; alignment is the same for both and left out.
    """
    given = dict(networks)
    regressor = given.pop("regressor")
    network = read_network(regressor, Regressor).to(device)
    task = RegressorTask(pairs, **given, without=["id"])
    wanted = {"channels": task.eyes.channels(), "size": task.size, "layout": task.layout}
    fits = wanted == {key: network.config[key] for key in wanted}
    if not fits or learnt_through(regressor) != task.frozen:
        raise UserError(
            f"{regressor} did not learn with {given['generator']} and "
            f"{given['parser'] or 'the shipped F_seg'}: name networks of one training."
        )
    task.to(device)
    rng = np.random.default_rng(12)
    held = task.judges(np.array(held_out(pairs)))
    indices = rng.choice(held, min(count, len(held)), replace=False)
    images, _ = task.batch(rng, indices, disturbed=False)
    images = images.to(device)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "R": lambda image: network(*task.eyes(image)),
        "GENet": lambda image: fit(task.generator, task.eyes, image, steps)[0],
    }
    out: dict[str, Any] = {"faces": len(indices), "device": str(device), "steps": steps}
    seconds = {}
    for name, way in ways.items():
        said, spent, tell = [], [], Countdown(f"{name}: face")
        for image in images.split(1):
            started = time.perf_counter()
            with torch.set_grad_enabled(name == "GENet"):
                y = way(image).cpu()  # waits for the device
            spent.append(time.perf_counter() - started)
            said.append(y)
            tell(len(said), len(indices))
        seconds[name] = float(np.median(spent))
        scores = judged(torch.cat(said).numpy(), pairs.values[indices])
        out[name] = {"seconds per face": seconds[name], **scores}
    out["times faster"] = seconds["GENet"] / seconds["R"]
    return out
