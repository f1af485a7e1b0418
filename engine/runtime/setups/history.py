"""Finds the levels of the day in the broker's history: for the engine, and for `cockpit scan`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from engine.broker.port import Broker
from engine.config import Config
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK
from engine.domain.setup import Setup
from engine.market.catalog import front_month, parse_symbol
from engine.market.futures import NO_ENTRY_DAYS
from engine.market.scan import NoSetup, ScanInput, ScanRules, scan

DAYS: Final = 20
"""Daily bars asked for: two more weeks than the ordinary range needs."""
EARLY_BARS: Final = 70
"""Quarter hours asked for: from the close of the day before to the open, and some."""
EARLY_S: Final = 900


class Scanned(NamedTuple):
    """What a scan found."""

    setups: tuple[Setup, ...]
    without: tuple[str, ...]
    """Instruments or symbols without levels, each with the reason: `SPY (no daily bars: …)`."""


def session_day(instruments: Iterable[Instrument], now: datetime) -> date:
    """New York date of the session that runs or comes next, by the hours of the stocks among them."""
    known = tuple(instruments)
    stocks = tuple(i for i in known if i.sec_type is SecType.STOCK)
    closes = (h.close for i in stocks for h in i.liquid_hours if h.close > now)
    return min(closes, default=now).astimezone(NEW_YORK).date()


def traded_symbols(config: Config) -> tuple[str, ...]:
    """What enabled strategies are given, as configured, each once."""
    sections = (s for s in config.strategies.values() if s.enabled)
    return tuple(dict.fromkeys(symbol for section in sections for symbol in section.symbols))


async def scan_symbols(broker: Broker, symbols: Sequence[str], *, now: datetime) -> tuple[date, Scanned]:
    """Levels of configured symbols for the session that runs or comes next, and its day."""
    found = await asyncio.gather(*(find_instrument(broker, symbol, now=now) for symbol in symbols))
    instruments = [one for one in found if isinstance(one, Instrument)]
    nameless = tuple(f"{s} ({one})" for s, one in zip(symbols, found, strict=True) if isinstance(one, str))
    day = session_day(instruments, now)
    scanned = await scan_all(broker, instruments, day=day)
    return day, Scanned(scanned.setups, (*scanned.without, *nameless))


async def find_instrument(broker: Broker, symbol: str, *, now: datetime) -> Instrument | str:
    """What a configured symbol stands for now, or why there is none."""
    wanted = parse_symbol(symbol)
    answer = await broker.instruments(wanted.symbol, wanted.sec_type.value, wanted.exchange)
    if not answer.ok or answer.value is None:
        return f"the broker did not describe it: {answer.error}"
    if wanted.sec_type is SecType.FUTURE:
        found = front_month(answer.value, now, no_entry_days=NO_ENTRY_DAYS)
    else:
        found = answer.value[0] if answer.value else None
    return found or "the broker lists no such contract"


async def scan_all(broker: Broker, instruments: Sequence[Instrument], *, day: date) -> Scanned:
    """Levels of these instruments for the session of `day`."""
    found = await asyncio.gather(*(scan_one(broker, instrument, day=day) for instrument in instruments))
    setups, without = [], []
    for instrument, result in zip(instruments, found, strict=True):
        if isinstance(result, Setup):
            setups.append(result)
        else:
            without.append(f"{instrument.key} ({result})")
    return Scanned(tuple(setups), tuple(without))


async def scan_one(broker: Broker, instrument: Instrument, *, day: date) -> Setup | NoSetup | str:
    """Its setup, or why there is none: a reason of the scan, or the broker's words."""
    daily = await broker.history(instrument, count=DAYS, seconds=86_400)
    if not daily.ok or daily.value is None:
        return f"no daily bars: {daily.error}"
    early = await broker.history(instrument, count=EARLY_BARS, seconds=EARLY_S, extended=True)
    # Without the hours before the open there are still the days: fewer levels, not none.
    quarters = early.value if early.ok and early.value is not None else ()
    days = [bar for bar in daily.value if bar.end.astimezone(NEW_YORK).date() < day]
    since = days[-1].end if days else None
    fresh = [bar for bar in quarters if since is not None and bar.start >= since]
    return scan(ScanInput(instrument, days, fresh), day=day, rules=ScanRules())
