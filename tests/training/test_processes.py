"""Two processes of torchrun, as on two graphics cards."""

import subprocess
import sys

SCRIPT = """
import os
import sys
from pathlib import Path
import torch
from torch import distributed
from mien.training.data import load_pairs
from mien.training.task_recognizer import RecognizerTask
from mien.training import train

distributed.init_process_group("gloo")
task = RecognizerTask(load_pairs(Path(sys.argv[1]), vectors=True), width=1 / 6)
task.batch_size = 8
train.THREADS = 1
training = train.Training(task, Path(sys.argv[2]), 1e-9, torch.device("cpu"))  # a single step
first = next(training.batches())[1]
report = training.run()
assert bool(report) == (training.rank == 0), report
weights = torch.cat([p.detach().flatten() for p in training.network.parameters()])
for mine, same in ((first.double(), False), (weights, True), (torch.tensor([training.step]), True)):
    both = [torch.empty_like(mine) for _ in range(2)]
    distributed.all_gather(both, mine)
    assert torch.equal(*both) == same, both
assert training.step == 1
distributed.destroy_process_group()
# Now and then torch's own threads abort a process that tidies up after itself.
os._exit(0)
"""


def test_processes_learn_from_their_own_samples_and_stay_alike(pairs_folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launch = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, "-m", *launch, script, pairs_folder, tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "out/recognizer.json").exists()
