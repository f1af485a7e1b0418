"""A strategy that never rests: it enters whenever it is flat and leaves a few bars later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy

KIND = "churn"


@strategy(KIND)
class Churn(Strategy):
    """Enters on every bar without a position; exits once it has seen `hold` bars with one (0 = never)."""

    def __init__(self, name: str, *, keys: Sequence[str], hold: int, stop_pct: float) -> None:
        super().__init__(name, keys=keys)
        self._hold = hold
        self._stop_pct = stop_pct
        self._held: dict[str, int] = {}

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """From `hold` (bars) and `stop_pct` (distance of the stop)."""
        hold = int(str(params.get("hold", 3)))
        return cls(name, keys=keys, hold=hold, stop_pct=float(str(params.get("stop_pct", 2.0))))

    def warm_up_bars(self) -> int:
        """One bar, so that history is asked for."""
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """History teaches it nothing."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """In, and out again."""
        if view.quantity == 0:
            self._held[bar.symbol] = 0
            return () if view.entry_working else (self._proposal(bar, Intention.ENTER, Side.BUY),)
        held = self._held[bar.symbol] = self._held.get(bar.symbol, 0) + 1
        if self._hold and held >= self._hold and not view.exit_working:
            return (self._proposal(bar, Intention.EXIT, Side.SELL),)
        return ()

    def _proposal(self, bar: Bar, intention: Intention, side: Side) -> Proposal:
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=intention,
            side=side,
            signal_id=f"{self.name}-{bar.symbol}-{bar.end.isoformat()}-{intention.value}",
            at=bar.end,
            stop_price=bar.close * (1 - self._stop_pct / 100),
            note="churn",
        )

    def why_not(self, key: str) -> Waiting:
        """It waits for the next bar."""
        return Waiting(Reason.NO_SIGNAL, "the next bar")
