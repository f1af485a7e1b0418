"""Puts one gateway together: journal, market, exchange, clock; and decides when it starts."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.gateway.calendar import ExchangeCalendar, session_on
from engine.gateway.clock import ExchangeClock
from engine.gateway.exchange import SimulatedExchange
from engine.gateway.instruments import load_instruments
from engine.gateway.journal import Journal
from engine.gateway.market_factory import choose_session, make_market, start_time
from engine.gateway.model import GatewaySettings
from engine.gateway.venue import Venue
from engine.gateway.wire_text import EXCHANGE_ZONE

_STOCKS = "XNYS"
_SEARCH_DAYS = 15
_LINEAGES = 2**31  # what the first part of an execution id can hold


class Start(NamedTuple):
    """When the exchange's clock begins: the session and the instant."""

    session_date: dt.date
    epoch: float


def choose_start(settings: GatewaySettings, *, saved: float | None, today: dt.date) -> Start:
    """Where the clock begins: where the journal left it, or `start_at` of a session.

    A journal whose regular session is over moves to `start_at` of the next session; an explicit session
    date later than the journal wins over it. Raises ValueError for a date or time that cannot be.
    """
    fresh_date = choose_session(settings, today)
    fresh = Start(fresh_date, start_time(settings, fresh_date))
    if saved is None or ((settings.session_date or settings.tape) and fresh.epoch > saved):
        return fresh
    date = dt.datetime.fromtimestamp(saved, EXCHANGE_ZONE).date()
    if settings.tape:
        _check_tape_reaches(settings, saved)
        return Start(date, saved)
    session = session_on(_STOCKS, date)
    if session is not None and saved < session.regular_close:
        return Start(date, saved)
    return _next_session(settings, date)


def _check_tape_reaches(settings: GatewaySettings, saved: float) -> None:
    """An exchange's clock never goes back: a journal from after the tape cannot be continued on it."""
    from engine.gateway.tape_layout import span

    _, last = span(Path(settings.tape))
    if saved >= last:
        stands = dt.datetime.fromtimestamp(saved, EXCHANGE_ZONE)
        raise ValueError(
            f"the journal in {settings.state_dir} stands at {stands:%Y-%m-%d %H:%M:%S}, after the end of the "
            f"tape {settings.tape}. Choose a fresh --state to play it"
        )


def _next_session(settings: GatewaySettings, date: dt.date) -> Start:
    for _ in range(_SEARCH_DAYS):
        date += dt.timedelta(days=1)
        if session_on(_STOCKS, date) is not None:
            return Start(date, start_time(settings, date))
    raise ValueError(f"no session within {_SEARCH_DAYS} days after {date - dt.timedelta(days=_SEARCH_DAYS)}")


def _lineage(settings: GatewaySettings) -> int:
    """What sets the ids of a fresh journal apart from those of one thrown away; repeatable in lockstep."""
    return settings.seed if settings.lockstep else secrets.randbelow(_LINEAGES)


class Gateway(NamedTuple):
    """A gateway ready to serve, and the journal to close after it."""

    venue: Venue
    journal: Journal
    start: Start


def build(settings: GatewaySettings, *, monotonic: Callable[[], float], today: dt.date) -> Gateway:
    """Open the journal and wire the parts. The state folder exists and is locked by us.

    Raises JournalError, ValueError (session, world, clock) or TapeError.
    """
    journal = Journal(Path(settings.state_dir))
    try:
        start = choose_start(settings, saved=journal.clock, today=today)
        market = make_market(settings, session_date=start.session_date, start=start.epoch)
        calendar = ExchangeCalendar()
        exchange = SimulatedExchange(
            contracts=market.contracts,
            market=market,
            calendar=calendar,
            journal=journal,
            account=settings.account,
            cash=settings.cash,
            lineage=_lineage(settings),
        )
    except BaseException:
        journal.close()
        raise
    clock = ExchangeClock(start.epoch, monotonic=monotonic, speed=settings.speed, lockstep=settings.lockstep)
    venue = Venue(
        settings=settings,
        market=market,
        exchange=exchange,
        calendar=calendar,
        clock=clock,
        monotonic=monotonic,
        market_rules=load_instruments().market_rules,
        reached=start.epoch,
    )
    return Gateway(venue, journal, start)
