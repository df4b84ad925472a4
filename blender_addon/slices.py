# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in slices, so that a window stays alive meanwhile.

Work is written as a generator, its steps.  A yield ends a slice if time is up; a yield of a
function asks for its result, which may be computed beside Blender and so must not touch bpy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Steps = Generator[Callable[[], Any] | None, Any, T]

SLICE = 0.01  # s after which a slice ends, once the step under way has


class Sliced(Generic[T]):
    """Goes through steps: call :meth:`step` until it is True, or :meth:`close` to call it off."""

    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._pool = ThreadPoolExecutor(1)
        self._wanted: Future[Any] | None = None

    def step(self) -> bool:
        """Does one slice, without waiting for what is computed; True when all is done."""
        end = time.perf_counter() + SLICE
        while self._wanted is None or self._wanted.done():
            try:
                work = _go_on(self._steps, self._wanted)
            except StopIteration as stop:
                self.result = stop.value
                return True
            self._wanted = self._pool.submit(work) if work else None
            if time.perf_counter() > end:
                break
        return False

    def close(self) -> None:
        """Takes back what was done, if it is not done yet."""
        self._steps.close()
        self._pool.shutdown(wait=False, cancel_futures=True)


def at_once(steps: Steps[T]) -> T:
    """The result of steps, for those who can wait."""
    wanted: Future[Any] | None = None
    while True:
        try:
            work = _go_on(steps, wanted)
        except StopIteration as stop:
            result: T = stop.value
            return result
        wanted = Future() if work else None
        if work and wanted:
            try:
                wanted.set_result(work())
            except Exception as error:
                wanted.set_exception(error)


def _go_on(steps: Steps[Any], wanted: Future[Any] | None) -> Callable[[], Any] | None:
    if wanted is None:
        return next(steps)
    error = wanted.exception()
    return steps.throw(error) if error else steps.send(wanted.result())
