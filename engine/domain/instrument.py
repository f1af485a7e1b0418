"""What can be traded, as the broker described it: grid, multiplier, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from engine.domain.quick import quick


class SecType(StrEnum):
    """Asset classes the engine trades."""

    STOCK = "STK"
    FUTURE = "FUT"


class SessionHours(NamedTuple):
    """One stretch of an instrument's session, aware UTC."""

    open: datetime
    close: datetime


class PriceStep(NamedTuple):
    """From `low_edge` on, prices move in steps of `increment` (a broker's market rule)."""

    low_edge: float
    increment: float


@quick
@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract at one broker. `key` is the name used everywhere else in the engine."""

    key: str
    """Symbol for stocks (`SPY`), local symbol for futures (`ESZ6`)."""
    con_id: int
    symbol: str
    sec_type: SecType
    exchange: str
    currency: str
    local_symbol: str
    multiplier: float
    min_tick: float
    price_steps: tuple[PriceStep, ...]
    time_zone: str
    trading_hours: tuple[SessionHours, ...] = ()
    liquid_hours: tuple[SessionHours, ...] = ()
    last_trade_date: date | None = None
    primary_exchange: str = ""
    trading_class: str = ""
    long_name: str = ""

    def liquid_session(self, at: datetime) -> SessionHours | None:
        """The regular session that contains `at`, or None while it is closed or unknown."""
        # A loop of its own: every decision of the gate asks, and one call less is a tenth of the answer.
        for session in self.liquid_hours:
            if session[0] <= at < session[1]:
                return session
        return None

    def trading_session(self, at: datetime) -> SessionHours | None:
        """The session (extended hours included) that contains `at`, or None."""
        return _containing(self.trading_hours, at)

    def during(self, hours: tuple[SessionHours, ...]) -> Instrument:
        """The same with no other hours than these, regular and extended alike."""
        # Spelled out: a backtest asks for every session of every instrument, and `replace` is slower by far.
        return Instrument(
            self.key,
            self.con_id,
            self.symbol,
            self.sec_type,
            self.exchange,
            self.currency,
            self.local_symbol,
            self.multiplier,
            self.min_tick,
            self.price_steps,
            self.time_zone,
            hours,
            hours,
            self.last_trade_date,
            self.primary_exchange,
            self.trading_class,
            self.long_name,
        )


def _containing(hours: tuple[SessionHours, ...], at: datetime) -> SessionHours | None:
    for session in hours:
        if session.open <= at < session.close:
            return session
    return None
