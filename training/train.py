"""The loop that teaches any of the networks within a budget of wall-clock time.

mien train landmarks --pairs pairs --out runs --minutes 12
torchrun --nproc-per-node 4 --no-python mien train parser ...   on four graphics cards
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from mien.core.ahead import ahead
from mien.core.errors import UserError
from mien.core.models import NETWORKS
from mien.training.baselines import CnnTask, ResNet18Task
from mien.training.checkpoint import (
    RENDERS,
    SHIPPED,
    make_folder,
    read_checkpoint,
    write_checkpoint,
    write_file,
    write_picture,
)
from mien.training.data import load_pairs
from mien.training.shipped import give_weights, settle
from mien.training.task import Batch, Task, mixes
from mien.training.task_estimator import EstimatorTask
from mien.training.task_finder import FinderTask
from mien.training.task_generator import GeneratorTask
from mien.training.task_joint import JointTask
from mien.training.task_landmarks import LandmarksTask
from mien.training.task_parser import ParserTask
from mien.training.task_recognizer import RecognizerTask
from mien.training.task_refiner import RefinerTask
from mien.training.task_regressor import RegressorTask

TASKS: Final[dict[str, type[Task]]] = {
    task.name: task
    for task in (
        FinderTask, LandmarksTask, RefinerTask, EstimatorTask, JointTask, ParserTask,
        RecognizerTask, GeneratorTask, RegressorTask, CnnTask, ResNet18Task,
    )
}  # fmt: skip
THREADS: Final = 2  # more only wait for each other in networks this small
WARM_UP: Final = 100  # steps
SAVE_EVERY: Final = 60.0  # seconds


def pick_device(wanted: str) -> torch.device:
    """ "auto" is cuda where there is one; UserError where cuda is asked for and missing.

    Of torchrun's processes, each gets a graphics card of its own.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("PyTorch sees no CUDA device here; train with --device cpu or auto.")
    if wanted == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


class _Lesson(nn.Module):
    """A task's loss as a module, so that DistributedDataParallel sees all that it does."""

    def __init__(self, task: Task, network: nn.Module) -> None:
        super().__init__()
        self.task, self.network = task, network

    def forward(self, *batch: Tensor) -> Tensor:
        return self.task.loss(self.network, batch)


class _Batches(IterableDataset[Batch]):
    """Batches without end, of others in each process that makes them."""

    def __init__(self, task: Task, train: NDArray[np.int64], seed: tuple[int, ...]) -> None:
        self.task, self.train, self.seed = task, train, seed

    def of(self, maker: int) -> Iterator[Batch]:
        rng = np.random.default_rng([*self.seed, maker])
        while True:
            yield self.task.batch(rng, rng.choice(self.train, self.task.batch_size))

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        return self.of(1 if worker is None else 1 + worker.id)


def cores() -> int:
    """Those that this process may use; torchrun's processes share them."""
    mine = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, mine // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def makers(device: torch.device) -> int:
    """How many processes make batches.

    A graphics card learns faster than all cores make them; the CPU is busy anyway, and a thread
    makes a batch meanwhile without a process to pass it on.  Only Linux forks a process that has
    what the task holds without a copy.
    """
    return cores() if device.type == "cuda" and sys.platform == "linux" else 0


