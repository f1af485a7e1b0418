"""Trades the break of yesterday's levels: long above resistance, short below support.

Breaks are seen on ticks, judged on 5-second bars, left at targets, at the stop, by the five-minute rule
and at the end of the day (which the engine does for every day strategy).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Self

from engine.domain.market import Bar, Quote, bars_by_symbol, utc
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.domain.setup import Setup
from engine.strategy.base import SetupState, Strategy, StrategyView, Waiting
from engine.strategy.continuity import told
from engine.strategy.params import parse_params
from engine.strategy.pivot_exits import ExitWish, at_target, five_minute_rule
from engine.strategy.pivot_filters import (
    BarWindow,
    FilterResult,
    Wish,
    check_momentum,
    check_path,
    check_ready,
)
from engine.strategy.pivot_params import PivotParams
from engine.strategy.pivot_track import Path, PivotTrack, Stage, Trigger
from engine.strategy.registry import strategy

SIDES = (Side.BUY, Side.SELL)


@dataclass(slots=True)
class _Watched:
    """What is remembered of one instrument."""

    window: BarWindow
    setup: Setup | None = None
    tracks: dict[Side, PivotTrack] = field(default_factory=dict)
    price: float = math.nan
    """Last price seen."""
    holds: bool = False
    """As of the last view; while true every quote is looked at, for the targets."""
    attempts: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    max_attempts: int = 0
    judged: tuple[FilterResult, ...] = ()
    """What the filters said at the last break."""
    turned_down: Waiting | None = None
    """Why the last break was not entered although every filter let it pass; None where that was not so."""
    spoken_side: Side = Side.BUY
    """Side of that break."""
    state: tuple[object, SetupState] | None = None
    """What was last shown of it, and all that went into it: asked ten times a second, and seldom news."""
    waiting: tuple[object, Waiting] | None = None
    """The same of what it waits for."""


def price_of(quote: Quote) -> float:
    """The price a break is seen by: the last print where it lies inside the touch, else the mid."""
    if not quote.is_two_sided:
        return math.nan
    return quote.last if quote.bid <= quote.last <= quote.ask else quote.mid


@strategy("pivot_break")
class PivotBreak(Strategy):
    """Enters the break of a scanner's pivot, takes half at the first target, leaves what does not move."""

    wants_setups: ClassVar[bool] = True
    reads_quotes: ClassVar[bool] = True
    only_timeframe: ClassVar[str] = "5s"

    def __init__(self, name: str, *, params: PivotParams, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self.params = params
        self._filters = params.filter_limits()
        self._limits = params.track_limits()
        self._watched = {
            key: _Watched(BarWindow(params.bars, longest_gap_s=params.max_gap_s)) for key in self.keys
        }

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError."""
        return cls(name, params=parse_params(PivotParams, params), keys=keys)

    # --- what it is given -----------------------------------------------------------------------

    def warm_up_bars(self) -> int:
        """The bars its filters need."""
        return self.params.bars

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take history for the filters; breaks in it are over."""
        for key, past in bars_by_symbol(bars).items():
            if key in self._watched:
                self._watched[key].window.merge(past)

    def take_setups(self, setups: Sequence[Setup]) -> None:
        """Take the watch list. A pivot that stays the same keeps its state."""
        by_key = {setup.key: setup for setup in setups}
        for key, watched in self._watched.items():
            setup = by_key.get(key)
            if setup == watched.setup:
                continue
            before, watched.setup = watched.tracks, setup
            watched.tracks = {}
            for side in SIDES if setup is not None else ():
                pivot = setup.pivot(side) if setup is not None else math.nan
                same = side in before and before[side].pivot == pivot
                watched.tracks[side] = before[side] if same else PivotTrack(pivot, side, self._limits)

    # --- what it decides ------------------------------------------------------------------------

    def wants_quote(self, quote: Quote) -> bool:
        """A price it has not seen, of a watched or held instrument."""
        watched = self._watched.get(quote.key)
        if watched is None or not (watched.holds or watched.setup is not None):
            return False
        return price_of(quote) != watched.price

    def on_quote(self, quote: Quote, view: StrategyView) -> tuple[Proposal, ...]:
        """Targets of what it holds, else the break."""
        watched = self._watched.get(quote.key)
        price = price_of(quote)
        if watched is None or math.isnan(price):
            return ()
        self._see(watched, view)
        watched.price = price
        at = utc(quote.at)
        triggers = [(track, track.on_price(price, quote.at)) for track in watched.tracks.values()]
        if view.quantity and view.holding is not None:
            wish = at_target(view.holding, price, _sign(view), self.params)
            return self._leave(quote.key, wish, view, at)
        for track, trigger in triggers:
            if trigger is not None:
                return self._consider(quote.key, watched, track, trigger, at, view)
        return ()

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Feed the filters; a break that only now has volume and thrust is entered here."""
        watched = self._watched.get(bar.symbol)
        if watched is None:
            return ()
        last = watched.window.last
        if last is not None and bar.end <= last.end:
            return ()
        watched.window.add(bar)
        self._see(watched, view)
        at = bar.end.timestamp()
        for track in watched.tracks.values():
            late = at - track.broken_at > self.params.momentum_s
            if track.stage is Stage.BROKEN and not late and track.beyond_pct(watched.price) > 0.0:
                trigger = Trigger(Path.MOMENTUM, track.breaks)
                return self._consider(bar.symbol, watched, track, trigger, bar.end, view)
        return ()

    def on_clock(self, key: str, now: datetime, view: StrategyView) -> tuple[Proposal, ...]:
        """The five-minute rule; then the targets once more, for an exit that did not go out at its tick."""
        watched = self._watched.get(key)
        if watched is None:
            return ()
        self._see(watched, view)
        if not view.quantity or view.holding is None:
            return ()
        wish = five_minute_rule(view.holding, watched.price, _sign(view), now, self.params)
        if wish is None:
            wish = at_target(view.holding, watched.price, _sign(view), self.params)
        return self._leave(key, wish, view, now)

    @staticmethod
    def _see(watched: _Watched, view: StrategyView) -> None:
        watched.holds = view.quantity != 0
        watched.max_attempts = view.max_attempts
        watched.attempts = {Side.BUY: view.attempts_long, Side.SELL: view.attempts_short}

    def _consider(
        self,
        key: str,
        watched: _Watched,
        track: PivotTrack,
        trigger: Trigger,
        at: datetime,
        view: StrategyView,
    ) -> tuple[Proposal, ...]:
        """Judge one break; an entry where every filter of its way lets it pass."""
        wish = self._wish(watched, track)
        path = check_path(wish, self._filters)
        fresh = check_momentum(watched.window, self._filters) if trigger.path is Path.MOMENTUM else ()
        watched.judged = (check_ready(watched.window, self._filters), *path, *fresh)
        watched.spoken_side, watched.turned_down = track.side, None
        if not all(result.passed for result in watched.judged):
            if trigger.path is Path.RETEST:
                track.spend()
            return ()
        if track.side is Side.SELL and not view.allow_short:
            track.spend()
            text = f"{track.pivot:g} broke downwards; shorts are not allowed here"
            watched.turned_down = Waiting(Reason.SHORT_NOT_ALLOWED, text)
            return ()
        if view.quantity or view.entry_working or view.exit_working:
            text = f"{track.pivot:g} broke while a position or an order of it was still there"
            watched.turned_down = Waiting(Reason.IN_POSITION, text)
            return ()
        track.spend()
        return (self._entry(key, watched, track, trigger, at, wish),)

    def _wish(self, watched: _Watched, track: PivotTrack) -> Wish:
        setup, sign = watched.setup, track.side.sign
        targets = setup.targets(track.side) if setup is not None else ()
        return Wish(
            price=watched.price,
            pivot=track.pivot,
            stop=track.pivot * (1.0 - sign * self.params.stop_pct / 100.0),
            target=targets[0] if targets else None,
            sign=sign,
        )

    def _entry(
        self, key: str, watched: _Watched, track: PivotTrack, trigger: Trigger, at: datetime, wish: Wish
    ) -> Proposal:
        targets = watched.setup.targets(track.side) if watched.setup is not None else ()
        level = "resistance" if track.side is Side.BUY else "support"
        day = watched.setup.day if watched.setup is not None else at.date()
        return Proposal(
            strategy=self.name,
            key=key,
            intention=Intention.ENTER,
            side=track.side,
            signal_id=f"{self.name}:{key}:{day:%Y%m%d}:{track.pivot:g}:{track.side.value}:{at:%H%M%S%f}",
            at=at,
            stop_price=wish.stop,
            target_price=wish.target,
            day_range=watched.window.day_range(),
            note=f"broke {level} {track.pivot:g} at {wish.price:g}, {trigger.path.value}",
            plan=Plan(
                pivot=track.pivot,
                target1=targets[0] if targets else None,
                target2=targets[1] if len(targets) > 1 else None,
                moves_to_breakeven=self.params.breakeven,
            ),
        )

    def _leave(
        self, key: str, wish: ExitWish | None, view: StrategyView, at: datetime
    ) -> tuple[Proposal, ...]:
        if wish is None or view.exit_working:
            return ()
        return (
            Proposal(
                strategy=self.name,
                key=key,
                intention=Intention.EXIT,
                side=Side.SELL if view.quantity > 0 else Side.BUY,
                signal_id=f"{self.name}:{key}:{at:%Y%m%dT%H%M%S%f}:{wish.reason.value}",
                at=at,
                note=wish.note,
                exit_fraction=wish.fraction,
                reason=wish.reason,
            ),
        )

    # --- what it says ---------------------------------------------------------------------------

    def why_not(self, key: str) -> Waiting:
        """What it waits for: history, a setup, a break, the way back, or room."""
        watched = self._watched[key]
        if len(watched.window) < self.params.bars:
            hole = watched.window.hole_since
            why = "" if hole is None else f"; {told(hole)}"
            text = f"warming up: {len(watched.window)} of {self.params.bars} 5-second bars{why}"
            return Waiting(Reason.WARMING_UP, text)
        if watched.setup is None:
            return Waiting(Reason.NO_SETUP, "the scanner has no levels for it today")
        if watched.holds:
            return Waiting(Reason.IN_POSITION, "in position")
        track = watched.tracks[watched.spoken_side]
        face = (
            watched.setup,
            watched.price,
            watched.judged,
            watched.turned_down,
            watched.max_attempts,
            watched.attempts[track.side],
            track.side,
            track.pivot,
            track.stage,
        )
        if watched.waiting is None or watched.waiting[0] != face:
            watched.waiting = face, self._waiting(watched, watched.setup)
        return watched.waiting[1]

    def setup_states(self) -> tuple[SetupState, ...]:
        """Every watched instrument with its levels, attempts and the filters of its last break."""
        return tuple(
            [
                self._state(key, watched, watched.setup)
                for key, watched in self._watched.items()
                if watched.setup is not None
            ]
        )

    @staticmethod
    def _state(key: str, watched: _Watched, setup: Setup) -> SetupState:
        above, below = watched.tracks[Side.BUY].stage, watched.tracks[Side.SELL].stage
        attempts = watched.attempts[Side.BUY], watched.attempts[Side.SELL]
        face = setup, watched.price, above, below, attempts, watched.judged
        if watched.state is None or watched.state[0] != face:
            watched.state = face, _state(key, watched, setup)
        return watched.state[1]

    def _waiting(self, watched: _Watched, setup: Setup) -> Waiting:
        failed = ", ".join(result.text() for result in watched.judged if not result.passed)
        track = watched.tracks[watched.spoken_side]
        used = watched.attempts[track.side]
        if 0 < watched.max_attempts <= used:
            text = f"{used} of {watched.max_attempts} attempts at {track.pivot:g} used"
            return Waiting(Reason.MAX_ATTEMPTS, text)
        if watched.turned_down is not None and track.stage is not Stage.ARMED:
            return watched.turned_down
        if track.stage in {Stage.BROKEN, Stage.RETESTED}:
            word = "comes back to it" if track.stage is Stage.BROKEN else "holds and leaves it again"
            text = f"{track.pivot:g} broke, filtered ({failed}); waits until it {word}"
            return Waiting(Reason.AWAITS_RETEST, text)
        if track.stage is Stage.SPENT:
            why = f" ({failed})" if failed else ""
            return Waiting(Reason.AWAITS_REARM, f"the break of {track.pivot:g} is over{why}")
        if math.isnan(watched.price):
            return Waiting(Reason.NO_QUOTE, "no price yet")
        above = 100.0 * (setup.resistance / watched.price - 1.0)
        below = 100.0 * (1.0 - setup.support / watched.price)
        text = f"{setup.resistance:g} is {above:.2f} % away above, {setup.support:g} {below:.2f} % below"
        return Waiting(Reason.NO_SIGNAL, text)


def _sign(view: StrategyView) -> int:
    return 1 if view.quantity > 0 else -1


def _state(key: str, watched: _Watched, setup: Setup) -> SetupState:
    return SetupState(
        key=key,
        resistance=setup.resistance,
        support=setup.support,
        score=setup.score,
        above_pct=100.0 * (setup.resistance / watched.price - 1.0),
        below_pct=100.0 * (1.0 - setup.support / watched.price),
        stages=(watched.tracks[Side.BUY].stage.value, watched.tracks[Side.SELL].stage.value),
        attempts=(watched.attempts[Side.BUY], watched.attempts[Side.SELL]),
        filters=tuple((r.name.value, r.passed, r.value, r.limit) for r in watched.judged),
        source=setup.source,
    )
