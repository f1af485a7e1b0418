"""The section of backtests: money, costs and the rules by which recorded bars fill orders."""

from __future__ import annotations

from enum import StrEnum

from engine.config.sections import Section
from engine.config.values import key


class EntryType(StrEnum):
    """How entries are sent in a backtest."""

    MARKET = "market"
    LIMIT = "limit"
    """With the gate's limit, good for the session."""


class Fills(StrEnum):
    """When stops and limits fill in a backtest."""

    INTRABAR = "intrabar"
    """Inside the bar that reaches them; where a bar reaches both, the stop."""
    NEXT_OPEN = "next_open"
    """Stops at the open after the bar that reached them, limits at opens better than they are."""


class SlippageKind(StrEnum):
    """How slippage of market and stop orders is reckoned."""

    BPS = "bps"
    SPREAD = "spread"
    VOLUME = "volume"


class Commission(StrEnum):
    """Which commissions a backtest pays."""

    BROKER = "broker"
    """Those of [execution], which the live gate reckons with."""
    FLAT = "flat"
    """A fixed part per order and a part of its value."""


class AfterBreach(StrEnum):
    """What a loss limit does to a backtest."""

    HALT = "halt"
    """No entry any more."""
    KILL = "kill"
    """The same, and every position is closed."""
    NEXT_DAY = "next_day"
    """A halt that is lifted before the next trading day."""


class PerType(Section):
    """One figure for stocks and one for futures."""

    STK: float = key(0.0, ge=0, le=1000)
    """Of stocks and ETFs."""
    FUT: float = key(0.0, ge=0, le=1000)
    """Of futures."""


class BacktestSection(Section):
    """What `cockpit backtest` reckons with. Limits, sessions and strategies are those of live trading."""

    initial_cash: float = key(100_000.0, unit="USD", gt=0, le=1e12)
    """Cash a run begins with; all its strategies share it."""
    entry: EntryType = EntryType.MARKET
    """Entries fill at the next open (market), or rest with the gate's limit for the session (limit)."""
    fills: Fills = Fills.INTRABAR
    """Stops and limits fill inside the bar that reaches them (intrabar) or at opens only (next_open)."""
    slippage: SlippageKind = SlippageKind.BPS
    """Slippage of market and stop orders: a part of the price (bps), a part of the spread (spread), or
    growing with the order's share of the bar's volume (volume)."""
    slippage_bps: float = key(1.0, unit="bps", ge=0, le=1000)
    """Of the price: the slippage, the width of the spread, or what an order of the whole volume slips."""
    spread_fraction: float = key(0.5, ge=0, le=5)
    """Part of the spread that an order pays, where slippage is spread."""
    commission: Commission = Commission.BROKER
    """Commissions of [execution] (broker), or fixed and bps per order (flat)."""
    volume_cap_pct: float = key(0.0, unit="% volume", ge=0, le=100)
    """Most that an order takes of a bar's volume, the rest waits for the next bar; 0 = no such limit."""
    on_breach: AfterBreach = AfterBreach.HALT
    """A loss limit of [risk] is reached: no entry any more (halt), all closed (kill), or next_day."""
    stock_margin_pct: float = key(50.0, unit="%", gt=0, le=100)
    """Part of its value that a position in stocks ties up."""
    future_margin_pct: float = key(8.0, unit="%", gt=0, le=100)
    """Part of its value that a position in futures ties up."""
    roll_days: int = key(1, unit="sessions", ge=0, le=60)
    """So many sessions before that of its last trading day a future is closed and entered no more."""
    selection: bool = True
    """Tiers of [universe] and the regime as live, found once a day in the bars before it; tiers by value
    alone, for bars know no spread. Before the first whole day nothing is kept out."""
    check_orders: bool = True
    """After a run all that happened to its orders is told to the ledger of live trading, which must come to
    the same states, trades and positions. Takes about 0.2 ms per order; sweeps leave it out."""
    commission_fixed: PerType = PerType.untouched()
    """Fixed part per order in USD, where commission is flat."""
    commission_bps: PerType = PerType.untouched()
    """Part of the value per order in bps, where commission is flat."""
