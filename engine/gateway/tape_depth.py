"""Builds whole books from recorded changes of them: a snapshot first, then levels that are set or gone.

Rows count in the order in which they were recorded. Those of one instant are one change. What comes before
the snapshot, or is older than it, is in the snapshot already; where updates are missing, no book is told
until the next one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.gateway.tape_rows import Rows

Levels = tuple[tuple[float, int], ...]

_UNTOLD: Final = math.nan
"""What a column that is not there says."""


class Change(NamedTuple):
    """One row: a level of one side and what rests there from now on; 0 = it is gone."""

    ts: float
    key: str
    side: str
    price: float
    size: int
    is_snapshot: bool
    update: float
    """Number of the update it belongs to, and of the one before; NaN where the file does not tell."""
    update_before: float


def changes(rows: Rows, dropped: Counter[str]) -> Iterator[Change]:
    """The usable rows of a batch; others are counted by reason."""
    count = len(rows.ts)
    untold = [_UNTOLD] * count
    updates, before = (
        rows.numbers[name].tolist() if name in rows.numbers else untold
        for name in ("final_update_id", "prev_final_update_id")
    )
    prices, sizes, snapshots = (rows.numbers[name].tolist() for name in ("price", "size", "is_snapshot"))
    for index in range(count):
        side, price, size = rows.texts["side"][index], prices[index], sizes[index]
        if side not in {"A", "B"} or not price > 0.0 or not size >= 0.0:
            dropped["side, price or size missing"] += 1
            continue
        told = updates[index], before[index]
        yield Change(rows.ts[index], rows.keys[index], side, price, int(size), snapshots[index] > 0.0, *told)


class GrowingBook:
    """One instrument's book, change by change."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._sizes: dict[str, dict[float, int]] = {"A": {}, "B": {}}
        self._prices: dict[str, list[float]] = {"A": [], "B": []}
        self._is_whole = False
        self._in_snapshot = False
        self._snapshot = self._update = _UNTOLD
        self._shown: tuple[Levels, Levels] = ((), ())

    def apply(self, change: Change) -> None:
        """Take one change in."""
        if change.is_snapshot:
            if not self._in_snapshot or change.update > self._snapshot:
                self._clear(is_whole=True)
                self._snapshot = change.update
                self._update = _UNTOLD
        elif not self._continues(change):
            return
        self._in_snapshot = change.is_snapshot
        self._set(change)

    def _continues(self, change: Change) -> bool:
        """It belongs after what is known already."""
        if not self._is_whole:
            self._dropped["before a snapshot"] += 1
            return False
        if change.update < self._snapshot:
            self._dropped["older than the snapshot"] += 1
            return False
        if change.update != self._update and change.update_before > self._update:
            self._dropped["updates missing before it; no book until the next snapshot"] += 1
            self._clear(is_whole=False)
            return False
        self._update = change.update
        return True

    def _clear(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        for side in ("A", "B"):
            self._sizes[side].clear()
            self._prices[side].clear()

    def _set(self, change: Change) -> None:
        sizes, prices = self._sizes[change.side], self._prices[change.side]
        if change.size:
            if change.price not in sizes:
                insort(prices, change.price)
            sizes[change.price] = change.size
        elif sizes.pop(change.price, None) is not None:
            prices.pop(bisect_left(prices, change.price))

    def news(self, levels: int) -> tuple[Levels, Levels] | None:
        """Both sides, best first, where the visible levels are others than when last asked."""
        bids = tuple([(price, self._sizes["B"][price]) for price in self._prices["B"][: -levels - 1 : -1]])
        asks = tuple([(price, self._sizes["A"][price]) for price in self._prices["A"][:levels]])
        if (bids, asks) == self._shown:
            return None
        self._shown = bids, asks
        return bids, asks


def told(
    batches: Iterator[Rows], dropped: Counter[str], *, levels: int
) -> Iterator[tuple[float, str, Levels, Levels]]:
    """Each visible change of each book: when, the row's key, bids and asks."""
    books: dict[str, GrowingBook] = {}
    before: Change | None = None
    for batch in batches:
        for change in changes(batch, dropped):
            if before is not None and (before.ts, before.is_snapshot) != (change.ts, change.is_snapshot):
                yield from _told(before.ts, books, levels)
            books.setdefault(change.key, GrowingBook(dropped)).apply(change)
            before = change
    if before is not None:
        yield from _told(before.ts, books, levels)


def _told(
    ts: float, books: dict[str, GrowingBook], levels: int
) -> Iterator[tuple[float, str, Levels, Levels]]:
    for key, book in books.items():
        news = book.news(levels)
        if news is not None:
            yield (ts, key, *news)
