"""The trading day's profit and loss, its curve, and what the open positions put at risk.

Booked money is Decimal; values at market prices are float, as marks are. A figure that needs a price
nobody has is None, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from engine.domain.fees import NO_FEES, FeeSchedule
from engine.domain.instrument import SecType
from engine.domain.position import Position
from engine.ledger.positions import PositionManager

_MAX_POINTS = 240
LEAST_TRADES = 10
"""Trades below which a Sharpe ratio is chance."""


class DayPnl(NamedTuple):
    """Profit and loss since the trading day began."""

    realized_usd: float
    """Before fees."""
    fees_usd: float
    """Reported commissions, and estimates of those that are not reported yet."""
    unrealized_usd: float | None
    """Since each position was opened, before fees; None while one has no mark."""
    net_usd: float | None
    """Of this day alone: without what positions of the days before had earned when it began."""
    trades: int
    wins: int
    """Trades that ended above zero after fees."""
    sharpe: float | None = None
    """Of the day's trades; see `trade_sharpe`."""


class BookedDay(NamedTuple):
    """The part of the day's P&L that no price changes."""

    realized_usd: float
    fees_usd: float
    trades: int
    wins: int
    sharpe: float | None = None


def booked_day(manager: PositionManager, *, schedule: FeeSchedule = NO_FEES) -> BookedDay:
    """What was booked today. Looks at all of the day: keep the answer until something is booked.

    A commission that is not reported yet counts as `schedule` has it, so that P&L does not jump when it is.
    """
    trades = manager.trades()
    return BookedDay(
        float(manager.realized_usd()),
        float(manager.fees_usd()) + estimated_fees_usd(manager, schedule),
        len(trades),
        sum(trade.net_usd > 0 for trade in trades),
        trade_sharpe([float(trade.net_usd) for trade in trades]),
    )


def trade_sharpe(nets_usd: Sequence[float]) -> float | None:
    """Mean net of a trade over its standard deviation, never annualised.

    None where there are fewer than `LEAST_TRADES`, or where all are alike: it would mean nothing.
    """
    if len(nets_usd) < LEAST_TRADES:
        return None
    spread = stdev(nets_usd)
    return fmean(nets_usd) / spread if spread > 0.0 else None


def day_pnl(
    manager: PositionManager, marks: Mapping[str, float], booked: BookedDay, *, carried_usd: float = 0.0
) -> DayPnl:
    """The day at these marks (mark price by key; missing or NaN: unknown).

    `carried_usd` is what positions of the days before had earned, unrealised, when the day began.
    """
    unrealized = unrealized_usd(manager.positions(), marks)
    return DayPnl(
        realized_usd=booked.realized_usd,
        fees_usd=booked.fees_usd,
        unrealized_usd=unrealized,
        net_usd=None
        if unrealized is None
        else booked.realized_usd - booked.fees_usd + unrealized - carried_usd,
        trades=booked.trades,
        wins=booked.wins,
        sharpe=booked.sharpe,
    )


def estimated_fees_usd(manager: PositionManager, schedule: FeeSchedule) -> float:
    """What the executions without a reported commission will cost: one fee per order."""
    orders: dict[tuple[str, str], tuple[int, float]] = {}
    for fill in manager.uncharged_fills():
        quantity, value = orders.get((fill.key, fill.order_ref), (0, 0.0))
        orders[fill.key, fill.order_ref] = (
            quantity + fill.quantity,
            value + float(fill.price) * fill.quantity,
        )
    total = 0.0
    for (key, _), (quantity, value) in orders.items():
        terms = manager.terms(key)
        is_future = terms is not None and terms.sec_type == SecType.FUTURE.value
        sec_type = SecType.FUTURE if is_future else SecType.STOCK
        total += schedule.order_fee_usd(sec_type, quantity=quantity, value_usd=value)
    return total


