"""Results of runs made by hand, so that figures and reports can be tested without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from engine.backtest.result import DecisionRow, EquityCurve, FillRow, OrderRow, RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.position import Trade

CLOSE = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
"""16:00 in New York on a Monday before the clocks change (2026-03-08)."""


def ns(at: datetime) -> int:
    """Epoch nanoseconds of a whole second."""
    return int(at.timestamp()) * NANOSECONDS


def curve(
    equity: Sequence[float],
    *,
    gross: Sequence[float] = (),
    themes: Mapping[str, Sequence[float]] | None = None,
) -> EquityCurve:
    """One row per day at the close in New York."""
    held = np.asarray(gross if len(gross) else [0.0] * len(equity), dtype=np.float64)
    values = np.asarray(equity, dtype=np.float64)
    split = {name: np.asarray(of, dtype=np.float64) for name, of in (themes or {"none": held}).items()}
    at = [ns(CLOSE) + day * 86_400 * NANOSECONDS for day in range(len(equity))]
    return EquityCurve(np.asarray(at, dtype=np.int64), values, values - held, held, split)


def trade(net: str, *, key: str = "SPY", reason: str = "stop", minutes: int = 30, day: int = 0) -> Trade:
    """A long round trip of 10 with 1 USD of fees."""
    opened = CLOSE + timedelta(days=day) - timedelta(hours=3)
    gross = Decimal(net) + 1
    return Trade(
        key=key,
        owner="cross",
        quantity=10,
        entry_price=Decimal(100),
        exit_price=Decimal(100) + gross / 10,
        opened_at=opened,
        closed_at=opened + timedelta(minutes=minutes),
        gross_usd=gross,
        fees_usd=Decimal(1),
        reason=reason,
    )


def order(ref: str = "bt-1-entry", *, key: str = "SPY", day: int = 0, status: str = "filled") -> OrderRow:
    """A market order to buy 10."""
    at = ns(CLOSE) + day * 86_400 * NANOSECONDS
    filled = 10 if status == "filled" else 0
    return OrderRow(
        ref, at, key, "cross", "entry", "BUY", "MKT", 10, None, None, status, filled, at + NANOSECONDS, ""
    )


def fill(
    number: int = 1, *, key: str = "SPY", price: str = "100", day: int = 0, side: str = "BUY"
) -> FillRow:
    """An execution of 10 for a commission of 0.50 and 0.10 of slippage."""
    at = ns(CLOSE) + day * 86_400 * NANOSECONDS
    return FillRow(
        f"x{number}", "bt-1-entry", at, key, "cross", side, 10, Decimal(price), Decimal("0.5"), Decimal("0.1")
    )


def refusal(code: str = "cooldown") -> DecisionRow:
    """A proposal that the gate refused."""
    return DecisionRow(
        ns(CLOSE), "cross", "SPY", "enter", "BUY", "s1", code, 0, 5.0, 4.0, "5 minutes have not passed"
    )


def bars(
    key: str = "SPY", count: int = 5, *, adjustment: str = "unadjusted", start: float = 100.0
) -> BarSeries:
    """Daily bars that rise by one a day."""
    close = start + np.arange(count, dtype=np.float64)
    end = ns(CLOSE) + np.arange(count, dtype=np.int64) * 86_400 * NANOSECONDS
    return BarSeries(
        key, 86_400, end, close - 0.5, close + 1, close - 1, close, np.full(count, 1000), "made", adjustment
    )


def result(
    equity: Sequence[float] | EquityCurve = (101.0, 100.0, 103.0),
    *,
    trades: Sequence[Trade] = (),
    **changes: object,
) -> RunResult:
    """A run with 100 USD to begin with."""
    made = equity if isinstance(equity, EquityCurve) else curve(equity)
    values: dict[str, object] = {
        "initial_cash_usd": Decimal(100),
        "orders": (),
        "fills": (),
        "trades": tuple(trades),
        "decisions": (),
        "equity": made,
        "bars": len(made.at_ns),
    }
    return RunResult(**{**values, **changes})  # type: ignore[arg-type]


def eventful() -> RunResult:
    """A run with something of everything: two symbols, a refusal, an order that was cancelled."""
    return result(
        curve(
            (101.0, 99.0, 104.0, 103.5),
            gross=(50, 99, 0, 0),
            themes={"index": (50, 0, 0, 0), "tech": (0, 99, 0, 0)},
        ),
        trades=(trade("5"), trade("-2", key="QQQ", reason="eod", minutes=60, day=2)),
        orders=(order(), order("bt-2-entry", key="QQQ", day=1, status="cancelled")),
        fills=(fill(), fill(2, key="QQQ", price="52.25", day=1), fill(3, price="100.6", side="SELL", day=2)),
        decisions=(refusal(), refusal("passed")),
    )
