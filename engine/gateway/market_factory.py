"""Chooses the session and builds the market a gateway process was started for."""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.gateway.calendar import session_on
from engine.gateway.instruments import load_instruments
from engine.gateway.model import GatewaySettings
from engine.gateway.ports import Market

if TYPE_CHECKING:
    from engine.gateway.synthetic_path import Paths

_NEW_YORK = ZoneInfo("US/Eastern")


def choose_session(settings: GatewaySettings, today: dt.date) -> dt.date:
    """The session date to start in: the one asked for, else the last regular one at or before today.

    A tape brings its own: the New York date of its first row, unless a later date of it is asked for.
    Raises ValueError where the date asked for is malformed or has no session, TapeError for a bad tape.
    """
    asked = dt.date.fromisoformat(settings.session_date) if settings.session_date else None
    if settings.tape:
        return _tape_date(settings, asked)
    if asked is not None:
        if session_on("XNYS", asked) is None:
            msg = f"session date {asked} is a weekend or a holiday; choose a day on which New York trades"
            raise ValueError(msg)
        return asked
    date = today
    while session_on("XNYS", date) is None:
        date -= dt.timedelta(days=1)
    return date


def _tape_date(settings: GatewaySettings, asked: dt.date | None) -> dt.date:
    first, last = (dt.datetime.fromtimestamp(at, _NEW_YORK).date() for at in _tape_span(settings))
    if asked is not None and not first <= asked <= last:
        msg = f"session date {asked} is not on the tape, which runs from {first} to {last}"
        raise ValueError(msg)
    return asked or first


def _tape_span(settings: GatewaySettings) -> tuple[float, float]:
    from engine.gateway.tape_layout import span

    return span(Path(settings.tape))


def start_time(settings: GatewaySettings, session_date: dt.date) -> float:
    """Epoch seconds of `start_at` (New York time) on a session date. ValueError for a malformed time.

    A tape whose first day does not reach that time of day starts just before its first row.
    """
    time = dt.time.fromisoformat(settings.start_at)
    at = dt.datetime.combine(session_date, time, _NEW_YORK).timestamp()
    if settings.tape:
        first, last = _tape_span(settings)
        if session_date == dt.datetime.fromtimestamp(first, _NEW_YORK).date() and not first <= at <= last:
            return math.floor(first) - 1.0
    return at


def make_market(settings: GatewaySettings, *, session_date: dt.date, start: float | None = None) -> Market:
    """The market of the settings, ready at `start` (default: `start_at` of the session date).

    Give the exchange time at which the gateway stopped to continue after a restart.
    Raises ValueError for an unknown world, TapeError for a tape that cannot be played.
    """
    at = start_time(settings, session_date) if start is None else start
    if settings.tape:
        from engine.gateway.tape import TapeMarket

        return TapeMarket(Path(settings.tape), load_instruments(), start=at)
    from engine.gateway.synthetic import SyntheticMarket
    from engine.gateway.worlds import world_of

    world, paths = world_of(settings.world), _paths(settings.seed, settings.world)
    return SyntheticMarket(load_instruments(), seed=settings.seed, start=at, world=world, paths=paths)


@lru_cache(maxsize=2)
def _paths(seed: int, world: str) -> Paths:
    """Kept: the same part of the same market, asked for again in this process, need not be made again."""
    from engine.gateway.synthetic_path import paths_of
    from engine.gateway.worlds import world_of

    return paths_of(load_instruments(), seed, world_of(world))
