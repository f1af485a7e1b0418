"""The strategy of the storm: it wants what the seed draws for a bar, whatever happened before."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from engine.domain.market import Bar
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.runtime.running import Running
from engine.strategy.base import Strategy, StrategyView, Waiting


@dataclass(slots=True)
class Mood:
    """What the strategies of one seed do; it outlives the engine, as a strategy's code does."""

    seed: int
    breaks: str = ""
    """Name of the strategy that raises at its next bar."""
    broken: set[str] = field(default_factory=set)
    """Names of those that raised."""
    calm: bool = False
    """It wants nothing any more."""
    repeats: float = field(init=False)
    """How often a signal comes once more."""

    def __post_init__(self) -> None:
        self.repeats = random.Random(f"repeats {self.seed}").choice((0.1, 0.2, 0.2, 0.7))


class Restless(Strategy):
    """Enters, exits and reverses at random; the same bar always makes it want the same."""

    def __init__(self, name: str, *, keys: Sequence[str], mood: Mood) -> None:
        super().__init__(name, keys=keys)
        self._mood = mood

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        return cls(name, keys=keys, mood=Mood(0))

    def warm_up_bars(self) -> int:
        return 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """It needs no past."""

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        if self._mood.breaks == self.name:
            self._mood.breaks = ""
            self._mood.broken.add(self.name)
            raise ZeroDivisionError("a bug of the strategy's own")
        if self._mood.calm:
            return ()
        rng = random.Random(f"{self._mood.seed} {self.name} {bar.symbol} {bar.end.timestamp()}")
        if view.quantity:
            return self._holding(bar, view, rng)
        return (self._entry(bar, rng, view),) if rng.random() < 0.5 else ()

    def _holding(self, bar: Bar, view: StrategyView, rng: random.Random) -> tuple[Proposal, ...]:
        draw = rng.random()
        if draw < 0.15:
            return (self._exit(bar, view),)
        if draw > 0.85:
            return (self._exit(bar, view, fraction=rng.choice((0.25, 0.5))),)
        if draw < 0.25:
            return (self._entry(bar, rng, view), self._exit(bar, view))
        # Wanting it again although it has it: the gate must say no.
        return (self._entry(bar, rng, view),) if draw < 0.4 else ()

    def _entry(self, bar: Bar, rng: random.Random, view: StrategyView) -> Proposal:
        short = view.allow_short and rng.random() < 0.5
        side = Side.SELL if short else Side.BUY
        distance = bar.close * rng.uniform(0.001, 0.006)
        again = rng.random() < self._mood.repeats
        # A signal that comes once more has the name of the minute instead of the bar.
        stamp = bar.end.replace(second=0) if again else bar.end
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=Intention.ENTER,
            side=side,
            signal_id=f"{self.name}-{bar.symbol}-{stamp:%H%M%S}-{again}",
            at=bar.end,
            stop_price=bar.close - side.sign * distance,
            plan=Plan(pivot=bar.close, moves_to_breakeven=rng.random() < 0.5),
        )

    def _exit(self, bar: Bar, view: StrategyView, *, fraction: float = 1.0) -> Proposal:
        return Proposal(
            strategy=self.name,
            key=bar.symbol,
            intention=Intention.EXIT,
            side=Side.SELL if view.quantity > 0 else Side.BUY,
            signal_id=f"{self.name}-{bar.symbol}-out-{bar.end:%H%M%S}",
            at=bar.end,
            exit_fraction=fraction,
        )

    def why_not(self, key: str) -> Waiting:
        return Waiting(Reason.NO_SIGNAL, "it waits for its draw")


def strategies(mood: Mood) -> tuple[Running, ...]:
    """Two strategies that share one instrument."""
    return tuple(
        Running(
            strategy=Restless(name, keys=(), mood=mood),
            make=lambda keys, name=name: Restless(name, keys=keys, mood=mood),  # type: ignore[misc]
            kind="restless",
            timeframe="5s",
            bar_seconds=5,
            allow_short=True,
            holds_overnight=False,
            symbols=symbols,
        )
        for name, symbols in (("one", ("AAA", "ES@CME")), ("two", ("BBB", "AAA")))
    )
