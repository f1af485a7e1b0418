"""What a run leaves behind in memory: orders, fills, trades, decisions and the equity of every bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.backtest.order_life import Life
from engine.domain.position import Trade

NOT_MODELLED: Final = (
    "spreads and depth",
    "halts and price limits",
    "late and wrong data",
    "outages of line, store and engine",
)
"""What happens to live trading and to no run; every summary says so."""


class OrderRow(NamedTuple):
    """One order from its sending to its end. Times are epoch nanoseconds UTC of the exchange clock."""

    order_ref: str
    at_ns: int
    key: str
    strategy: str
    role: str
    """`entry`, `stop`, `target`, `exit` …"""
    side: str
    order_type: str
    quantity: int
    limit_price: float | None
    stop_price: float | None
    status: str
    """How it ended: `filled`, `cancelled`, `rejected`; `working` where the run ended first."""
    filled: int
    ended_ns: int | None
    reason: str
    """Reason code of the close or of the refusal; empty where there is none."""


class FillRow(NamedTuple):
    """One execution. Money in USD."""

    exec_id: str
    order_ref: str
    at_ns: int
    key: str
    strategy: str
    side: str
    quantity: int
    price: Decimal
    commission_usd: Decimal
    slippage_usd: Decimal
    """What the slippage model took against the price the matcher found; never negative."""


class DecisionRow(NamedTuple):
    """What the gate said to one proposal, refusals included."""

    at_ns: int
    strategy: str
    key: str
    intention: str
    side: str
    signal_id: str
    code: str
    """`passed`, or the reason code of the refusal."""
    quantity: int
    limit: float | None
    value: float | None
    text: str


class EquityCurve(NamedTuple):
    """One row per moment at which bars ended; every column has the same length. Money in USD."""

    at_ns: NDArray[np.int64]
    equity_usd: NDArray[np.float64]
    """Cash and the market value of every position at the close."""
    cash_usd: NDArray[np.float64]
    gross_usd: NDArray[np.float64]
    """Sum of the absolute market values."""
    by_theme_usd: Mapping[str, NDArray[np.float64]]
    """The same by theme (instruments without one under `none`); the themes sum to the gross."""


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """A finished run; identical inputs give identical values here, down to the last bit."""

    initial_cash_usd: Decimal
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    trades: tuple[Trade, ...]
    decisions: tuple[DecisionRow, ...]
    equity: EquityCurve
    bars: int
    """Bars fed, all instruments together."""
    life: Callable[[], Life] | None = None
    """Asks the live ledger what it makes of its orders; None where nothing was kept for it."""
    halted: str = ""
    """Why the run's kill-switch stopped it; empty where it ran to its end."""
