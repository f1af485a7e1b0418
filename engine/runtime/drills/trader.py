"""The strategy that a drill trades with: one position, held until somebody closes it.

It is known only to the process of a drill, which imports this module; no configuration can name it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy

KIND: Final = "drill_trader"
STOP_FRACTION: Final = 0.02
"""How far below the entry its stop is: far enough not to be hit within a drill."""


@strategy(KIND)
class DrillTrader(Strategy):
    """Buys each of its instruments once and never sells; what is refused is wanted again at the next bar."""

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self._done: set[str] = set()
        """What it has held once: nothing more is wanted there, whatever becomes of it."""

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
        """Once in, for as long as the process lives."""
        if view.quantity:
            self._done.add(bar.symbol)
        if bar.symbol in self._done or view.entry_working:
            return ()
        return (
            Proposal(
                strategy=self.name,
                key=bar.symbol,
                intention=Intention.ENTER,
                side=Side.BUY,
                signal_id=f"{self.name}-{bar.symbol}-{bar.end.isoformat()}",
                at=bar.end,
                stop_price=bar.close * (1 - STOP_FRACTION),
                note="drill",
            ),
        )

    def why_not(self, key: str) -> Waiting:
        """It waits for its first bar, or for the end."""
        text = "the drill has its position" if key in self._done else "the next bar"
        return Waiting(Reason.NO_SIGNAL, text)
