"""An instrument from the terms that a session wrote down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import utc


def instrument_of(payload: Mapping[str, Any]) -> Instrument:
    """The instrument of a `terms` line. Raises KeyError or ValueError for another payload."""
    last_day = payload["last_trade_date"]
    return Instrument(
        key=payload["key"],
        con_id=payload["con_id"],
        symbol=payload["symbol"],
        sec_type=SecType(payload["sec_type"]),
        exchange=payload["exchange"],
        currency=payload["currency"],
        local_symbol=payload["local_symbol"],
        multiplier=payload["multiplier"],
        min_tick=payload["min_tick"],
        price_steps=tuple(PriceStep(*step) for step in payload["price_steps"]),
        time_zone=payload["time_zone"],
        trading_hours=_hours(payload["trading_hours"]),
        liquid_hours=_hours(payload["liquid_hours"]),
        last_trade_date=None if last_day is None else date.fromisoformat(last_day),
        primary_exchange=payload["primary_exchange"],
        trading_class=payload["trading_class"],
    )


def _hours(spans: Iterable[Iterable[float]]) -> tuple[SessionHours, ...]:
    return tuple(SessionHours(utc(begin), utc(end)) for begin, end in spans)
