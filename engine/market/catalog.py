"""From configured symbols to instruments: a stock by its symbol, a future by the front month of its root."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.instrument import Instrument, SecType
from engine.market.futures import last_day


class Wanted(NamedTuple):
    """What a configured symbol stands for."""

    symbol: str
    sec_type: SecType
    exchange: str


def parse_symbol(text: str) -> Wanted:
    """`SPY` is a stock routed SMART; `ES@CME` is the future root ES at CME."""
    root, at, exchange = text.partition("@")
    if at:
        return Wanted(root, SecType.FUTURE, exchange)
    return Wanted(root, SecType.STOCK, "SMART")


def front_month(chain: tuple[Instrument, ...], now: datetime, *, no_entry_days: int) -> Instrument | None:
    """The nearest contract that neither ends nor is delivered within `no_entry_days`; None without one."""
    earliest = (now + timedelta(days=no_entry_days)).date()
    dated = ((d, i) for i in chain if (d := last_day(i)) is not None)
    alive = sorted(((d, i.key, i) for d, i in dated if d > earliest), key=lambda row: row[:2])
    return alive[0][2] if alive else None
