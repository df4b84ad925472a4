"""How far a long piece of work is, with the time left, where somebody watches."""

from __future__ import annotations

import sys
import time


class Countdown:
    """``tell = Countdown("step")``; ``tell(done, total)`` after each."""

    def __init__(self, what: str) -> None:
        self.what, self.started = what, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        left = (time.monotonic() - self.started) / done * (total - done)
        line = f"\r{self.what} {done} of {total}, {left // 60:.0f}:{left % 60:02.0f} left "
        print(line, end="\n" if done == total else "", file=sys.stderr, flush=True)
