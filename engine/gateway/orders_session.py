"""When an order may trade: the phases of a contract's day, and when a day order ends.

Knows the calendar only by the two questions it asks, so that any source of sessions will do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from engine.gateway.model import Contract

_NEW_YORK = ZoneInfo("America/New_York")


class SessionHours(Protocol):
    """One trading session; epoch seconds, each interval half open."""

    @property
    def open(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def regular_open(self) -> float: ...
    @property
    def regular_close(self) -> float: ...


class Calendar(Protocol):
    """Where sessions come from (`engine.gateway.calendar`)."""

    def session(self, contract: Contract, at: float, /) -> SessionHours | None:
        """The trading session that contains `at`; None where the market is shut."""
        ...

    def next_session(self, contract: Contract, at: float, /) -> SessionHours:
        """The first trading session that opens after `at`."""
        ...


class Phase(NamedTuple):
    """A stretch of time in which a contract's market stays as it is: shut, extended or regular."""

    start: float
    end: float
    trading: bool
    regular: bool
    opened: float
    """When the session of this phase opened; older quotes are not of this market."""


class Phases:
    """The phase a contract is in, remembered until it ends."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._current: dict[int, Phase] = {}

    def at(self, contract: Contract, ts: float) -> Phase:
        """The phase that contains `ts` (epoch seconds)."""
        known = self._current.get(contract.con_id)
        if known is not None and known.start <= ts < known.end:
            return known
        phase = self._find(contract, ts)
        self._current[contract.con_id] = phase
        return phase

    def _find(self, contract: Contract, ts: float) -> Phase:
        session = self._calendar.session(contract, ts)
        if session is None:
            opens = self._calendar.next_session(contract, ts).open
            return Phase(start=ts, end=opens, trading=False, regular=False, opened=opens)
        if ts < session.regular_open:
            return Phase(session.open, session.regular_open, True, False, session.open)
        if ts < session.regular_close:
            return Phase(session.regular_open, session.regular_close, True, True, session.open)
        return Phase(session.regular_close, session.close, True, False, session.open)

    def day_end(self, contract: Contract, ts: float, *, whole_session: bool) -> float:
        """When a DAY order placed at `ts` expires: the end of regular hours, or of the whole session."""
        session = self._calendar.session(contract, ts)
        if session is None or (not whole_session and ts >= session.regular_close):
            session = self._calendar.next_session(contract, ts)
        return session.close if whole_session else session.regular_close

    def next_regular_open(self, contract: Contract, ts: float) -> float:
        """The next moment regular trading starts, for telling a client when a held order will go out."""
        session = self._calendar.session(contract, ts)
        if session is None or ts >= session.regular_open:
            session = self._calendar.next_session(contract, ts)
        return session.regular_open


def trading_day(ts: float) -> str:
    """The account's day (`YYYY-MM-DD`): the date in New York; it rolls at midnight there, as IBKR's does."""
    return datetime.fromtimestamp(ts, tz=_NEW_YORK).date().isoformat()


def day_after(ts: float) -> float:
    """Epoch seconds at which the account's day of `ts` is over."""
    local = datetime.fromtimestamp(ts, tz=_NEW_YORK)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC).timestamp()
