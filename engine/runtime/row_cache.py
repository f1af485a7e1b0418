"""Rows of immutable values, made once per value: most of a day's orders and fills never change again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")
V = TypeVar("V")


class RowCache(Generic[T, V]):
    """Remembers the row of each value it was last asked about; the very same object gives the same row."""

    def __init__(self, make: Callable[[T], V], *, key: Callable[[T], Hashable]) -> None:
        self._make = make
        self._key = key
        self._rows: dict[Hashable, tuple[T, V]] = {}

    def rows(self, values: Iterable[T]) -> tuple[V, ...]:
        """The rows of these values, in order. Values not asked about this time are forgotten."""
        fresh: dict[Hashable, tuple[T, V]] = {}
        for value in values:
            key = self._key(value)
            known = self._rows.get(key)
            # Identity, not equality: comparing two orders field by field costs as much as a new row.
            fresh[key] = known if known is not None and known[0] is value else (value, self._make(value))
        self._rows = fresh
        return tuple(row for _, row in fresh.values())
