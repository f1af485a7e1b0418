"""The day as plain data: sessions and limits, from the engine's desk or from calendars alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.api import Command, Outcome
from engine.config import Config
from engine.config.keys import find, leaves
from engine.config.render import value_text
from engine.domain.instrument import Instrument, SecType, SessionHours
from engine.market.calendars import UnknownCalendarError, calendar_name
from engine.market.catalog import parse_symbol
from engine.market.day_plan import DayPlan, EntryWindow, plan_day, running_or_next
from engine.market.hours import told_hours
from engine.market.sessions import Calendar, whole_sessions
from engine.runtime.close_times import day_rules
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done
from engine.runtime.setups.history import session_day
from engine.runtime.trading import Trading

LIMITS: Final = (
    "risk.",
    "sessions.",
    "universe.",
    "regime.",
    "position.",
    "market_data.max_lines",
    "gateway_restart.",
)
"""Keys that bound the day, by how they begin."""

NO_LIMITS: Final = frozenset({"universe.scanner_dir"})


class Planned(NamedTuple):
    """One symbol and its session; None where nothing is known of it."""

    symbol: str
    day: DayPlan | None
    source: str
    """`broker`, the name of a calendar, both (`broker, NYSE`), or why there is none."""


class DayDesk:
    """Answers the command inside a running engine."""

    def __init__(self, desk: Desk, trading: Trading) -> None:
        self._desk = desk
        self._trading = trading

    async def plan(self, command: Command) -> Outcome:
        """`details` is one JSON document: sessions, limits, and what each strategy trades."""
        desk, now = self._desk, self._desk.now()
        traded = sorted({key for running in self._trading.running for key in running.keys})
        instruments = [i for key in traded if (i := desk.instruments.get(key)) is not None]
        calendars = desk.close_times.calendars
        day = session_day(desk.instruments.values(), now)
        document = {
            "as_of": now.isoformat(),
            "day": day.isoformat(),
            "sessions": session_rows(
                of_instrument(i, calendars.get(i.key), desk.config, now=now) for i in instruments
            ),
            "limits": limit_rows(desk.config),
            "max_lines": desk.config.market_data.max_lines,
            "keys": {r.strategy.name: sorted(r.keys) for r in self._trading.running},
        }
        return done(command, f"the day of {day}", (json.dumps(document),))


def of_instrument(
    instrument: Instrument, calendar: Calendar | None, config: Config, *, now: datetime
) -> Planned:
    """By the broker's hours; where a calendar counts too, by the narrower of both."""
    told = tuple(whole_sessions(told_hours(instrument)))
    session = running_or_next(told, now)
    if session is None:
        return Planned(instrument.key, None, "the broker tells of no coming session")
    known = None if calendar is None else calendar.overlapping(session)
    if known is not None:
        session = SessionHours(max(session.open, known.open), min(session.close, known.close))
    regular = next((one for one in instrument.liquid_hours if one.close > now), None)
    plan = _plan(instrument.sec_type, session, config, regular=regular, around=told)
    return Planned(instrument.key, plan, "broker" if known is None else f"broker, {_name(calendar)}")


def of_symbol(symbol: str, calendars: Mapping[str, Calendar], config: Config, *, now: datetime) -> Planned:
    """By its exchange's calendar alone."""
    wanted = parse_symbol(symbol)
    try:
        name = calendar_name(wanted.sec_type, wanted.exchange, wanted.symbol)
    except UnknownCalendarError as err:
        return Planned(symbol, None, str(err))
    calendar = calendars.get(name)
    day = None if calendar is None or not calendar.covers(now) else calendar.upcoming(now)
    if calendar is None or day is None:
        return Planned(symbol, None, f"no calendar of {name} for this time")
    around = [SessionHours(one.open, one.close) for one in calendar.days[-60:]]
    plan = _plan(wanted.sec_type, SessionHours(day.open, day.close), config, regular=None, around=around)
    return Planned(symbol, plan, name)


def _plan(
    sec_type: SecType,
    session: SessionHours,
    config: Config,
    *,
    regular: SessionHours | None,
    around: Sequence[SessionHours],
) -> DayPlan:
    window = EntryWindow(config.sessions.entry_start, config.sessions.entry_end)
    return plan_day(sec_type, session, regular=regular, rules=day_rules(config), window=window, around=around)


def _name(calendar: Calendar | None) -> str:
    return "" if calendar is None else calendar.name


def session_rows(planned: Iterable[Planned]) -> list[dict[str, Any]]:
    """One row per different session, the earliest first, with the symbols that keep it."""
    groups: dict[tuple[DayPlan | None, str], list[str]] = {}
    for one in planned:
        groups.setdefault((one.day, one.source), []).append(one.symbol)
    rows = [_row(day, source, symbols) for (day, source), symbols in groups.items()]
    return sorted(rows, key=lambda row: (row["opens"] or "~", row["symbols"]))


def _row(day: DayPlan | None, source: str, symbols: list[str]) -> dict[str, Any]:
    return {
        "symbols": sorted(symbols),
        "opens": None if day is None else day.opens.isoformat(),
        "closes": None if day is None else day.closes.isoformat(),
        "entries_from": _iso(None if day is None else day.entries_from),
        "entries_until": _iso(None if day is None else day.entries_until),
        "flat_by": None if day is None else day.flat_by.isoformat(),
        "early_close": day is not None and day.is_early,
        "source": source,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def limit_rows(config: Config) -> list[dict[str, str]]:
    """Every key that bounds the day, with its value and unit."""
    rows = []
    for path, value in leaves(config):
        name = ".".join(path)
        known = find(path)
        if name.startswith(LIMITS) and name not in NO_LIMITS and known is not None:
            rows.append({"key": name, "value": value_text(name, value), "unit": known.unit})
    return rows
