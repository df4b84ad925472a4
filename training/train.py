"""The loop that teaches any of the networks within a budget of wall-clock time.

mien train landmarks --pairs pairs --out runs --minutes 12
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from torch import nn

from mien.core.errors import UserError
from mien.training.checkpoint import read_checkpoint, write_checkpoint, write_file
from mien.training.data import load_pairs
from mien.training.task import Batch, Task
from mien.training.task_estimator import EstimatorTask
from mien.training.task_finder import FinderTask
from mien.training.task_landmarks import LandmarksTask

TASKS: Final[dict[str, type[Task]]] = {
    task.name: task for task in (FinderTask, LandmarksTask, EstimatorTask)
}
THREADS: Final = 2  # more only wait for each other in networks this small
WARM_UP: Final = 100  # steps
SAVE_EVERY: Final = 60.0  # seconds


def pick_device(wanted: str) -> torch.device:
    """ "auto" is cuda where there is one; UserError where cuda is asked for and missing."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch sees no CUDA device here; train with --device cpu or auto.")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(found if wanted == "auto" else wanted)


class Training:
    """A network on its way: steps, saves, reports."""

    def __init__(self, task: Task, out: Path, minutes: float, device: torch.device) -> None:
        self.task, self.out = task, out
        self.budget, self.device = minutes * 60, device
        self.train, self.held = task.pairs.split()
        torch.manual_seed(0)
        torch.set_num_threads(THREADS)
        cv2.setNumThreads(1)  # images are made beside the learning, not in front of it
        task.to(device)
        self.network = task.network().to(device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), task.rate, weight_decay=1e-2)
        self.step, self.spent = 0, 0.0
        self.losses: list[float] = []

    @property
    def checkpoint(self) -> Path:
        return self.out / f"{self.task.name}.pt"

    def resume(self) -> None:
        """Goes on where the checkpoint stopped, if there is one."""
        if not self.checkpoint.exists():
            return
        state = read_checkpoint(self.checkpoint)
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent, self.losses = state["step"], state["spent"], state["losses"]

    def save(self, scores: dict[str, Any] | None = None) -> None:
        state = {
            "name": self.task.name,
            "config": getattr(self.network, "config", {}),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "losses": self.losses,
            "samples": len(self.train),
            "seeds": list(self.task.pairs.seeds),
            "people": len(np.unique(self.task.pairs.person[self.train])),
            "scores": json.dumps(scores or {}),
        }
        write_checkpoint(self.checkpoint, state)

    def batches(self) -> Iterator[Batch]:
        """Batches without end, each made in a thread while the one before is learnt."""
        rng = np.random.default_rng(self.step)

        def make() -> Batch:
            indices = rng.choice(self.train, self.task.batch_size)
            return self.task.batch(rng, indices)

        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(make)
            while True:
                batch = coming.result()
                coming = pool.submit(make)
                yield batch

    def rate(self) -> float:
        """Up over the first steps, then down along half a cosine of the time spent."""
        cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, self.spent / self.budget)))
        return self.task.rate * min(1.0, (self.step + 1) / WARM_UP) * max(float(cosine), 0.01)

    def learn(self, batch: Batch) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        loss = self.task.loss(self.network, tuple(x.to(self.device) for x in batch))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def run(self) -> dict[str, Any]:
        """Learns until the budget is spent; the report, which also lies in ``out``."""
        recent: list[float] = []
        start = said = saved = time.monotonic()
        already = self.spent
        self.network.train()
        if not self.step:
            self.task.begin(self.network, 0.3 * self.budget)
        for batch in self.batches():
            if self.spent >= self.budget:
                break
            recent.append(self.learn(batch))
            now = time.monotonic()
            self.spent = already + now - start
            if now - said >= 10:
                said = now
                self.losses.append(float(np.mean(recent)))
                recent.clear()
                left = max(0.0, self.budget - self.spent)
                print(
                    f"{self.task.name}: step {self.step}, loss {self.losses[-1]:.4f}, "
                    f"{left // 60:.0f}:{left % 60:02.0f} left",
                    flush=True,
                )
            if now - saved >= SAVE_EVERY:
                saved = now
                self.save()
        return self.report()

    def report(self) -> dict[str, Any]:
        network = self.network.eval()
        scores = self.task.score(network, self.held)
        self.save(scores)
        report = {
            "network": self.task.name,
            "steps": self.step,
            "minutes": round(self.spent / 60, 2),
            "device": str(self.device),
            "samples": {"training": len(self.train), "held out": len(self.held)},
            "loss every 10 s": self.losses,
            "scores": scores,
        }
        text = json.dumps(report, indent=1) + "\n"
        write_file(self.out / f"{self.task.name}.json", text.encode())
        picture = cv2.cvtColor(self.task.picture(network, self.held), cv2.COLOR_RGB2BGR)
        write_file(self.out / f"{self.task.name}.png", cv2.imencode(".png", picture)[1].tobytes())
        return report


def train(
    name: str,
    folders: Sequence[Path],
    out: Path,
    minutes: float,
    device: str = "auto",
    resume: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Teaches one of ``TASKS`` for some minutes, with its own options; returns the report.

    Writes NAME.pt, NAME.json and NAME.png into ``out``.  ``minutes`` counts a resumed run's past.
    """
    kind = TASKS[name]
    task = kind(load_pairs(*folders, **dict.fromkeys(kind.extras, True)), **options)
    training = Training(task, out, minutes, pick_device(device))
    if not len(training.train) or not len(training.held):
        raise UserError("Too few people in the pairs: render at least 10, so that some can judge.")
    if resume:
        training.resume()
    return training.run()
