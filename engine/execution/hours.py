"""Whether an order that closes can trade right now. Pure."""

from __future__ import annotations

from datetime import datetime

from engine.domain.instrument import Instrument, SecType


def is_open(instrument: Instrument, at: datetime) -> bool:
    """Whether a market order can fill now: stocks in their regular session, futures around the clock."""
    if instrument.sec_type is SecType.FUTURE:
        return instrument.trading_session(at) is not None
    return instrument.liquid_session(at) is not None


def next_open(instrument: Instrument, at: datetime) -> datetime | None:
    """When a market order can fill next; None where the broker has told of no later session."""
    is_future = instrument.sec_type is SecType.FUTURE
    sessions = instrument.trading_hours if is_future else instrument.liquid_hours
    return min((hours.open for hours in sessions if hours.open > at), default=None)
