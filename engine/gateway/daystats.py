"""The running session's open, high, low, volume and VWAP of one contract, as level 1 reports them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.gateway.model import Contract, HistoryBar, TradeTick
from engine.gateway.ports import Market

_MINUTE_S = 60
_SLOT_S = 5


@dataclass(slots=True)
class DayStats:
    """Built from history when first asked for, then kept up by every print."""

    session_open: float
    """Epoch seconds; 0 while the market is closed."""
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    volume: int = 0
    traded_value: float = 0.0

    @classmethod
    def from_history(cls, market: Market, contract: Contract, *, opened: float, now: float) -> DayStats:
        """Statistics from the session's open to now; empty where no session is running."""
        stats = cls(session_open=opened)
        if opened <= 0 or now <= opened:
            return stats
        whole_minutes = now - now % _MINUTE_S
        con_id = contract.con_id
        count = int((whole_minutes - opened) // _MINUTE_S)
        if count > 0:
            for bar in market.bars(
                con_id, end=whole_minutes, count=count, seconds=_MINUTE_S, what="TRADES", rth=False
            ):
                if bar.start >= opened:
                    stats.add_bar(bar)
        slots = int((now - whole_minutes) // _SLOT_S)
        if slots > 0:
            bars = market.bars(con_id, end=now, count=slots, seconds=_SLOT_S, what="TRADES", rth=False)
            for bar in bars:
                if bar.start >= max(whole_minutes, opened):
                    stats.add_bar(bar)
        return stats

    @property
    def vwap(self) -> float:
        """Volume-weighted average price; 0 before the first print."""
        return self.traded_value / self.volume if self.volume else 0.0

    def add_bar(self, bar: HistoryBar) -> None:
        """Count a bar of the session."""
        self._span(first=bar.open, high=bar.high, low=bar.low)
        self.volume += bar.volume
        self.traded_value += bar.wap * bar.volume

    def add_trade(self, tick: TradeTick) -> None:
        """Count a print."""
        self._span(first=tick.price, high=tick.price, low=tick.price)
        self.volume += tick.size
        self.traded_value += tick.price * tick.size

    def _span(self, *, first: float, high: float, low: float) -> None:
        if self.open == 0.0:
            self.open, self.high, self.low = first, high, low
            return
        self.high = max(self.high, high)
        self.low = min(self.low, low)
