"""Drives a run: every bar through exchange, strategies and gate, in one thread, the same every time.

At the end of a bar: what rested fills in it, the session is looked at, then strategies decide on it. What
they want rests from the next bar on. Nothing here asks the clock, and nothing is drawn at random.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from engine.backtest.account import Account
from engine.backtest.book import Book
from engine.backtest.curve import equity_curve
from engine.backtest.days import Days
from engine.backtest.feed import Chunk, Feed
from engine.backtest.guards import Guards
from engine.backtest.levels import Levels
from engine.backtest.middle import Middle
from engine.backtest.result import RunResult
from engine.backtest.seats import Seat, make_seat
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestConfig, BacktestError, OnBreach, StrategyRun
from engine.backtest.slot import Slot
from engine.backtest.venue import Venue
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Bar
from engine.domain.order import Proposal, Role
from engine.domain.reasons import Reason
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope
from engine.risk.refusal import Refusal
from engine.strategy.standing import LEAVING

Progress = Callable[[int, int], None]
"""Told now and then: bars done, bars in all."""

_LEVEL: Final = {
    OnBreach.HALT: BrakeLevel.HALT,
    OnBreach.KILL: BrakeLevel.KILL,
    OnBreach.NEXT_DAY: BrakeLevel.HALT,
}


def run_backtest(
    config: BacktestConfig,
    series: Sequence[BarSeries],
    instruments: Mapping[str, Instrument],
    *,
    progress: Progress | None = None,
) -> RunResult:
    """One run over all bars. The same arguments give the same result, down to the last bit.

    `instruments` name the contract of every series, with all sessions of the run as their hours. Strategies
    are used up: they have seen the bars afterwards.

    Raises BacktestError, before anything ran, for data and strategies that do not fit together.
    """
    run = _Run(config, tuple(series), instruments)
    with _without_pauses():
        run.go(progress)
        return run.result()


@contextmanager
def _without_pauses() -> Iterator[None]:
    """No collection of garbage meanwhile: a run makes no cycles, and looking for some costs half of it."""
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        # What the run leaves is old by now: nobody needs to look through it at the next occasion.
        gc.freeze()
        gc.unfreeze()
        if was_on:
            gc.enable()


class _Run:
    """State of one run."""

    def __init__(
        self, config: BacktestConfig, series: tuple[BarSeries, ...], instruments: Mapping[str, Instrument]
    ) -> None:
        self._config = config
        self._feed = Feed(series, begin_ns=config.begin_ns, end_ns=config.end_ns)
        self._days = Days(config)
        self._series = series
        self.slots = [self._days.slot(i, one, instruments) for i, one in enumerate(series)]
        by_key = {slot.key: slot for slot in self.slots}
        if len(by_key) != len(self.slots):
            raise BacktestError("an instrument has more than one series of bars")
        self._account = Account(config)
        self._book = Book(config, self._account, self.slots)
        self._venue = Venue(config, self._book)
        self._middle = Middle(
            config, slots=by_key, series=series, account=self._account, book=self._book, venue=self._venue
        )
        self._guards = Guards(config, series, book=self._book, venue=self._venue, middle=self._middle)
        self._levels = Levels(config, series, self._book, self.slots)
        self._seats: list[list[Seat]] = [[] for _ in self.slots]
        for run in config.strategies:
            for key in run.strategy.keys:
                slot = by_key.get(key)
                if slot is None:
                    raise BacktestError(f"{run.strategy.name}: there are no bars of {key}")
                self._seats[slot.index].append(self._seat(run, slot))
        self.halted = ""
        self._last_end: datetime | None = None
        self._day_end_ns = -(2**63)

    # --- the loop -------------------------------------------------------------------------------

    def go(self, progress: Progress | None) -> None:
        """Every bar, oldest first."""
        self._warm_up()
        done = 0
        for chunk in self._feed.chunks():
            self._play_chunk(chunk)
            done += len(chunk.slots)
            if progress is not None:
                progress(done, self._feed.bars)

    def _play_chunk(self, chunk: Chunk) -> None:
        """The hot loop: a bar in which nothing happens costs a few comparisons and its strategies."""
        slots, all_seats = self.slots, self._seats
        held, is_quiet, last_end = self._account.held, self._account.is_quiet, self._last_end
        for index, end_ns, bar in zip(*chunk, strict=True):
            if bar[1] is not last_end:
                last_end = bar[1]
                if end_ns > self._day_end_ns or (held and not is_quiet()):
                    self._begin_moment(bar, end_ns)
            slot = slots[index]
            # low and high of the bar against what rests
            if slot.orders and (slot.at_open or bar[4] <= slot.below or bar[3] >= slot.above):
                self._play(slot, bar, end_ns)
            slot.last = bar[5]
            if end_ns >= slot.alarm_ns:
                self._alarm(slot, bar, end_ns)
            for seat in all_seats[index]:
                proposals = seat.on_bar(bar, seat.view)
                if proposals:
                    self._act(seat, proposals, bar, end_ns)
        self._last_end = last_end

    def _begin_moment(self, bar: Bar, end_ns: int) -> None:
        """What the moment before has done to the account, and whether a new day has begun."""
        breach = self._account.look()
        if breach is not None:
            self._breach(breach, bar, end_ns)
        if end_ns > self._day_end_ns:
            self._day_end_ns = self._start_day(bar.end)

    def _act(self, seat: Seat, proposals: Sequence[Proposal], bar: Bar, end_ns: int) -> None:
        slot = seat.slot
        trades_at = self._days.trades_at(slot, bar)
        self._middle.act(seat.run, slot, proposals, at=bar.end, at_ns=end_ns, trades_at=trades_at)
        self._look_again(slot)

    def _play(self, slot: Slot, bar: Bar, end_ns: int) -> None:
        """Fill what can be filled, where the bar lies in a session."""
        if end_ns <= slot.open_ns:
            return
        before = slot.quantity
        self._venue.play(slot, bar, end_ns)
        if 0 < abs(slot.quantity) < abs(before):
            self._middle.settle_stop(slot)
        self._look_again(slot)

    def _look_again(self, slot: Slot) -> None:
        """Orders or position have changed: so has what strategies see."""
        seats, orders = self._seats[slot.index], slot.orders
        if not slot.quantity and not orders:
            slot.alarm_ns = slot.day_ns
            for seat in seats:
                seat.view = seat.idle
            return
        slot.alarm_ns = min(slot.day_ns, self._guards.due_ns(slot))
        position = self._book.position(slot.key) if slot.quantity else None
        is_entering = is_leaving = False
        for order in orders:
            if order.adds_risk:
                is_entering = True
            elif order.intent.role in LEAVING:
                is_leaving = True
        for seat in seats:
            seat.look(position, is_entering=is_entering, is_leaving=is_leaving)

    # --- days, sessions, limits -----------------------------------------------------------------

    def _start_day(self, end: datetime) -> int:
        self._account.start_day(self.slots)
        self._book.start_day()
        if self._config.on_breach is OnBreach.NEXT_DAY:
            self._middle.brakes = self._middle.brakes.without(
                frozenset(b.brake_id for b in self._middle.brakes.brakes)
            )
        return self._days.day_end_ns(end)

    def _alarm(self, slot: Slot, bar: Bar, end_ns: int) -> None:
        """A session ends, it is time to be flat before it does, or an order or a position is due."""
        if slot.quantity or slot.orders:
            self._guards.look(slot, bar, end_ns)
        if end_ns >= slot.close_ns:
            self._venue.end_session(slot, at_ns=end_ns)
            self._days.next_session(slot, end_ns)
        elif end_ns >= slot.day_ns and (slot.quantity or slot.orders):
            position = self._book.position(slot.key)
            owners = {o.intent.strategy for o in slot.orders} | ({position.owner} if position else set())
            if slot.expires:
                self._close(slot, Reason.EXPIRY, bar, end_ns)
            elif owners & self._day_strategies():
                self._close(slot, Reason.EOD, bar, end_ns)
        self._look_again(slot)

    def _day_strategies(self) -> set[str]:
        return {run.strategy.name for run in self._config.strategies if not run.holds_overnight}

    def _close(self, slot: Slot, reason: Reason, bar: Bar, end_ns: int) -> None:
        self._middle.close(slot, role=Role.FLATTEN, reason=reason.value, at=bar.end, at_ns=end_ns)

    def _breach(self, breach: Refusal, bar: Bar, end_ns: int) -> None:
        """A loss limit is reached: the brake that the live engine would pull."""
        level, middle = _LEVEL[self._config.on_breach], self._middle
        if middle.brakes.account_level() is not None:
            return
        at = bar.end - timedelta(seconds=bar.seconds)
        middle.brakes = middle.brakes.with_(
            Brake(f"limit-{end_ns}", level, BrakeScope.ACCOUNT, "", breach.text, "limit", at)
        )
        self.halted = self.halted or f"{breach.text} ({breach.reason.value}) at {at:%Y-%m-%d %H:%M} UTC"
        for slot in self.slots:
            entries = [order for order in slot.orders if order.adds_risk]
            self._venue.cancel(slot, entries, breach.reason.value, at_ns=end_ns)
            if level is BrakeLevel.KILL and slot.quantity:
                self._close(slot, breach.reason, bar, end_ns)
            self._look_again(slot)

    # --- before and after -----------------------------------------------------------------------

    def _seat(self, run: StrategyRun, slot: Slot) -> Seat:
        limits = self._config.limits
        is_future = slot.instrument.sec_type is SecType.FUTURE
        may = limits.allow_short_future if is_future else limits.allow_short_stock
        return make_seat(
            run,
            slot,
            allow_short=run.allow_short and may and not run.strategy.long_only,
            see=self._levels.seen_by,
            aggregator=partial(self._days.aggregator, slot, run.bar_seconds),
        )

    def _warm_up(self) -> None:
        """Bars before the run: strategies know them, nothing is proposed because of them."""
        for slot, seats in zip(self.slots, self._seats, strict=True):
            for seat in seats:
                times = seat.run.bar_seconds // slot.seconds
                bars = list(self._feed.before(slot.index, (seat.run.strategy.warm_up_bars() + 1) * times))
                if bars:
                    slot.last = bars[-1].close
                if seat.aggregator is not None:
                    bars = [whole for bar in bars for whole in seat.aggregator.add(bar)]
                if bars:
                    seat.run.strategy.warm_up(bars)

    def result(self) -> RunResult:
        """What the run leaves behind."""
        cash = self._config.initial_cash_usd
        curve = equity_curve(
            self._feed,
            self._series,
            self.slots,
            self._book.steps,
            initial_usd=cash,
            themes=self._config.themes,
        )
        return RunResult(
            initial_cash_usd=Decimal(cash),
            orders=self._book.order_rows(),
            fills=tuple(self._book.fills),
            trades=tuple(self._book.trades),
            decisions=tuple(self._book.decisions),
            equity=curve,
            bars=self._feed.bars,
            halted=self.halted,
            life=self._book.life(),
        )
