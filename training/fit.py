"""GENet's way (Song et al. 2020, arXiv 2004.05908): the parameters of one face by gradient descent
through G.  `mien fit IMAGE`, and what R is compared with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from mien.core import alignment, models, parameters
from mien.core.countdown import Countdown
from mien.core.errors import UserError
from mien.core.frames import read_image
from mien.core.tracking import Tracker
from mien.training import losses
from mien.training.checkpoint import read_network, write_file, write_picture
from mien.training.data import Pixels
from mien.training.generator import Generator
from mien.training.regressor import Eyes, ParserEyes
from mien.training.shipped import parser_of
from mien.training.task import to_tensor

STEPS: Final = 150
RATE: Final = 0.02  # of Adam, in the units of the parameters, falling along half a cosine
SPARSITY: Final = losses.WEIGHTS["pr"]


def fit(
    generator: Generator,
    eyes: Eyes,
    images: Tensor,
    steps: int = STEPS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, list[float]]:
    """Parameters (B, n) in their ranges of aligned faces (B, 3, S, S) in 0..1, and the mean content
    loss at every step.

    Minimises equation (8) between G(y) and the image, with equation (10) against parameters that
    cancel each other, from the base face on; each face for itself.  ``generator`` and ``eyes`` are
    frozen.
    """
    with torch.no_grad():
        real = eyes(images)
    layout = str(generator.config["layout"])
    table = parameters.PARAMETERS[: parameters.size(layout)]
    low, high = (images.new_tensor([getattr(p, k) for p in table]) for k in ("low", "high"))
    start = torch.from_numpy(parameters.neutral(layout)).to(images)
    y = start.repeat(len(images), 1).requires_grad_()
    optimizer = torch.optim.Adam([y], RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    found = []
    for step in range(steps):
        content = eyes.content(eyes(generator(y)), real)
        # Means over the batch: times its size, every face moves as if it were alone.
        loss = len(images) * (content + SPARSITY * losses.l_pr(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        with torch.no_grad():
            y.clamp_(low, high)
        found.append(float(content.detach()))
        if progress:
            progress(step + 1, steps)
    return y.detach(), found


def aligned_image(path: Path, size: int) -> Pixels:
    """(size, size, 3) RGB: the largest face of a picture as capture aligns it; UserError where
    capture finds none."""
    image = read_image(path)
    faces = Tracker(models.load("cpu"), 1).update(image)
    if not faces:
        raise UserError(f"No face was found in {path.name}: choose a picture that shows one large.")
    matrix = alignment.aligned_matrix(faces[0].points, size)
    return np.asarray(alignment.warp(image, matrix, size), np.uint8)


def fit_image(
    path: Path,
    generator: Path,
    parser: Path | None,
    out: Path,
    device: torch.device,
    steps: int = STEPS,
) -> dict[str, Any]:
    """Fits the face of a picture through G and F_seg, the shipped one where ``parser`` is None;
    writes ``out`` (JSON) and a picture of it beside G(y) there.

    UserError where one of them would take the place of the picture itself.
    """
    beside = out.with_suffix(".png")
    if out.suffix.lower() != ".json":
        raise UserError(f"The parameters are written as JSON: give {out} the ending .json.")
    if beside.exists() and path.exists() and beside.samefile(path):
        raise UserError(f"{beside} is the picture itself: name another .json.")
    g = read_network(generator, Generator).to(device)
    eyes = ParserEyes(parser_of(parser)).requires_grad_(False).to(device)
    image = aligned_image(path, int(g.config["size"]))
    started = time.monotonic()
    y, content = fit(g, eyes, to_tensor([image]).to(device), steps, Countdown("step"))
    with torch.no_grad():
        drawn = g(y)[0].permute(1, 2, 0).cpu().numpy()
    values = y[0].cpu().numpy().astype(float)
    report = {
        "image": path.name,
        "seconds": round(time.monotonic() - started, 2),
        "content loss": {"first": content[0], "last": content[-1]},
        "signals": {k: round(float(v), 4) for k, v in parameters.signals(values).items()},
        "parameters": {
            p.name: round(float(v), 4) for p, v in zip(parameters.PARAMETERS, values, strict=False)
        },
    }
    write_file(out, (json.dumps(report, indent=1) + "\n").encode())
    both = np.hstack([image, (drawn * 255).round().astype(np.uint8)])
    write_picture(beside, both)
    return report
