"""A strategy that breaks out over one level: enters above it, takes a half at a target, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy

KIND = "breakout"


@strategy(KIND)
class Breakout(Strategy):
    """Wants to enter on every bar that closes above `pivot`, whatever it holds: the gate must say no."""

    def __init__(self, name: str, *, keys: Sequence[str], pivot: float, stop: float, target: float) -> None:
        super().__init__(name, keys=keys)
        self._pivot = pivot
        self._stop = stop
        self._target = target
        self._taken: set[str] = set()

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """From `pivot`, `stop` and `target`, prices."""
        pivot, stop, target = (float(str(params[key])) for key in ("pivot", "stop", "target"))
        return cls(name, keys=keys, pivot=pivot, stop=stop, target=target)

    def warm_up_bars(self) -> int:
        """One bar, so that history is asked for."""
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """History teaches it nothing."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """A half at the target; else another break."""
        if view.quantity and bar.close >= self._target and bar.symbol not in self._taken:
            self._taken.add(bar.symbol)
            return (self._proposal(bar, Intention.EXIT),)
        return (self._proposal(bar, Intention.ENTER),) if bar.close > self._pivot else ()

    def _proposal(self, bar: Bar, intention: Intention) -> Proposal:
        is_entry = intention is Intention.ENTER
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=intention,
            side=Side.BUY if is_entry else Side.SELL,
            signal_id=f"{self.name}-{bar.symbol}-{bar.end.isoformat()}-{intention.value}",
            at=bar.end,
            stop_price=self._stop if is_entry else None,
            plan=Plan(pivot=self._pivot, target1=self._target, moves_to_breakeven=True),
            exit_fraction=1.0 if is_entry else 0.5,
            note="breakout",
        )

    def why_not(self, key: str) -> Waiting:
        """It waits for the level."""
        return Waiting(Reason.NO_SIGNAL, f"a close above {self._pivot:g}")
