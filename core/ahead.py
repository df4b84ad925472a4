"""Work on the next thing beside the use of the last."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """The same items, each made in a thread while the one before is used; what its making raises is
    raised here.  Closed early, it waits for the one that is being made."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items)
        while True:
            try:
                item = coming.result()
            except StopIteration:
                return
            coming = pool.submit(next, items)
            yield item
