"""Chooses the session and builds the market a gateway process was started for."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from engine.gateway.calendar import session_on
from engine.gateway.instruments import load_instruments
from engine.gateway.model import GatewaySettings, Market

_NEW_YORK = ZoneInfo("US/Eastern")


def choose_session(settings: GatewaySettings, today: dt.date) -> dt.date:
    """The session date to start in: the one asked for, else the last regular one at or before today.

    Raises ValueError where the date asked for is malformed or has no session.
    """
    if settings.session_date:
        date = dt.date.fromisoformat(settings.session_date)
        if session_on("XNYS", date) is None:
            msg = f"session date {date} is a weekend or a holiday; choose a day on which New York trades"
            raise ValueError(msg)
        return date
    date = today
    while session_on("XNYS", date) is None:
        date -= dt.timedelta(days=1)
    return date


def start_time(settings: GatewaySettings, session_date: dt.date) -> float:
    """Epoch seconds of `start_at` (New York time) on a session date. ValueError for a malformed time."""
    time = dt.time.fromisoformat(settings.start_at)
    return dt.datetime.combine(session_date, time, _NEW_YORK).timestamp()


def make_market(settings: GatewaySettings, *, session_date: dt.date, start: float | None = None) -> Market:
    """The market of the settings, ready at `start` (default: `start_at` of the session date).

    Give the exchange time at which the gateway stopped to continue after a restart.
    Raises ValueError for an unknown world.
    """
    from engine.gateway.synthetic import SyntheticMarket

    if settings.world != "edge":
        msg = f"world {settings.world!r} is unknown; the only one so far is 'edge'"
        raise ValueError(msg)
    at = start_time(settings, session_date) if start is None else start
    return SyntheticMarket(load_instruments(), seed=settings.seed, start=at)
