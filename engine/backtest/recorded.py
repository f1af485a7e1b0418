"""The bars and instruments of a recorded session out of its event log: enough to decide it once more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np

from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import Bar, utc
from engine.store.session_log import unpacked

SOURCE = "event log"


def bars_of(payloads: Iterable[str]) -> dict[str, list[Bar]]:
    """Every bar of `tape` events, by instrument, oldest first. Raises ValueError for a damaged event."""
    found: dict[str, dict[float, Bar]] = {}
    for payload in payloads:
        for bar in unpacked(json.loads(payload)).bars:
            found.setdefault(bar.symbol, {}).setdefault(bar.end.timestamp(), bar)
    return {key: [bar for _, bar in sorted(bars.items())] for key, bars in sorted(found.items())}


def series_of(key: str, bars: Iterable[Bar]) -> BarSeries:
    """The same as columns. Raises ValueError for bars of different lengths."""
    rows = tuple(bars)
    lengths = {bar.seconds for bar in rows}
    if len(lengths) != 1:
        raise ValueError(f"{key}: bars of {sorted(lengths)} s do not make one series")
    return BarSeries(
        key,
        lengths.pop(),
        np.array([int(bar.end.timestamp()) * NANOSECONDS for bar in rows], dtype=np.int64),
        np.array([bar.open for bar in rows]),
        np.array([bar.high for bar in rows]),
        np.array([bar.low for bar in rows]),
        np.array([bar.close for bar in rows]),
        np.array([bar.volume for bar in rows], dtype=np.int64),
        SOURCE,
    )


def instrument_of(terms: Mapping[str, Any]) -> Instrument:
    """The instrument of a `terms` event."""
    last_day = terms["last_trade_date"]
    return Instrument(
        key=terms["key"],
        con_id=terms["con_id"],
        symbol=terms["symbol"],
        sec_type=SecType(terms["sec_type"]),
        exchange=terms["exchange"],
        currency=terms["currency"],
        local_symbol=terms["local_symbol"],
        multiplier=terms["multiplier"],
        min_tick=terms["min_tick"],
        price_steps=tuple(PriceStep(*step) for step in terms["price_steps"]),
        time_zone=terms["time_zone"],
        trading_hours=_hours(terms["trading_hours"]),
        liquid_hours=_hours(terms["liquid_hours"]),
        last_trade_date=None if last_day is None else date.fromisoformat(last_day),
        primary_exchange=terms["primary_exchange"],
        trading_class=terms["trading_class"],
    )


def _hours(spans: Iterable[tuple[float, float]]) -> tuple[SessionHours, ...]:
    return tuple(SessionHours(utc(opens), utc(closes)) for opens, closes in spans)