def unrealized_usd(positions: Iterable[Position], marks: Mapping[str, float]) -> float | None:
    """What closing everything at its mark would realise, before fees; None while a mark is missing."""
    total = 0.0
    for position in positions:
        mark = marks.get(position.key, math.nan)
        if not math.isfinite(mark):
            return None
        total += (mark - float(position.avg_price)) * position.quantity * float(position.multiplier)
    return total


def r_multiple(position: Position, mark: float) -> float | None:
    """Unrealised profit in units of the initial risk; None without an initial stop or a mark."""
    if position.initial_stop is None or not math.isfinite(mark):
        return None
    entry = float(position.avg_price)
    risk = (entry - position.initial_stop) * (1 if position.quantity > 0 else -1)
    if risk <= 0:
        return None
    return (mark - entry) * (1 if position.quantity > 0 else -1) / risk


def stop_risk_usd(
    positions: Iterable[Position], stops: Mapping[str, float], marks: Mapping[str, float]
) -> float | None:
    """What the day would lose from here if every stop were hit at its price.

    `stops` has the working stop of each key; None while a position has none, or no mark. A stop that the
    market is already through counts as no further loss.
    """
    total = 0.0
    for position in positions:
        stop, mark = stops.get(position.key), marks.get(position.key, math.nan)
        if stop is None or not math.isfinite(mark):
            return None
        total += max(0.0, (mark - stop) * position.quantity * float(position.multiplier))
    return total


class Exposure(NamedTuple):
    """What is held, by asset class, in USD."""

    stock_notional_usd: float
    futures_margin_usd: float


def exposure_usd(
    positions: Iterable[Position], marks: Mapping[str, float], *, margins: Mapping[str, float]
) -> Exposure:
    """Exposure of positions: initial margin for keys in `margins` (USD per contract), else notional.

    Without a mark the average price stands in: an exposure must not vanish because a quote did.
    """
    stocks = futures = 0.0
    for position in positions:
        if position.key in margins:
            futures += abs(position.quantity) * margins[position.key]
            continue
        mark = marks.get(position.key, math.nan)
        price = mark if math.isfinite(mark) else float(position.avg_price)
        stocks += abs(position.quantity) * price * float(position.multiplier)
    return Exposure(stocks, futures)


class DayCurve:
    """The day's net P&L at even steps: at most 240 points, the step doubles when they are full."""

    def __init__(self, began_at: float, *, step_s: float = 5.0) -> None:
        """Start the curve of a day that began at exchange time `began_at` (epoch seconds)."""
        self._began_at = began_at
        self._step_s = step_s
        self._points: list[float] = []
        self._worst: float | None = None

    @property
    def step_s(self) -> float:
        """Seconds between two points."""
        return self._step_s

    @property
    def points(self) -> tuple[float, ...]:
        """Net P&L at the end of each step, oldest first; the last one is the newest value."""
        return tuple(self._points)

    @property
    def worst_usd(self) -> float | None:
        """Lowest value ever added, also between two points; None before any."""
        return self._worst

    def add(self, at: float, net_usd: float) -> None:
        """Take the value at exchange time `at` (epoch seconds). Steps without a value repeat the last one.

        Times before the day began, and values that are not finite, are left out.
        """
        if at < self._began_at or not math.isfinite(net_usd):
            return
        self._worst = net_usd if self._worst is None else min(self._worst, net_usd)
        index = int((at - self._began_at) // self._step_s)
        while index >= _MAX_POINTS:
            self._halve()
            index = int((at - self._began_at) // self._step_s)
        if index < len(self._points) - 1:
            return
        filler = self._points[-1] if self._points else net_usd
        self._points.extend([filler] * (index + 1 - len(self._points)))
        self._points[index] = net_usd

    def _halve(self) -> None:
        # The last of each pair is the value at the end of the doubled step.
        self._points = [
            self._points[min(i + 1, len(self._points) - 1)] for i in range(0, len(self._points), 2)
        ]
        self._step_s *= 2.0
