"""What is wrong with a file of bars, in words for people: which file, which row, which column, why."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

_ROWS_NAMED: Final = 3
"""Rows named of each kind; the count says how many there are."""


class Dirt(StrEnum):
    """Kinds of rows that cannot be used."""

    NOT_A_TIME = "has no time that can be read"
    NAIVE_TIME = "has a time without its zone: times are UTC, as in 2024-03-01T14:30:00Z"
    OTHER_ZONE = "has a time of another zone: times are UTC, as in 2024-03-01T14:30:00Z"
    NOT_A_DAY = "has a date with a time of day: a daily bar carries the date of its session"
    NOT_A_NUMBER = "has text where a number belongs"
    NO_PRICE = "has no price (empty, NaN or infinite)"
    HIGH_BELOW_LOW = "has its high below its low"
    OUTSIDE_RANGE = "has an open or close outside high and low"
    NO_VOLUME = "has no volume (empty, NaN or infinite)"
    PART_VOLUME = "has a volume that is not whole"
    NEGATIVE_VOLUME = "has a negative volume"
    OFF_GRID = "begins between two bars of this length"
    NO_SESSION = "is of a day without a session"
    OUT_OF_ORDER = "is earlier than a row before it"
    SAME_AGAIN = "repeats the first row of its time"
    OTHER_VALUES = "has the time of an earlier row, with other values"


class Finding(NamedTuple):
    """One kind of dirt in one column."""

    dirt: Dirt
    column: str
    many: int
    rows: tuple[str, ...]
    """The first ones, each as a person finds it: `row 17 (2024-03-01 14:30:00Z)`."""

    def __str__(self) -> str:
        """As it stands in an error."""
        rows = "1 row" if self.many == 1 else f"{self.many:,} rows"
        more = ", …" if self.many > len(self.rows) else ""
        return f"column {self.column}, {rows}: {self.dirt.value}: {', '.join(self.rows)}{more}"


def first_rows(rows: Iterable[str]) -> tuple[str, ...]:
    """As many as are named."""
    named = []
    for row in rows:
        named.append(row)
        if len(named) == _ROWS_NAMED:
            break
    return tuple(named)


class DataError(Exception):
    """Bars that cannot be used as they are; the text names file, row, column and reason."""


class DirtyFileError(DataError):
    """A file with rows that cannot be used; `findings` says which."""

    def __init__(self, name: str, rows: int, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        lines = "".join(f"\n  {finding}" for finding in findings)
        super().__init__(f"{name} ({rows:,} rows) is not clean and was not used:{lines}")


class Report(NamedTuple):
    """What was found in a file that was read."""

    name: str
    rows: int
    """Rows in the file."""
    kept: int
    """Bars that came out of it."""
    findings: tuple[Finding, ...]
    """What was dropped or put in order; empty for a clean file."""

    def lines(self) -> tuple[str, ...]:
        """For people, the sum first."""
        if not self.findings:
            return (f"{self.name}: {self.rows:,} rows, clean",)
        return (
            f"{self.name}: {self.rows:,} rows, {self.kept:,} kept",
            *(f"  {finding}" for finding in self.findings),
        )
