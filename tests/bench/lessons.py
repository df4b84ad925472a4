"""How long lessons take in float32 and in bfloat16: python tests/bench/lessons.py

Forward and backward through each network, ms a sample on one core, the least of five.  `mien train`
takes bfloat16 where the CPU has it (AVX-512 BF16); elsewhere it is emulated, and slow.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from mien.training.networks import NETWORKS, example
from mien.training.task import mixes

SAMPLES = 8
LOOKS = 5


def cost(network: nn.Module, given: list[Tensor], mixed: bool) -> float:
    """Seconds of CPU time that a step takes."""
    spent = []
    for _ in range(LOOKS):
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            said = network(*given)
        parts = said if isinstance(said, tuple) else (said,)
        torch.stack([part.float().sum() for part in parts]).sum().backward()
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    torch.set_num_threads(1)
    print(f"bfloat16 is {'there' if mixes(torch.device('cpu')) else 'emulated'}.")
    print("| | float32 | bfloat16 | ratio |\n|---|---|---|---|")
    for name, kind in NETWORKS.items():
        network, few = kind().train(), example(name).values()
        given = [x.expand(SAMPLES, *x.shape[1:]) for x in (y[:1] for y in few)]
        plain, mixed = (1e3 * cost(network, given, m) / SAMPLES for m in (False, True))
        print(f"| {name} | {plain:.1f} | {mixed:.1f} | {mixed / plain:.2f} |")


if __name__ == "__main__":
    main()
