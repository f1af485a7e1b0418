"""Small simulated markets for tests: three instruments instead of forty."""

from __future__ import annotations

import dataclasses
import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

from engine.gateway.instruments import Instruments, load_instruments
from engine.gateway.synthetic import SyntheticMarket

NEW_YORK = ZoneInfo("US/Eastern")
SPY, AMD = 800001, 800008


def at(text: str) -> float:
    """Epoch seconds of a New York date and time such as `2026-11-20 10:00`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


@cache
def few_instruments(*symbols: str) -> Instruments:
    """The shipped data file with only the named stocks and roots (default SPY, AMD, ES)."""
    wanted = symbols or ("SPY", "AMD", "ES")
    everything = load_instruments()
    return dataclasses.replace(
        everything,
        stocks={symbol: row for symbol, row in everything.stocks.items() if symbol in wanted},
        roots={symbol: row for symbol, row in everything.roots.items() if symbol in wanted},
    )


def make(seed: int, start: str | float, *symbols: str) -> SyntheticMarket:
    """A market of a few instruments at a New York time or epoch."""
    begin = at(start) if isinstance(start, str) else start
    return SyntheticMarket(few_instruments(*symbols), seed=seed, start=begin)
