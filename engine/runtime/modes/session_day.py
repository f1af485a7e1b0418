"""Which regular session a trading day has, by the broker's own calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from engine.domain.instrument import Instrument, SecType, SessionHours
from engine.runtime.daypnl import trading_day


class SessionDay(NamedTuple):
    """The regular session of one trading day, and the trading day after it."""

    hours: SessionHours
    next_day: date | None
    """None where the broker has not told that far."""


def session_day(instruments: Iterable[Instrument], day: date) -> SessionDay | None:
    """From the first opening to the last close of what is traded; None where nothing is known of that day.

    Stocks decide where there are any: the regular session of a future may last for almost a day.
    """
    known = tuple(instruments)
    stocks = tuple(i for i in known if i.sec_type is SecType.STOCK)
    sessions = [hours for i in stocks or known for hours in i.liquid_hours]
    today = [hours for hours in sessions if trading_day(hours.close) == day]
    if not today:
        return None
    later = [trading_day(hours.close) for hours in sessions if trading_day(hours.close) > day]
    hours = SessionHours(min(h.open for h in today), max(h.close for h in today))
    return SessionDay(hours, min(later, default=None))
