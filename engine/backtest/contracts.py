"""Describes instruments where no broker is asked: grid and multiplier by product, hours by its calendar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.backtest.setting import BacktestError
from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.market.catalog import parse_symbol


class Product(NamedTuple):
    """What is the same for every contract of a future."""

    multiplier: float
    min_tick: float


PRODUCTS: Final = {
    "ES": Product(50.0, 0.25),
    "MES": Product(5.0, 0.25),
    "NQ": Product(20.0, 0.25),
    "MNQ": Product(2.0, 0.25),
    "RTY": Product(50.0, 0.1),
    "YM": Product(5.0, 1.0),
    "CL": Product(1000.0, 0.01),
    "NG": Product(10_000.0, 0.001),
    "GC": Product(100.0, 0.1),
    "SI": Product(5000.0, 0.005),
    "HG": Product(25_000.0, 0.0005),
    "ZB": Product(1000.0, 0.03125),
    "ZN": Product(1000.0, 0.015625),
    "ZF": Product(1000.0, 0.0078125),
    "EUR": Product(125_000.0, 0.00005),
    "JPY": Product(12_500_000.0, 0.0000005),
    "GBP": Product(62_500.0, 0.0001),
    "VX": Product(1000.0, 0.05),
}
"""Root as the broker names it; prices in the unit that its bars have."""


def describe(symbol: str, number: int, hours: Iterable[SessionHours]) -> Instrument:
    """The instrument of a configured symbol, which is also its key.

    Raises BacktestError for a future whose terms are not known.
    """
    wanted = parse_symbol(symbol)
    terms = Product(1.0, 0.01)
    if wanted.sec_type is SecType.FUTURE:
        known = PRODUCTS.get(wanted.symbol)
        if known is None:
            text = ", ".join(sorted(PRODUCTS))
            raise BacktestError(f"{symbol}: multiplier and price grid are not known; known are {text}")
        terms = known
    open_hours = tuple(hours)
    return Instrument(
        key=symbol,
        con_id=number,
        symbol=wanted.symbol,
        sec_type=wanted.sec_type,
        exchange=wanted.exchange,
        currency="USD",
        local_symbol=symbol,
        multiplier=terms.multiplier,
        min_tick=terms.min_tick,
        price_steps=(PriceStep(0.0, terms.min_tick),),
        time_zone="America/New_York",
        trading_hours=open_hours,
        liquid_hours=open_hours,
    )
