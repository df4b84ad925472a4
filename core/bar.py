"""A progress bar with the time left, on stderr and only where somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from .capture import Progress

WIDTH: Final = 30
Item = TypeVar("Item")


class Bar:
    """``with Bar() as bar: capture(..., progress=bar.show)``."""

    def __init__(self) -> None:
        self._last: Progress | None = None
        self._watched = sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._watched and self._last:
            print(file=sys.stderr)

    def show(self, progress: Progress) -> None:
        if self._last is None and progress.note:
            print(progress.note, file=sys.stderr)
        self._last = progress
        if not self._watched:
            return
        if progress.total:
            share = min(1.0, progress.done / progress.total)
            drawn = f"{'█' * round(share * WIDTH):·<{WIDTH}} {share:4.0%}"
        else:
            drawn = f"{progress.done} frames"
        left = "" if progress.eta is None else f", {_clock(progress.eta)} left"
        print(f"\r{drawn}  {progress.fps:.0f} fps{left}  ", end="", file=sys.stderr, flush=True)

    def over(
        self, items: Iterable[Item], total: int, provider: str, note: str = ""
    ) -> Iterator[Item]:
        """The items, so many of them, each shown as done when the next is asked for."""
        start = time.perf_counter()
        for done, item in enumerate(items, 1):
            yield item
            rate = done / (time.perf_counter() - start)
            self.show(Progress(done, total, rate, (total - done) / rate, provider, note, {}))

    def summary(self) -> str:
        """One line: how fast it was, on what, and where the time went."""
        if self._last is None:
            return ""
        split = ", ".join(f"{name} {s:.1f} s" for name, s in self._last.seconds.items())
        return f"{self._last.fps:.0f} frames per second ({self._last.provider}): {split}."


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
