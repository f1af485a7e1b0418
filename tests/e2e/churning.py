"""A strategy that trades all the time, so that a test of anything else never waits for a signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy

HOLDS_BARS = 3

UNHURRIED: Mapping[str, object] = {
    "risk.cooldown_minutes": 0.0,
    "risk.cooldown_after_stop_minutes": 0.0,
    "risk.max_positions": 10,
    "risk.max_total_at_risk_pct": 100.0,
    "risk.orders_per_minute": 3000,
    "risk.repeated_execution.n": 1000,
}
"""What would keep a strategy from trading all the time."""


@strategy("churning")
class Churning(Strategy):
    """Buys where it is flat, holds for a few bars, sells."""

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self._held: dict[str, int] = {}

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """It has no parameters."""
        return cls(name, keys=keys)

    def warm_up_bars(self) -> int:
        """One bar, so that history is asked for."""
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """History teaches it nothing."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """In, and out again."""
        held = self._held[bar.symbol] = self._held.get(bar.symbol, 0) + 1 if view.quantity else 0
        if view.entry_working or view.exit_working or 0 < held < HOLDS_BARS:
            return ()
        intention = Intention.EXIT if view.quantity else Intention.ENTER
        return (
            Proposal(
                strategy=self.name,
                key=bar.symbol,
                intention=intention,
                side=Side.SELL if view.quantity else Side.BUY,
                signal_id=f"{self.name}-{bar.symbol}-{bar.end.isoformat()}-{intention.value}",
                at=bar.end,
                stop_price=bar.close * 0.98,
                note="again",
            ),
        )

    def why_not(self, key: str) -> Waiting:
        """It waits for its bar."""
        return Waiting(Reason.NO_SIGNAL, "the next bar")
