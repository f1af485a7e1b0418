"""The job in our engine: a strategy by the live interface, the live gate and ledger, orders at the next open.

Usage: python -m benchmarks.backtesting.ours INSTRUMENTS BARS [REPEATS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Self

import numpy as np

from benchmarks.backtesting import work
from engine.backtest.costs import Costs, Slippage
from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.backtest.setting import BacktestConfig, StrategyRun
from engine.domain.fees import FeeSchedule, FlatFee
from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.order_check import OrderRules
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.indicators import Sma

FAR_STOP = 0.5
"""The protective stop, as a part of the price: the job has none, so it lies where nothing reaches it."""


class Cross(Strategy):
    """Long while the fast average is above the slow one."""

    long_only = True

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self._averages = {key: (Sma(work.FAST), Sma(work.SLOW)) for key in keys}

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """It has no parameters."""
        del params
        return cls(name, keys=keys)

    def warm_up_bars(self) -> int:
        """Bars until the slow average is known."""
        return work.SLOW

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take history."""
        for bar in bars:
            for average in self._averages[bar.symbol]:
                average.update(bar)

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Hold while above, be out while not."""
        fast, slow = self._averages[bar.symbol]
        gap = fast.update(bar) - slow.update(bar)
        if gap > work.LEAST_GAP:
            if view.quantity or view.entry_working:
                return ()
            return (self._wish(bar, Intention.ENTER, Side.BUY),)
        if view.quantity > 0 and gap <= work.LEAST_GAP and not view.exit_working:
            return (self._wish(bar, Intention.EXIT, Side.SELL),)
        return ()

    def why_not(self, key: str) -> Waiting:
        """What it waits for."""
        return Waiting(Reason.NO_SIGNAL, f"{key}: waits for a cross")

    def _wish(self, bar: Bar, intention: Intention, side: Side) -> Proposal:
        return Proposal(
            self.name,
            bar.symbol,
            intention,
            side,
            f"{bar.symbol}:{bar.end.timestamp():.0f}:{intention}",
            bar.end,
            stop_price=bar.close * FAR_STOP if intention is Intention.ENTER else None,
        )


def prepared(instruments: int, bars: int) -> tuple[list[BarSeries], dict[str, Instrument]]:
    """The job's bars as series, with one session that lasts as long as they do."""
    made = work.make_bars(instruments, bars)
    ends = (work.FIRST_S + 60 * np.arange(1, bars + 1, dtype=np.int64)) * NANOSECONDS
    keys = [f"S{number:03d}" for number in range(instruments)]
    series = [
        BarSeries(
            key,
            60,
            ends,
            one[:, 0].copy(),
            one[:, 1].copy(),
            one[:, 2].copy(),
            one[:, 3].copy(),
            one[:, 4].astype(np.int64),
        )
        for key, one in zip(keys, made, strict=True)
    ]
    begin = datetime.fromtimestamp(work.FIRST_S, tz=UTC)
    hours = (SessionHours(begin, begin + timedelta(days=2, minutes=bars)),)
    return series, {key: _stock(key, number, hours) for number, key in enumerate(keys)}


def _stock(key: str, number: int, hours: tuple[SessionHours, ...]) -> Instrument:
    grid = (PriceStep(0.0, 0.01),)
    return Instrument(
        key, number + 1, key, SecType.STOCK, "SMART", "USD", key, 1.0, 0.01, grid, "UTC", hours, hours
    )


def config(keys: Sequence[str]) -> BacktestConfig:
    """The job's rules as limits of the gate: never more than 100 units, and nothing else in the way."""
    fees = FeeSchedule(flat_stock=FlatFee(work.FEE_FIXED_USD, work.FEE_BPS))
    wide = 1e9
    limits = RiskLimits(
        risk_per_trade_pct=100.0,
        max_positions=1000,
        max_gross_exposure_usd=wide,
        symbol_notional_cap_usd=wide,
        symbol_margin_cap_usd=wide,
        max_position_size_pct=100.0,
        allow_short_stock=False,
        allow_short_future=False,
        entry_start=clock_time(0),
        entry_end=clock_time.max,
        cooldown_s=0.0,
        cooldown_after_stop_s=0.0,
        max_attempts=0,
        order_rules=OrderRules(fees),
        max_quote_age_s=60.0,
        entry_ticks_through=2,
        max_order_shares=work.SIZE,
        max_total_at_risk_pct=1000.0,
        daily_loss_pct=50.0,
        symbol_daily_loss_pct=50.0,
        session_drawdown_pct=50.0,
        rolling_drawdown_pct=50.0,
    )
    run = StrategyRun(Cross("cross", keys=keys), 60, holds_overnight=True)
    return BacktestConfig(
        (run,), limits, Costs(Slippage(bps=0.0), fees), initial_cash_usd=Decimal(work.CASH_USD)
    )


def run(instruments: int, bars: int) -> tuple[RunResult, float]:
    """The job and its CPU seconds, columns ready and strategy made."""
    series, described = prepared(instruments, bars)
    setting = config(list(described))
    began = time.process_time()
    result = run_backtest(setting, series, described)
    return result, time.process_time() - began


def main() -> None:
    """Print a line per repeat."""
    instruments, bars = int(sys.argv[1]), int(sys.argv[2])
    for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
        result, run_s = run(instruments, bars)
        work.report(
            "cockpit",
            symbols=instruments,
            bars=bars,
            run_s=run_s,
            orders=len(result.fills),
            equity=float(result.equity.equity_usd[-1]),
        )


if __name__ == "__main__":
    main()
