"""Our own order book per line: the libraries' books lose rows, so raw operations are applied here."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise

from engine.domain.market import Depth, Level


class Operation(IntEnum):
    """What a depth message does to its row."""

    INSERT = 0
    UPDATE = 1
    DELETE = 2


ASK, BID = 0, 1


class DepthBook:
    """Both sides of one instrument's visible book. Rows are list positions, best first, as the wire means."""

    def __init__(self, key: str, *, rows: int) -> None:
        self.key = key
        self._rows = rows
        self._sides: tuple[list[Level], list[Level]] = ([], [])

    def apply(self, *, row: int, operation: int, side: int, price: float, size: int) -> bool:
        """Carry out one message; False where it does not fit the book (then the book must be asked anew)."""
        if side not in (ASK, BID) or row < 0:
            return False
        levels = self._sides[side]
        if operation == Operation.INSERT and row <= len(levels):
            levels.insert(row, Level(price, size))
            del levels[self._rows :]
            return True
        if operation == Operation.UPDATE and row <= len(levels):
            # An update one past the end is how some venues add their last row.
            levels[row : row + 1] = [Level(price, size)]
            return row < self._rows
        if operation == Operation.DELETE and row < len(levels):
            del levels[row]
            return True
        return False

    def clear(self) -> None:
        """Forget everything (317, or before asking anew)."""
        for levels in self._sides:
            levels.clear()

    @property
    def is_sane(self) -> bool:
        """True where both sides are sorted and do not cross each other."""
        asks, bids = self._sides
        return (
            all(a.price <= b.price for a, b in pairwise(asks))
            and all(a.price >= b.price for a, b in pairwise(bids))
            and not (asks and bids and bids[0].price > asks[0].price)
        )

    def snapshot(self, at_s: float) -> Depth:
        """The book as a value; `at_s` is exchange time in epoch seconds."""
        asks, bids = self._sides
        return Depth(self.key, tuple(bids), tuple(asks), at_s)
