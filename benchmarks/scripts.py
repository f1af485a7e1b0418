"""Strategies that act on every bar, and the stamps they leave: the engine around them is the real one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.reasons import Reason
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.registry import strategy

ENTER, TURN = "bench_enter", "bench_turn"
"""The kinds by which a configuration asks for them."""

BAR_STAMPS_S: list[float] = []
"""`time.monotonic()` at each bar that reached the entering strategy."""


class EveryBar(Strategy):
    """What both have in common: no parameters, no memory but a count."""

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self._count = 0

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """It has no parameters."""
        return cls(name, keys=keys)

    def warm_up_bars(self) -> int:
        """One bar, so that history is asked for."""
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """History teaches it nothing."""

    def why_not(self, key: str) -> Waiting:
        """It waits for a bar."""
        return Waiting(Reason.NO_SIGNAL, f"waits for a bar of {key}")

    def _propose(self, bar: Bar, intention: Intention, side: Side) -> tuple[Proposal, ...]:
        self._count += 1
        return (
            Proposal(
                strategy=self.name,
                key=bar.symbol,
                intention=intention,
                side=side,
                signal_id=f"{self.name}-{self._count}",
                at=bar.end,
                stop_price=bar.close * 0.95,
            ),
        )


@strategy(ENTER)
class EnterOnEveryBar(EveryBar):
    """Wants a position on every bar it gets."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Buy, whatever the bar."""
        BAR_STAMPS_S.append(time.monotonic())
        return self._propose(bar, Intention.ENTER, Side.BUY)


@strategy(TURN)
class TurnOnEveryBar(EveryBar):
    """Enters where it is flat and leaves, at market, where it is not."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """In or out."""
        if view.quantity:
            return () if view.exit_working else self._propose(bar, Intention.EXIT, Side.SELL)
        return () if view.entry_working else self._propose(bar, Intention.ENTER, Side.BUY)
