"""Keeps the calendars of what is traded: from the store, made while it is quiet, held against the broker.

With a real gateway the broker's hours and the calendar must both say open: where they differ the narrower
counts for entries and for the end of the day, and it is told. Exits go by the broker alone. The embedded
exchange has hours of its own, and those rule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from engine.api import EngineState, Level
from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.market.calendars import UnknownCalendarError, calendar_of
from engine.market.hours import differences, is_shut, told_hours
from engine.market.sessions import Calendar
from engine.risk.selection import ProductStatus
from engine.runtime.desk import Desk
from engine.runtime.sessions.maker import MakerError
from engine.store.errors import StoreError
from engine.store.sessions import put_calendars, stored_calendars
from engine.store.store import Transaction

BACK_DAYS: Final = 10
AHEAD_DAYS: Final = 400
SHORT_DAYS: Final = 60
"""With fewer days left the table is made anew."""
IDLE_S: Final = 60.0
"""Real seconds after READY before one is made: the first minute belongs to starting."""
RETRY_S: Final = 3600.0
ALERT: Final = "session_hours"

_log = structlog.get_logger("engine")

Make = Callable[[Sequence[str], date, date], dict[str, Calendar]]
"""Makes calendars by name, from the first to the last day. Blocks. Raises MakerError."""


class CalendarStore(Protocol):
    """Where calendars are kept."""

    async def run(self, function: Transaction[None]) -> None:
        """Write."""
        ...

    async def read(self, function: Transaction[dict[str, Calendar]]) -> dict[str, Calendar]:
        """Read."""
        ...


def wanted_span(now: datetime) -> tuple[date, date]:
    """First and last session date of a table that is made now."""
    today = now.astimezone(NEW_YORK).date()
    return today - timedelta(days=BACK_DAYS), today + timedelta(days=AHEAD_DAYS)


def is_short(calendar: Calendar | None, now: datetime) -> bool:
    """Whether it must be made anew: missing, of another time, or soon at its end."""
    return calendar is None or not (
        calendar.covers(now) and calendar.covers(now + timedelta(days=SHORT_DAYS))
    )


class SessionTables:
    """A step of the regular round."""

    def __init__(
        self,
        desk: Desk,
        *,
        store: CalendarStore,
        make: Make | None,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        """Without `make` only what the store holds is used."""
        self._desk = desk
        self._store = store
        self._make = make
        self._spawn = spawn
        self._rules = desk.gateway != "embedded"
        self._calendars: dict[str, Calendar] | None = None
        self._names: dict[str, str] = {}
        """Instrument key -> calendar; empty text where none is known."""
        self._compared: dict[str, tuple[Instrument, Calendar]] = {}
        self._next_make_s: float | None = None
        self._making = False

    async def round(self) -> None:
        """Read once, make what runs short, compare what is new, and shut what the calendar says is shut."""
        if self._desk.state is not EngineState.READY:
            return
        if self._calendars is None:
            self._calendars = await self._read()
        calendars = self._calendars
        for key, instrument in self._desk.instruments.items():
            if key not in self._names:
                self._names[key] = _name_of(instrument)
        self._make_what_is_short(calendars)
        if self._rules:
            self._rule(calendars)

    async def _read(self) -> dict[str, Calendar]:
        try:
            return dict(await self._store.read(stored_calendars))
        except ValueError as err:
            _log.warning("sessions.unreadable", error=str(err))
            return {}

    # --- making ---------------------------------------------------------------------------------

    def _make_what_is_short(self, calendars: Mapping[str, Calendar]) -> None:
        clock, now = self._desk.clock, self._desk.now()
        if self._next_make_s is None:
            self._next_make_s = clock.monotonic() + IDLE_S
        make = self._make
        if make is None or self._making or clock.monotonic() < self._next_make_s:
            return
        names = sorted({n for n in self._names.values() if n and is_short(calendars.get(n), now)})
        if names:
            self._making = True
            self._spawn("session tables", partial(self._make_now, make, names))

    async def _make_now(self, make: Make, names: Sequence[str]) -> None:
        first, last = wanted_span(self._desk.now())
        try:
            made = await asyncio.to_thread(make, names, first, last)
        except MakerError as err:
            text = f"no calendar could be made of {', '.join(names)}: {err}; the broker's hours count alone"
            self._desk.notices.event(Level.WARNING, "engine", text)
            made = {}
        finally:
            self._making = False
            self._next_make_s = self._desk.clock.monotonic() + RETRY_S
        if made:
            self._calendars = {**(self._calendars or {}), **made}
            await self._keep(made, first=first, last=last)

    async def _keep(self, made: Mapping[str, Calendar], *, first: date, last: date) -> None:
        try:
            await self._store.run(lambda conn: put_calendars(conn, made.values()))
        except StoreError as err:
            _log.warning("sessions.not_kept", error=str(err))
        _log.info("sessions.made", calendars=sorted(made), first=first.isoformat(), last=last.isoformat())

    # --- comparing ------------------------------------------------------------------------------

    def _rule(self, calendars: Mapping[str, Calendar]) -> None:
        """Where a calendar is known it counts beside the broker's hours."""
        desk, now = self._desk, self._desk.now()
        known = {
            key: calendar
            for key, name in self._names.items()
            if (calendar := calendars.get(name)) is not None and key in desk.instruments
        }
        desk.close_times.calendars = known
        for key, calendar in known.items():
            instrument = desk.instruments[key]
            if self._compared.get(key) != (instrument, calendar):
                self._compared[key] = (instrument, calendar)
                self._compare(instrument, calendar)
            self._shut(instrument, calendar, now)

    def _compare(self, instrument: Instrument, calendar: Calendar) -> None:
        key, notices = instrument.key, self._desk.notices
        said = list(differences(told_hours(instrument), calendar, since=self._desk.now()))
        if not said:
            notices.clear_alert(ALERT, symbol=key)
            return
        more = f" and {len(said) - 2} more" if len(said) > 2 else ""
        text = f"{key}: {'; '.join(said[:2])}{more} (UTC); the narrower counts for entries and the day's end"
        notices.raise_alert(Level.WARNING, ALERT, text, symbol=key)

    def _shut(self, instrument: Instrument, calendar: Calendar, now: datetime) -> None:
        status, key = self._desk.inputs.status, instrument.key
        if instrument.liquid_session(now) is not None and is_shut(calendar, now):
            status.setdefault(key, ProductStatus.CLOSED)  # a halt says more
        elif status.get(key) is ProductStatus.CLOSED:
            del status[key]


def _name_of(instrument: Instrument) -> str:
    try:
        return calendar_of(instrument)
    except UnknownCalendarError:
        return ""  # its hours are the broker's alone, as before
