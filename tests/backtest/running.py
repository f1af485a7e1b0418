"""A backtest of a few bars: a strategy that does as it is told, wide limits, prices made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Self

import numpy as np

from engine.backtest.costs import Costs, Slippage
from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig, StrategyRun
from engine.domain.fees import FeeSchedule, FlatFee
from engine.domain.instrument import Instrument, SessionHours
from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.order_check import OrderRules
from engine.strategy.base import Strategy, StrategyView, Waiting
from tests.builders import stock

OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
"""9:30 in New York on a Monday."""
SESSION_MINUTES = 390

Row = tuple[float, float, float, float] | tuple[float, float, float, float, int]
"""Open, high, low, close, and volume where it is not 10,000."""


class Scripted(Strategy):
    """Wants what its script says at the n-th bar of a key: (`enter`, side, stop) or (`exit`, fraction)."""

    def __init__(self, name: str, *, keys: Sequence[str], script: Mapping[tuple[str, int], tuple[Any, ...]]):
        super().__init__(name, keys=keys)
        self._script = script
        self._seen = dict.fromkeys(keys, 0)
        self.views: list[StrategyView] = []
        self.bars: list[Bar] = []

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        return cls(name, keys=keys, script={})

    def warm_up_bars(self) -> int:
        return 0

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Nothing to learn."""

    def why_not(self, key: str) -> Waiting:
        return Waiting(Reason.NO_SIGNAL, key)

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        number = self._seen[bar.symbol]
        self._seen[bar.symbol] += 1
        self.views.append(view)
        self.bars.append(bar)
        match self._script.get((bar.symbol, number)):
            case ("enter", side, stop):
                return (self._wish(bar, number, Intention.ENTER, side, stop_price=stop),)
            case ("exit", fraction):
                side = Side.SELL if view.quantity > 0 else Side.BUY
                return (self._wish(bar, number, Intention.EXIT, side, exit_fraction=fraction),)
            case _:
                return ()

    def _wish(self, bar: Bar, number: int, intention: Intention, side: Side, **more: Any) -> Proposal:
        signal = f"{self.name}:{bar.symbol}:{number}"
        return Proposal(self.name, bar.symbol, intention, side, signal, bar.end, **more)


def series(rows: Sequence[Row], key: str = "SPY", *, seconds: int = 60, begin: datetime = OPEN) -> BarSeries:
    """Bars one after the other, from `begin` on."""
    first = int(begin.timestamp())
    ends = [(first + seconds * (n + 1)) * NANOSECONDS for n in range(len(rows))]
    columns = [np.array([row[i] for row in rows], dtype=np.float64) for i in range(4)]
    volume = [row[4] if len(row) > 4 else 10_000 for row in rows]
    return BarSeries(
        key,
        seconds,
        np.array(ends, dtype=np.int64),
        columns[0],
        columns[1],
        columns[2],
        columns[3],
        np.array(volume, dtype=np.int64),
    )


def hours(days: int = 3, *, begin: datetime = OPEN) -> tuple[SessionHours, ...]:
    """Sessions of consecutive days."""
    opens = [begin + timedelta(days=n) for n in range(days)]
    return tuple(SessionHours(at, at + timedelta(minutes=SESSION_MINUTES)) for at in opens)


def instrument(key: str = "SPY", **changes: object) -> Instrument:
    """A stock with three sessions."""
    return stock(key, **{"trading_hours": hours(), "liquid_hours": hours(), **changes})


def fees(fixed: float = 0.0, bps: float = 0.0) -> FeeSchedule:
    """A flat commission for everything."""
    return FeeSchedule(flat_stock=FlatFee(fixed, bps), flat_future=FlatFee(fixed, bps))


def limits(schedule: FeeSchedule, **changes: Any) -> RiskLimits:
    """Limits that let 100 units through, and hold nothing else back."""
    wide = 1e12
    given = RiskLimits(
        risk_per_trade_pct=100.0,
        max_positions=100,
        max_gross_exposure_usd=wide,
        symbol_notional_cap_usd=wide,
        symbol_margin_cap_usd=wide,
        max_position_size_pct=1e6,
        allow_short_stock=True,
        allow_short_future=True,
        entry_start=time(0),
        entry_end=time.max,
        cooldown_s=0.0,
        cooldown_after_stop_s=0.0,
        max_attempts=0,
        order_rules=OrderRules(schedule),
        max_quote_age_s=60.0,
        entry_ticks_through=2,
        max_order_value_usd=wide,
        max_order_shares=100,
        max_order_contracts=100,
        max_total_at_risk_pct=1e6,
        theme_cap_pct=1e6,
        daily_loss_pct=90.0,
        symbol_daily_loss_pct=90.0,
        session_drawdown_pct=90.0,
        rolling_drawdown_pct=90.0,
    )
    return replace(given, **changes)


def setting(
    *strategies: Strategy,
    schedule: FeeSchedule | None = None,
    slippage: Slippage | None = None,
    limit: Mapping[str, Any] | None = None,
    bar_seconds: int = 60,
    holds_overnight: bool = True,
    **changes: Any,
) -> BacktestConfig:
    """A run without costs, unless they are given."""
    schedule = schedule or fees()
    runs = tuple(
        StrategyRun(one, bar_seconds, allow_short=True, holds_overnight=holds_overnight) for one in strategies
    )
    costs = Costs(slippage or Slippage(bps=0.0), schedule)
    given = BacktestConfig(
        runs, limits(schedule, **(limit or {})), costs, initial_cash_usd=Decimal(1_000_000)
    )
    return replace(given, **changes)


def play(
    script: Mapping[int, tuple[Any, ...]], rows: Sequence[Row], *, key: str = "SPY", **changes: Any
) -> RunResult:
    """One instrument, one script by bar number."""
    strategy = Scripted("s", keys=(key,), script={(key, n): act for n, act in script.items()})
    return run_backtest(setting(strategy, **changes), [series(rows, key)], {key: instrument(key)})


def flat(price: float, count: int) -> list[Row]:
    """Bars that do not move."""
    return [(price, price, price, price)] * count
