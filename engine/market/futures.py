"""Which contract of a future is the one to trade: the most traded that is not about to end. Pure.

Nothing here names a future: what roots there are is asked of the broker; a shipped list says what to ask
where it does not tell by itself, and which of them are delivered early.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK

COMPARED: Final = 2
"""Expiries whose volume is compared: trade moves from the nearest to the one after it."""
NO_ENTRY_DAYS: Final = 3
"""Days before its last one from which a contract is entered no more, and the next one is in front."""
_SATURDAY: Final = 5


def known_roots(exchange: str) -> tuple[str, ...]:
    """Roots to ask for at an exchange that the broker does not list whole; none where none is known."""
    return tuple(_table().get(exchange, {}).get("roots", ()))


def symbol_of(instrument: Instrument) -> str:
    """How a configuration names its future: `ROOT@EXCHANGE`, whatever the expiry."""
    return f"{instrument.symbol}@{instrument.exchange}"


def by_root(listed: Iterable[Instrument], *, exchange: str) -> dict[str, tuple[Instrument, ...]]:
    """The dated futures of one exchange, by symbol. A continuous one has no last day and is no contract."""
    chains: dict[str, list[Instrument]] = {}
    for one in listed:
        if one.sec_type is SecType.FUTURE and one.exchange == exchange and one.last_trade_date is not None:
            chains.setdefault(symbol_of(one), []).append(one)
    return {symbol: tuple(chain) for symbol, chain in sorted(chains.items())}


def last_day(instrument: Instrument) -> date | None:
    """The day by which nobody should be in it: its last trade date, or the first notice of delivery."""
    last = instrument.last_trade_date
    if last is None or instrument.symbol not in _table().get(instrument.exchange, {}).get("notice", ()):
        return last
    before = last.replace(day=1) - timedelta(days=1)
    while before.weekday() >= _SATURDAY:
        before -= timedelta(days=1)
    return before


def is_ending(instrument: Instrument, now: datetime) -> bool:
    """True from so many days before its last one that it is entered no more and closed for good."""
    last = last_day(instrument)
    return last is not None and last <= now.astimezone(NEW_YORK).date() + timedelta(days=NO_ENTRY_DAYS)


def candidates(chain: Iterable[Instrument], now: datetime, *, no_entry_days: int) -> tuple[Instrument, ...]:
    """The nearest contracts that do not end within `no_entry_days`, the nearest first."""
    earliest = now.astimezone(NEW_YORK).date() + timedelta(days=no_entry_days)
    dated = ((last_day(one), one.key, one) for one in chain)
    alive = sorted((end, key, one) for end, key, one in dated if end is not None and end > earliest)
    return tuple(one for _, _, one in alive[:COMPARED])


def most_traded(near: Sequence[Instrument], value_usd: Mapping[str, float]) -> Instrument | None:
    """The one with the highest value traded in a day, by key; the nearest where none is known, or equal."""

    def worth(one: Instrument) -> float:
        value = value_usd.get(one.key, math.nan)
        return value if math.isfinite(value) else 0.0

    return max(near, key=worth, default=None)


@cache
def _table() -> Mapping[str, Any]:
    text = files("engine.market").joinpath("data/futures_roots.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
