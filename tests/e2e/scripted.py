"""A strategy that does what its parameters say, so that a test knows when an order must come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy


@strategy("scripted")
class Scripted(Strategy):
    """Enters on the n-th live bar of each instrument, halves it and exits on others; its stop is far away."""

    def __init__(
        self, name: str, *, keys: Sequence[str], enter_at: int, exit_at: int, half_at: int, sell: bool
    ) -> None:
        super().__init__(name, keys=keys)
        self._half_at = half_at
        self._enter_at = enter_at
        self._exit_at = exit_at
        self._side = Side.SELL if sell else Side.BUY
        self._seen: dict[str, int] = {}

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """From `enter_at`, `half_at`, `exit_at` (bars; 0 = never) and `sell`."""
        return cls(
            name,
            keys=keys,
            enter_at=int(str(params.get("enter_at", 1))),
            exit_at=int(str(params.get("exit_at", 0))),
            half_at=int(str(params.get("half_at", 0))),
            sell=bool(params.get("sell", False)),
        )

    def warm_up_bars(self) -> int:
        """One bar, so that history is asked for."""
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """History teaches it nothing."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """The script."""
        seen = self._seen[bar.symbol] = self._seen.get(bar.symbol, 0) + 1
        if seen == self._enter_at:
            return (self._proposal(bar, Intention.ENTER, self._side),)
        if seen == self._half_at and view.quantity:
            part = self._proposal(bar, Intention.EXIT, self._side.opposite)
            return (replace(part, exit_fraction=0.5),)
        if seen == self._exit_at and view.quantity:
            return (self._proposal(bar, Intention.EXIT, self._side.opposite),)
        return ()

    def _proposal(self, bar: Bar, intention: Intention, side: Side) -> Proposal:
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=intention,
            side=side,
            signal_id=f"{self.name}-{bar.symbol}-{bar.end.isoformat()}-{intention.value}",
            at=bar.end,
            stop_price=bar.close * (1 - 0.02 * side.sign),
            plan=Plan(pivot=bar.open, moves_to_breakeven=self._half_at > 0),
            note="script",
        )

    def why_not(self, key: str) -> Waiting:
        """It waits for its bar."""
        return Waiting(Reason.NO_SIGNAL, f"bar {self._seen.get(key, 0)} of the script")
