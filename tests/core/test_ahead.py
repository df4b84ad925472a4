"""Work ahead: the same items, one early, and its errors where they are used."""

import threading
from collections.abc import Iterator

import pytest

from mien.core.ahead import ahead


def test_items_come_in_order_and_the_next_is_made_meanwhile() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        second.set()
        yield 1

    coming = ahead(items())
    assert next(coming) == 0
    assert second.wait(10)
    assert list(coming) == [1]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise ValueError("torn")

    coming = ahead(items())
    assert next(coming) == 0
    with pytest.raises(ValueError, match="torn"):
        next(coming)


def test_closed_early_nothing_more_is_made() -> None:
    made = []

    def items() -> Iterator[int]:
        for k in range(9):
            made.append(k)
            yield k

    coming = ahead(items())
    next(coming)
    coming.close()
    assert made in ([0], [0, 1])
