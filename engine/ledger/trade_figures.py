"""Closed trades in counts and averages: the same figures for a trading day and for a backtest. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypedDict

from engine.domain.position import Trade
from engine.domain.reasons import Reason

ALWAYS_COUNTED: Final = (
    Reason.FIVE_MINUTE_RULE,
    Reason.STOP,
    Reason.TARGET,
    Reason.EOD,
    Reason.MAX_AGE,
    Reason.KILLED,
    Reason.ERROR_FORCE_CLOSE,
    Reason.EXTERNAL_CLOSE,
)
"""Reasons of a close that are counted also where they are zero: a missing count leaves room for guesses."""


class TradeFigures(TypedDict):
    """Counts and averages. Money in USD after fees; an average of nothing is 0.0."""

    total_trades: int
    total_pnl: float
    winners: int
    """Trades above zero after fees."""
    losers: int
    """Trades below zero after fees; one at exactly zero is neither."""
    win_rate: float
    """Winners per trade, 0.0 to 1.0."""
    avg_winner: float
    avg_loser: float
    """Negative: the average loss."""
    largest_winner: float
    largest_loser: float
    """Negative: the largest loss."""
    avg_duration_min: float
    exit_reasons: dict[str, int]
    """Reason code of the close to how many, in order of the code."""


def trade_figures(trades: Sequence[Trade]) -> TradeFigures:
    """The figures of these closed trades."""
    nets = [trade.net_usd for trade in trades]
    won, lost = [net for net in nets if net > 0], [net for net in nets if net < 0]
    counted = Counter({reason.value: 0 for reason in ALWAYS_COUNTED})
    counted.update(trade.reason for trade in trades)
    minutes = sum(duration_min(trade) for trade in trades)
    return TradeFigures(
        total_trades=len(trades),
        total_pnl=float(sum(nets, Decimal(0))),
        winners=len(won),
        losers=len(lost),
        win_rate=len(won) / len(nets) if nets else 0.0,
        avg_winner=average(won),
        avg_loser=average(lost),
        largest_winner=float(max(won, default=Decimal(0))),
        largest_loser=float(min(lost, default=Decimal(0))),
        avg_duration_min=minutes / len(trades) if trades else 0.0,
        exit_reasons=dict(sorted(counted.items())),
    )


def duration_min(trade: Trade) -> float:
    """Minutes from the first entry to the close."""
    return (trade.closed_at - trade.opened_at).total_seconds() / 60.0


def average(amounts: Sequence[Decimal]) -> float:
    """Mean of money amounts, 0.0 of none."""
    return float(sum(amounts, Decimal(0)) / len(amounts)) if amounts else 0.0
