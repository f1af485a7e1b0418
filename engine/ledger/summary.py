"""The day in figures and its trades as records: what is printed and saved when a session ends. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypedDict

from engine.domain.position import Partial, Trade
from engine.ledger.trade_figures import average, duration_min


class PartialRecord(TypedDict):
    """One partial. Times are ISO text in UTC, prices per unit."""

    time: str
    price: float
    shares: int
    reason: str


class TradeDict(TypedDict):
    """One closed round trip. Money in USD; `pnl` is after fees. Times are ISO text in UTC."""

    symbol: str
    side: str
    entry_price: float
    entry_time: str
    exit_price: float
    exit_time: str
    shares: int
    pnl: float
    duration_min: float
    exit_reason: str
    partials: list[PartialRecord]
    gross_usd: float
    fees_usd: float
    owner: str


class DailySummary(TypedDict):
    """One trading day. Averages and the rate are 0.0 where there is nothing to average."""

    total_trades: int
    daily_pnl: float
    """USD after fees: closed trades, and what partials of open positions realised."""
    winners: int
    """Trades above zero after fees."""
    losers: int
    """Trades below zero after fees; one at exactly zero is neither."""
    win_rate: float
    """Winners per trade, 0.0 to 1.0."""
    avg_winner: float
    avg_loser: float
    """Negative: the average loss."""
    trades: list[TradeDict]


def daily_summary(trades: Sequence[Trade], *, realized_usd: Decimal, fees_usd: Decimal) -> DailySummary:
    """The day from its closed trades and what it realised (before fees) and paid in fees."""
    nets = [trade.net_usd for trade in trades]
    won, lost = [net for net in nets if net > 0], [net for net in nets if net < 0]
    return DailySummary(
        total_trades=len(trades),
        daily_pnl=float(realized_usd - fees_usd),
        winners=len(won),
        losers=len(lost),
        win_rate=len(won) / len(nets) if nets else 0.0,
        avg_winner=average(won),
        avg_loser=average(lost),
        trades=[trade_record(trade) for trade in trades],
    )


def trade_record(trade: Trade) -> TradeDict:
    """A trade as plain values."""
    return TradeDict(
        symbol=trade.key,
        side="LONG" if trade.quantity > 0 else "SHORT",
        entry_price=float(trade.entry_price),
        entry_time=utc_text(trade.opened_at),
        exit_price=float(trade.exit_price),
        exit_time=utc_text(trade.closed_at),
        shares=abs(trade.quantity),
        pnl=float(trade.net_usd),
        duration_min=duration_min(trade),
        exit_reason=trade.reason,
        partials=[partial_record(partial) for partial in trade.partials],
        gross_usd=float(trade.gross_usd),
        fees_usd=float(trade.fees_usd),
        owner=trade.owner,
    )


def partial_record(partial: Partial) -> PartialRecord:
    """A partial as plain values."""
    return PartialRecord(
        time=utc_text(partial.at),
        price=float(partial.price),
        shares=partial.quantity,
        reason=partial.reason,
    )


def trades_json(trades: Sequence[Trade]) -> str:
    """The trades as a JSON list, one object each, oldest first, with a newline at the end."""
    return json.dumps([trade_record(trade) for trade in trades], indent=2, ensure_ascii=False) + "\n"


def utc_text(at: datetime) -> str:
    """ISO text in UTC of an aware time."""
    return at.astimezone(UTC).isoformat()