class Training:
    """A network on its way: steps, saves, reports.

    Processes that torchrun started learn together, each from its own samples; the first one says
    and saves.
    """

    def __init__(self, task: Task, out: Path, minutes: float, device: torch.device) -> None:
        self.task, self.out = task, out
        self.budget, self.device = minutes * 60, device
        self.train, self.held = task.pairs.split()
        torch.manual_seed(0)
        torch.set_num_threads(min(THREADS, cores()))
        cv2.setNumThreads(1)  # images are made beside the learning, not in front of it
        task.to(device)
        self.network = task.network().to(device)
        self.mixed = mixes(device)
        self.lesson: nn.Module = _Lesson(task, self.network)
        self.together = distributed.is_initialized()
        self.rank = distributed.get_rank() if self.together else 0
        self.optimizer = torch.optim.AdamW(self.network.parameters(), task.rate, weight_decay=1e-2)
        self.peak = task.rate
        self.step, self.spent = 0, 0.0
        self.ready = 0.0  # seconds spent before the first step
        self.losses: list[float] = []
        self.seeds: list[int] = []  # of the pairs that taught it before this run
        self.data = task.data  # what it was taught by, before this run too
        self.before = dict(task.before)  # what the manifest tells of each network that is tuned
        self.begin = "--begin-with CHECKPOINT" if task.before else ""  # what named these

    @property
    def checkpoint(self) -> Path:
        return self.out / f"{self.task.name}.pt"

    def resume(self, path: Path | None = None) -> None:
        """Goes on where a checkpoint stopped, its own or another; UserError where there is none."""
        path = path or self.checkpoint
        if not path.exists():
            raise UserError(
                f"{path} is not there to go on with: name the --out of that training, or leave out "
                "--resume."
            )
        state = read_checkpoint(path)
        try:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError):
            raise UserError(
                f"{path} was begun with other options or pairs: name the same again, "
                "or leave out --resume."
            ) from None
        self.step, self.spent, self.losses = state["step"], state["spent"], state["losses"]
        self.seeds, self.ready = state["seeds"], state.get("ready", 0.0)
        self.peak = state.get("peak", self.peak)
        self.before = json.loads(state.get("before", "{}"))
        self.begin = state.get("begin", SHIPPED)
        if (data := state.get("data", RENDERS)) not in (RENDERS, self.data):
            self.data = data if self.data == RENDERS else f"{data}; {self.data}"

    def begin_shipped(self) -> None:
        """Begins with what capture runs, to tune it."""
        name, parts = self.task.name, self.task.parts(self.network)
        if not set(parts) <= set(NETWORKS):
            raise UserError(f"No {name} is shipped: leave out --shipped.")
        try:
            self.before = {part: give_weights(part, module) for part, module in parts.items()}
        except RuntimeError:
            raise UserError(
                f"The {name} that is shipped has other options: name them, or leave out --shipped."
            ) from None
        self.begin = SHIPPED
        batch = self.task.batch(np.random.default_rng(0), self.train[: self.task.batch_size])
        settle(self.network, lambda: self.lesson(*(x.to(self.device) for x in batch)))
        self.peak *= self.task.tuning

    def save(self, scores: dict[str, Any] | None = None) -> None:
        state = {
            "name": self.task.name,
            "config": getattr(self.network, "config", {}),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "ready": self.ready,
            "losses": self.losses,
            "peak": self.peak,
            "before": json.dumps(self.before),
            "begin": self.begin,
            "batch": self.task.batch_size,
            "data": self.data,
            "frozen": dict(self.task.frozen),
            "samples": len(self.train),
            "seeds": sorted({*self.seeds, *self.task.pairs.seeds}),
            "people": len(np.unique(self.task.pairs.person[self.train])),
            "scores": json.dumps(scores or {}),
        }
        write_checkpoint(self.checkpoint, state)

    def batches(self) -> Iterator[Batch]:
        """Batches without end, made beside the learning."""
        made = _Batches(self.task, self.train, (self.step, self.rank))
        yield next(made.of(0))  # here and now, as it may prepare what all of them read
        if count := makers(self.device):
            yield from DataLoader(made, None, num_workers=count, multiprocessing_context="fork")
        else:
            yield from ahead(iter(made))

    def rate(self) -> float:
        """Up over the first steps, then down along half a cosine of the time spent on steps."""
        share = (self.spent - self.ready) / max(1e-9, self.budget - self.ready)
        cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, share)))
        return self.peak * min(1.0, (self.step + 1) / WARM_UP) * max(float(cosine), 0.01)

    def learn(self, batch: Batch) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            loss: Tensor = self.lesson(*(x.to(self.device) for x in batch))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def agreed(self, seconds: float) -> float:
        """The first process's ``seconds``, so that all stop at the same step."""
        if not self.together:
            return seconds
        told = torch.tensor(seconds, dtype=torch.float64, device=self.device)
        distributed.broadcast(told, 0)
        return float(told)

    def run(self) -> dict[str, Any]:
        """Learns until the budget is spent; the report, which also lies in ``out``.  Of several
        processes all but the first return nothing.  What is stopped by Ctrl+C is saved."""
        try:
            self._learn()
        except KeyboardInterrupt:
            if self.step and not self.rank:
                self.save()
            raise
        return {} if self.rank else self.report()

    def _learn(self) -> None:
        recent: list[float] = []
        start = said = saved = time.monotonic()
        already = self.spent
        self.network.train()
        if not self.step and not self.before:
            self.task.begin(self.network, self.task.beginning * self.budget)
        if self.together:
            self.lesson = DistributedDataParallel(self.lesson)
        for batch in self.batches():
            if self.spent >= self.budget:
                break
            if not self.step:
                self.ready = self.spent = self.agreed(time.monotonic() - start)
            recent.append(self.learn(batch))
            now = time.monotonic()
            self.spent = self.agreed(already + now - start)
            if self.rank:
                continue
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

    def judges(self) -> NDArray[np.int64]:
        """The held-out samples, where others act without those of the seeds by whose people the
        network was calibrated before it was tuned."""
        calibrations = [c for part in self.before.values() for c in part.get("calibrated", [])]
        heard = {seed for calibration in calibrations for seed in calibration["seeds"]}
        strangers = self.held[~np.isin(self.task.pairs.seed[self.held], list(heard))]
        acting = self.task.pairs.acting
        return strangers if len(acting(strangers)) or not len(acting(self.held)) else self.held

    def report(self) -> dict[str, Any]:
        self.save()  # what was learnt is not lost where judging fails
        network, judges = self.network.eval(), self.judges()
        scores = self.task.score(network, judges)
        self.save(scores)
        report = {
            "network": self.task.name,
            "steps": self.step,
            "minutes": round(self.spent / 60, 2),
            "device": str(self.device),
            "samples": {"training": len(self.train), "held out": len(judges)},
            "loss every 10 s": self.losses,
            "scores": scores,
        }
        text = json.dumps(report, indent=1) + "\n"
        write_file(self.out / f"{self.task.name}.json", text.encode())
        write_picture(self.out / f"{self.task.name}.png", self.task.picture(network, judges))
        return report


