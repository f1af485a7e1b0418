"""Recorded large-tick days through the whole trader: best quotes and trades of regular hours, in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.learning.appetite import APPETITES, AppetiteName
from engine.learning.book import Top
from engine.learning.estimator import log_loss
from engine.learning.features import LEVEL_1, QUEUE
from engine.learning.shadow import ShadowTerms
from engine.learning.trader import ContractTrader, TraderSettings, Turn

DATA = Path(os.environ.get("COCKPIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data at {DATA}; set COCKPIT_DATA")
NEW_YORK = ZoneInfo("America/New_York")
DAYS = tuple(date(2013, 10, 7) + timedelta(days=n) for n in range(3))
TICK = 0.01


class Event(NamedTuple):
    """A best quote (price NaN) or a trade."""

    at: float
    top: Top | None
    price: float
    size: float


def session(day: date) -> tuple[float, float]:
    """Regular hours in epoch seconds."""
    opens, closes = (datetime.combine(day, clock, NEW_YORK) for clock in (time(9, 30), time(16)))
    return opens.timestamp(), closes.timestamp()


def _columns(name: str, *columns: str) -> list[np.ndarray]:
    table = pq.read_table(DATA / "equities" / "tick" / name, columns=["ts", *columns])
    at = table["ts"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() / 1e6
    return [at, *(table[column].to_numpy(zero_copy_only=False).astype(float) for column in columns)]


def _quotes(symbol: str, day: date, start: float, end: float) -> Iterator[Event]:
    at, bid, bid_size, ask, ask_size = _columns(
        f"{symbol}_{day:%Y%m%d}_quote.parquet", "bid", "bid_size", "ask", "ask_size"
    )
    # Each change is two rows of one instant, the bid and then the ask; half a change is no book.
    first = np.flatnonzero(np.isfinite(bid[:-1]) & np.isfinite(ask[1:]) & (at[1:] == at[:-1]))
    first = first[(at[first] >= start) & (at[first] < end)]
    parts = (at[first], bid[first], ask[first + 1], bid_size[first], ask_size[first + 1])
    rows = zip(*(part.tolist() for part in parts), strict=True)
    for when, b, a, qb, qa in rows:
        yield Event(when, Top(when, b, a, qb, qa), np.nan, 0.0)


def _trades(symbol: str, day: date, start: float, end: float) -> Iterator[Event]:
    at, price, size = _columns(f"{symbol}_{day:%Y%m%d}_trade.parquet", "price", "size")
    inside = (at >= start) & (at < end)
    rows = zip(*(part[inside].tolist() for part in (at, price, size)), strict=True)
    return (Event(when, None, p, q) for when, p, q in rows)


def events(symbol: str, day: date, *, minutes: float | None = None) -> list[Event]:
    """The day's events in order; trades before the quotes of their instant, which they caused."""
    start, end = session(day)
    if minutes is not None:
        end = min(end, start + 60 * minutes)
    both = [*_trades(symbol, day, start, end), *_quotes(symbol, day, start, end)]
    return sorted(both, key=lambda event: event.at)


@dataclass(slots=True)
class Run:
    """What a trader made of recorded days."""

    trader: ContractTrader
    losses: dict[str, list[float]] = field(default_factory=lambda: {"queue": [], "mixed": [], "l1": []})
    shown: list[tuple[float, bool]] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    alarms: int = 0
    opened: bool = False

    def loss(self, name: str) -> float:
        """Mean progressive log-loss of a forecast of direction given a move."""
        return float(np.mean(self.losses[name]))

    def take(self, turn: Turn) -> None:
        """Score what became known; each forecast is the one made at its decision."""
        for move in turn.moves:
            if move.ticks == 0.0 or move.ticks != move.ticks:
                continue
            up, said = move.ticks > 0.0, move.decision.said.direction.champion
            self.losses["queue"].append(log_loss(said.experts[0], up))
            self.losses["l1"].append(log_loss(said.experts[1], up))
            self.losses["mixed"].append(log_loss(said.p, up))
            self.shown.append((max(said.p, 1 - said.p), (said.p > 0.5) == up))
        self.alarms += sum(one.drift is not None for one in turn.news)
        self.opened = self.opened or np.isfinite(self.trader.judge.gate.threshold)


def trader(*, horizon_s: float, fees_ticks: float, latency_s: float = 0.0) -> ContractTrader:
    """A trader of one large-tick share, as if it were a contract."""
    terms = ShadowTerms(
        tick_size=TICK,
        horizon_s=horizon_s,
        latency_s=latency_s,
        stop_ticks=10.0,
        target_ticks=20.0,
        fees_ticks=fees_ticks,
        gap_ticks=2.0,
    )
    sets = {"queue": QUEUE, "l1": LEVEL_1}
    return ContractTrader(
        TraderSettings(
            contract="ZZ", appetite=APPETITES[AppetiteName.STANDARD], terms=terms, feature_sets=sets
        )
    )


def run(
    symbol: str,
    days: tuple[date, ...],
    *,
    horizon_s: float,
    fees_ticks: float = 0.0,
    minutes: float | None = None,
) -> Run:
    """Play the days one after the other."""
    made = Run(trader(horizon_s=horizon_s, fees_ticks=fees_ticks))
    for day in days:
        made.take(made.trader.begin_session(*session(day)))
        for at, top, price, size in events(symbol, day, minutes=minutes):
            turn = made.trader.on_print(at, price, size) if top is None else made.trader.on_top(top)
            made.take(turn)
    return made
