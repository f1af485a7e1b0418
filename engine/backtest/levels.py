"""Gives traders of levels their watch list in a run: scanned at each open from what was before it.

The days are daily bars where the run has some, else the sessions of the series itself; to them comes what the
series has between the last close and the open. Nothing of the session itself is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.backtest.book import Book
from engine.backtest.feed import bars_of_rows
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig
from engine.backtest.slot import Slot
from engine.domain.market import NEW_YORK, Bar, utc
from engine.domain.order import Side
from engine.domain.setup import Setup
from engine.market.bars import DAY_SECONDS
from engine.market.scan import ScanInput, ScanRules, scan
from engine.strategy.base import Strategy, StrategyView

DAYS = 20
"""Daily bars that a scan is given, as live."""


class Levels:
    """The watch list of every instrument that somebody trades by levels."""

    def __init__(
        self, config: BacktestConfig, series: Sequence[BarSeries], book: Book, slots: Sequence[Slot]
    ) -> None:
        self._slots = {slot.key: slot for slot in slots}
        self._scanned_for: dict[str, int] = {}
        """Instrument key -> the session its levels are of."""
        self._config, self._series, self._past = config, series, book.positions.past
        self._rules = ScanRules()
        self._readers = tuple(run.strategy for run in config.strategies if run.strategy.wants_setups)
        self._setups: dict[str, Setup] = {}

    def seen_by(self, strategy: Strategy, bar: Bar, view: StrategyView) -> StrategyView:
        """A view with the attempts at the levels of the day; the first bar of a session finds those."""
        slot = self._slots[bar.symbol]
        if self._scanned_for.get(slot.key) != slot.session:
            self._look(slot, bar)
        setup = self._setups.get(slot.key)
        if setup is None:
            return view
        return view._replace(
            attempts_long=self._past.attempts(slot.key, Side.BUY, setup.resistance),
            attempts_short=self._past.attempts(slot.key, Side.SELL, setup.support),
            max_attempts=self._config.limits.max_attempts,
        )

    def _look(self, slot: Slot, bar: Bar) -> None:
        if slot.session >= len(slot.sessions) or bar.end <= slot.sessions[slot.session].open:
            return
        self._scanned_for[slot.key] = slot.session
        found = self._scanned(slot)
        if found is None:
            self._setups.pop(slot.key, None)
        else:
            self._setups[slot.key] = found
        for reader in self._readers:
            reader.take_setups(tuple(self._setups.values()))

    def _scanned(self, slot: Slot) -> Setup | None:
        session = slot.sessions[slot.session]
        days = self._days_before(slot)
        given = ScanInput(slot.instrument, days, self._early(slot, days))
        found = scan(given, day=session.open.astimezone(NEW_YORK).date(), rules=self._rules)
        return found if isinstance(found, Setup) else None

    def _days_before(self, slot: Slot) -> list[Bar]:
        daily = self._config.daily.get(slot.key)
        if daily is not None:
            last = int(np.searchsorted(daily.end_ns, slot.open_ns, "right"))
            return list(bars_of_rows(daily, max(0, last - DAYS), last))
        return self._own_days(slot)

    def _early(self, slot: Slot, days: Sequence[Bar]) -> list[Bar]:
        """Bars between the last session and this one's open."""
        if not days or not slot.session:
            return []
        one, closed = self._series[slot.index], slot.sessions[slot.session - 1].close
        edges = [_ns(closed.timestamp()), slot.open_ns]
        first, last = np.searchsorted(one.end_ns, edges, "right").tolist()
        return list(bars_of_rows(one, first, last))

    def _own_days(self, slot: Slot) -> list[Bar]:
        """The sessions of the series before the next one, each as one bar."""
        one, found = self._series[slot.index], list[Bar]()
        sessions = slot.sessions[max(0, slot.session - DAYS) : slot.session]
        edges = [(_ns(s.open.timestamp()), _ns(s.close.timestamp())) for s in sessions]
        for opens, closes in edges:
            first, last = np.searchsorted(one.end_ns, [opens, closes], "right").tolist()
            if last > first:
                high, low = one.high[first:last].max(), one.low[first:last].min()
                prices = (float(one.open[first]), float(high), float(low), float(one.close[last - 1]))
                volume = int(one.volume[first:last].sum())
                found.append(Bar(one.key, utc(closes / NANOSECONDS), *prices, volume, DAY_SECONDS))
        return found


def _ns(at_s: float) -> int:
    return int(at_s) * NANOSECONDS