def train(
    name: str,
    folders: Sequence[Path],
    out: Path,
    minutes: float,
    device: str = "auto",
    resume: bool | Path = False,
    batch: int | None = None,
    shipped: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Teaches one of ``TASKS`` for some minutes, with its own options; returns the report.

    Writes NAME.pt, NAME.json and NAME.png into ``out``.  ``minutes`` counts a resumed run's past;
    ``resume`` goes on with the NAME.pt in ``out``, or with a copy of another.
    ``shipped`` begins a new run with the network that capture runs, which is then only tuned.
    ``batch`` is the number of samples in a step of one process, the task's own where it is None.
    """
    kind, place = TASKS[name], pick_device(device)
    if batch is not None and batch < kind.fewest:
        raise UserError(
            f"Networks learn from what differs in a step: give --batch {kind.fewest} or more."
        )
    if distributed.is_torchelastic_launched():
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    task = kind(load_pairs(*folders, **dict.fromkeys(kind.extras, True)), **options)
    task.batch_size = batch or task.batch_size
    if shipped and task.before:
        raise UserError("--shipped and --begin-with both say what to begin with: name one of them.")
    training = Training(task, out, minutes, place)
    if not len(training.train) or not len(training.held):
        raise UserError("Too few people in the pairs: render at least 10, so that some can judge.")
    other = isinstance(resume, Path) and resume.resolve() != training.checkpoint.resolve()
    if resume and not (other and training.checkpoint.exists()):
        training.resume(resume if isinstance(resume, Path) else None)
    elif training.checkpoint.exists():
        raise UserError(
            f"{training.checkpoint} is there already: go on with it by --resume, or name another "
            "--out."
        )
    elif shipped:
        training.begin_shipped()
    make_folder(out)
    report = training.run()
    if training.together:
        distributed.destroy_process_group()
    return report
