"""Session dates with opens and closes as columns: what bars of a day are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.market.sessions import Calendar

_DAY_NS: Final = 86_400 * 1_000_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()

SessionSource = Callable[[str, date, date], "SessionTable"]
"""The sessions of a calendar by name, from one date to another, both included."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionTable:
    """Sessions of one calendar, oldest first."""

    name: str
    day: NDArray[np.int64]
    """Session dates, days since 1970-01-01."""
    open_ns: NDArray[np.int64]
    close_ns: NDArray[np.int64]

    @classmethod
    def of(cls, calendar: Calendar) -> SessionTable:
        """The same as columns; a break inside a session is part of it."""
        days = calendar.days
        return cls(
            calendar.name,
            np.array([one.day.toordinal() - _EPOCH for one in days], dtype=np.int64),
            np.array([_ns(one.open.timestamp()) for one in days], dtype=np.int64),
            np.array([_ns(one.close.timestamp()) for one in days], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.day)

    def between(self, first: date, last: date) -> SessionTable:
        """Sessions of these dates, both included."""
        low = int(np.searchsorted(self.day, day_number(first), side="left"))
        high = int(np.searchsorted(self.day, day_number(last), side="right"))
        return SessionTable(self.name, self.day[low:high], self.open_ns[low:high], self.close_ns[low:high])

    def ended_by(self, at_ns: int) -> SessionTable:
        """Sessions whose close is not after a time."""
        high = int(np.searchsorted(self.close_ns, at_ns, side="right"))
        return SessionTable(self.name, self.day[:high], self.open_ns[:high], self.close_ns[:high])

    def spans(self) -> list[tuple[int, int]]:
        """Open and close of each, nanoseconds."""
        return list(zip(self.open_ns.tolist(), self.close_ns.tolist(), strict=True))

    def closes_of(self, midnight_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The close of the session of each date (midnight as nanoseconds), and whether it has a session.

        A date without a session, or outside the table, has its own midnight in place of the close.
        """
        days = midnight_ns // _DAY_NS
        if not len(self.day):
            return midnight_ns.copy(), np.zeros(len(days), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.day, days), len(self.day) - 1)
        is_session = self.day[place] == days
        return np.where(is_session, self.close_ns[place], midnight_ns), is_session

    def index_at(self, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of the session that runs at each time (its close included); -1 where none does."""
        if not len(self.day):
            return np.full(len(at_ns), -1, dtype=np.int64)
        place = np.searchsorted(self.close_ns, at_ns, side="left")
        inside = np.minimum(place, len(self.day) - 1)
        runs = (place < len(self.day)) & (at_ns > self.open_ns[inside])
        return np.where(runs, inside, -1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(int(number) + _EPOCH)


def _ns(epoch_s: float) -> int:
    return round(epoch_s) * 1_000_000_000
