"""A strategy's place at one instrument, and how bars reach it that are shorter than its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.backtest.setting import BacktestError, StrategyRun
from engine.backtest.slot import Slot
from engine.domain.market import Bar, Quote
from engine.domain.order import Proposal
from engine.domain.position import Position
from engine.market.bars import DAY_SECONDS, BarAggregator
from engine.strategy.base import Holding, Strategy, StrategyView
from engine.strategy.standing import holding_of, make_view

OnBar = Callable[[Bar, StrategyView], tuple[Proposal, ...]]
See = Callable[[Strategy, Bar, StrategyView], StrategyView]


@dataclass(slots=True)
class Seat:
    """One strategy at one instrument."""

    run: StrategyRun
    slot: Slot
    on_bar: OnBar
    """Takes a bar of the series; the strategy's own method where nothing lies between them."""
    view: StrategyView
    idle: StrategyView
    """The view while nothing is held and nothing works."""
    allow_short: bool
    aggregator: BarAggregator | None
    position: Position | None = None
    """What its holding was made of."""
    holding: Holding | None = None

    def look(self, position: Position | None, *, is_entering: bool, is_leaving: bool) -> None:
        """Position or orders have changed: as `view_of` says it, without making a holding twice."""
        if position is None or position.owner != self.run.strategy.name:
            self.view = make_view(0, is_entering, is_leaving, self.allow_short)
            return
        if position is not self.position:
            self.position, self.holding = position, holding_of(position)
        self.view = make_view(position.quantity, is_entering, is_leaving, self.allow_short, self.holding)


class Between:
    """Takes the bars of the series, and gives the strategy what it would get from a live market."""

    def __init__(self, run: StrategyRun, key: str, aggregator: BarAggregator | None, see: See) -> None:
        self._strategy, self._key, self._see = run.strategy, key, see
        self._aggregator = aggregator

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Longer bars where it wants those; a quote at the close and the clock for who reads them."""
        strategy = self._strategy
        if strategy.wants_setups:
            view = self._see(strategy, bar, view)
        found: tuple[Proposal, ...] = ()
        for whole in (bar,) if self._aggregator is None else self._aggregator.add(bar):
            found += strategy.on_bar(whole, view)
        if strategy.reads_quotes:
            quote = Quote(self._key, bar.close, bar.close, 1, 1, bar.close, 1, bar.end.timestamp())
            if strategy.wants_quote(quote):
                found += strategy.on_quote(quote, view)
        # What it has just asked for is on its way, and its view does not show that yet.
        if not found and (strategy.reads_quotes or strategy.reads_clock):
            found += strategy.on_clock(self._key, bar.end, view)
        return found


def make_seat(
    run: StrategyRun, slot: Slot, *, allow_short: bool, aggregator: Callable[[], BarAggregator], see: See
) -> Seat:
    """The seat of a strategy. `see` adds to a view what traders of levels are told.

    Raises BacktestError where its bars and those of the series do not fit.
    """
    strategy, seconds = run.strategy, slot.seconds
    if run.bar_seconds < seconds or run.bar_seconds % seconds:
        raise BacktestError(
            f"{strategy.name} decides on bars of {run.bar_seconds} s; {slot.key} has bars of {seconds} s"
        )
    if run.bar_seconds >= DAY_SECONDS and not run.holds_overnight:
        raise BacktestError(
            f"{strategy.name} decides on daily bars and would be flat every evening: set its "
            "holds_overnight, or give it shorter bars"
        )
    longer = None if run.bar_seconds == seconds else aggregator()
    is_plain = longer is None and not (strategy.reads_quotes or strategy.reads_clock or strategy.wants_setups)
    on_bar = strategy.on_bar if is_plain else Between(run, slot.key, longer, see).on_bar
    idle = StrategyView(allow_short=allow_short)
    return Seat(run, slot, on_bar, idle, idle, allow_short, longer)
