"""Strategies, gate and ledger of a recorded session, given the same once more.

What came from outside (bars, ticks, prices, account, clock, the broker's words) is taken from the record;
everything that the middle makes of it is made anew by the very code, and held against what it made then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any, Final, NamedTuple

from engine.backtest.relive.tables import Tables
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Bar
from engine.domain.order import Intention, OrderIntent, Proposal, Role, Side
from engine.domain.preview import EntryTicket
from engine.domain.setup import Setup
from engine.execution.brackets import entry_order, exit_order, stop_order
from engine.ledger.events import Registered
from engine.ledger.ledger import Ledger
from engine.market.bars import BarAggregator
from engine.risk.exposure import Holding, commitments
from engine.risk.gate import check_entry
from engine.risk.limits import RiskLimits
from engine.risk.pace import RecentOrders
from engine.risk.world import GateWorld
from engine.store import session_flow as flow
from engine.store.session_flow import answer_of, plain
from engine.strategy.base import Strategy, StrategyView
from engine.strategy.standing import view_of

LIVE_BAR_SECONDS: Final = 5
FUTURES_DAY: Final = time(18)
"""New York time at which a future's trading day begins."""

_OURS: Final = ("commitments", "pace", "last_fill_at", "last_stop_out_at", "attempts", "roots", "budget")
"""What the gate is told about our own orders and positions: reckoned anew."""


class Difference(NamedTuple):
    """Something that came out another way than it did then."""

    step: int
    what: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Part:
    """A configured strategy."""

    make: Callable[[Sequence[str]], Strategy] | None
    """None for one that is not played again: its wishes are taken from the record."""
    bar_seconds: int
    allow_short_stock: bool
    allow_short_future: bool


class Seat:
    """One strategy of one run."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.strategy: Strategy | None = None
        self.warm: set[str] = set()
        self.aggregators: dict[str, BarAggregator] = {}
        self.last_bars: dict[str, datetime] = {}

    def may_short(self, instrument: Instrument | None) -> bool:
        """May it be short there."""
        if instrument is None:
            return False
        is_future = instrument.sec_type is SecType.FUTURE
        return self.part.allow_short_future if is_future else self.part.allow_short_stock


class Middle:
    """Takes the steps of a session, one after the other."""

    def __init__(
        self, parts: Mapping[str, Part], bars: Mapping[tuple[str, datetime], Bar], limits: RiskLimits
    ) -> None:
        """`limits` are those before the first decision."""
        self.differences: list[Difference] = []
        self.steps = self.decisions = self.orders = self.booked = 0
        self.ledger, self.tables = Ledger(), Tables()
        self._bars, self._limits = bars, limits
        self._recent = RecentOrders()
        self._seats = {name: Seat(part) for name, part in parts.items()}
        self._instruments: dict[str, Instrument] = {}
        self._setups: dict[str, Setup] = {}
        self._wanted: dict[tuple[str, str, Intention], Proposal] = {}
        self._signals_used: set[str] = set()
        self._let_through: dict[str, tuple[Proposal, EntryTicket]] = {}
        self._boot_id = ""
        self._handlers: dict[type, Callable[[Any], None]] = {
            flow.Began: self._on_began,
            flow.Described: self._on_described,
            flow.Ruled: self._on_ruled,
            flow.Assigned: self._on_assigned,
            flow.WatchList: self._on_watch_list,
            flow.Warmed: self._on_warmed,
            flow.Cooled: self._on_cooled,
            flow.BarsBegan: self._on_bars_began,
            flow.Fed: self._on_fed,
            flow.Ticked: self._on_ticked,
            flow.Clocked: self._on_clocked,
            flow.Judged: self._on_judged,
            flow.Leaving: self._on_leaving,
            flow.Booked: self._on_booked,
            flow.DayBegan: self._on_day,
        }

    def take(self, step: flow.Step, boot_id: str) -> None:
        """The next step; what it makes otherwise than then is added to `differences`."""
        self.steps += 1
        self._boot_id = boot_id
        self._handlers[type(step)](step)

    def finish(self) -> None:
        """After the last step: what was wanted now and nobody decided on then."""
        for proposal in self._wanted.values():
            self._differs(f"{proposal.intention.value} {proposal.key}", "not wanted", proposal.signal_id)

    def _differs(self, what: str, then: object, now: object) -> None:
        self.differences.append(Difference(self.steps, what, str(then), str(now)))

    def _same(self, what: str, then: object, now: object) -> None:
        before, after = _text(then), _text(now)
        if before != after:
            self._differs(what, before, after)

    # --- what strategies are given --------------------------------------------------------------

    def _on_began(self, _: flow.Began) -> None:
        # As a restart does: what is not in the tables is forgotten.
        self.ledger = Ledger(self.tables.state(boot_id=self._boot_id))
        self._recent = RecentOrders(self.ledger.orders.all())
        stored = self.ledger.orders.all()
        self._signals_used = {o.intent.signal_id for o in stored if o.intent.signal_id}
        self._let_through.clear()
        for seat in self._seats.values():
            seat.strategy = None
            seat.warm, seat.aggregators = set(), {}
        self._wanted.clear()

    def _on_described(self, step: flow.Described) -> None:
        self._instruments[step.instrument.key] = step.instrument

    def _on_ruled(self, step: flow.Ruled) -> None:
        self._limits = step.limits

    def _on_assigned(self, step: flow.Assigned) -> None:
        seat = self._seats.get(step.strategy)
        if seat is None or seat.part.make is None:
            return
        seat.strategy, seat.warm = seat.part.make(step.keys), set()
        seat.strategy.take_setups(tuple(self._setups.values()))
        seat.aggregators = {}
        if seat.part.bar_seconds > LIVE_BAR_SECONDS:
            seat.aggregators = {key: self._aggregator(seat, key, step.at) for key in step.keys}

    def _aggregator(self, seat: Seat, key: str, since: datetime) -> BarAggregator:
        instrument = self._instruments.get(key)
        is_future = instrument is not None and instrument.sec_type is SecType.FUTURE
        return BarAggregator(
            seat.part.bar_seconds, since=since, day_start=FUTURES_DAY if is_future else time(0)
        )

    def _on_watch_list(self, step: flow.WatchList) -> None:
        self._setups = {setup.key: setup for setup in step.setups}
        for seat in self._seats.values():
            if seat.strategy is not None and seat.strategy.wants_setups:
                seat.strategy.take_setups(step.setups)

    def _on_warmed(self, step: flow.Warmed) -> None:
        seat = self._seats.get(step.strategy)
        if seat is None or seat.strategy is None:
            return
        if step.bars is not None:
            seat.strategy.warm_up(step.bars)
        seat.warm.add(step.key)

    def _on_cooled(self, step: flow.Cooled) -> None:
        for seat in self._seats.values():
            seat.warm.discard(step.key)

    def _on_bars_began(self, step: flow.BarsBegan) -> None:
        for seat in self._seats.values():
            if step.key in seat.aggregators and step.key not in seat.warm:
                seat.aggregators[step.key] = self._aggregator(seat, step.key, step.at)

    # --- what strategies decide -----------------------------------------------------------------

    def _on_fed(self, step: flow.Fed) -> None:
        seat, bar = self._seats.get(step.strategy), self._bars.get((step.key, step.end))
        if seat is None or seat.strategy is None:
            return
        if bar is None:
            self._differs(f"bar of {step.key} that ends {step.end}", "was there", "is not in the log")
            return
        aggregator = seat.aggregators.get(step.key)
        for whole in (bar,) if aggregator is None else aggregator.add(bar):
            last = seat.last_bars.get(step.key)
            if last is None or whole.end > last:
                seat.last_bars[step.key] = whole.end
                self._want(seat, seat.strategy.on_bar(whole, self._view(seat, step.key)))

    def _on_ticked(self, step: flow.Ticked) -> None:
        seat = self._seats.get(step.strategy)
        if seat is not None and seat.strategy is not None:
            key = step.quote.key
            self._want(seat, seat.strategy.on_quote(step.quote, self._view(seat, key)))

    def _on_clocked(self, step: flow.Clocked) -> None:
        asked = [(s, s.strategy) for s in self._seats.values() if s.strategy is not None]
        asked = [(s, one) for s, one in asked if one.reads_quotes or one.reads_clock]
        for key in sorted({key for _, one in asked for key in one.keys}):
            for seat, one in asked:
                if key in one.keys:
                    self._want(seat, one.on_clock(key, step.at, self._view(seat, key)))

    def _want(self, seat: Seat, proposals: Iterable[Proposal]) -> None:
        for proposal in proposals:
            if proposal.key in seat.warm:
                self._wanted[proposal.strategy, proposal.signal_id, proposal.intention] = proposal

    def _view(self, seat: Seat, key: str) -> StrategyView:
        strategy = seat.strategy
        position = self.ledger.positions.position(key)
        roles = {o.intent.role for o in self.ledger.orders.live() if o.intent.key == key}
        view = view_of(
            position,
            roles,
            owner="" if strategy is None else strategy.name,
            allow_short=seat.may_short(self._instruments.get(key)),
        )
        setup = self._setups.get(key)
        if setup is None or strategy is None or not strategy.wants_setups:
            return view
        past = self.ledger.positions.past
        return view._replace(
            attempts_long=past.attempts(key, Side.BUY, setup.resistance),
            attempts_short=past.attempts(key, Side.SELL, setup.support),
            max_attempts=self._limits.max_attempts,
        )

    def _was_wanted(self, proposal: Proposal) -> None:
        """A wish of then: it must be one of now."""
        seat = self._seats.get(proposal.strategy)
        if seat is None or seat.part.make is None:
            return
        found = self._wanted.pop((proposal.strategy, proposal.signal_id, proposal.intention), None)
        what = f"{proposal.intention.value} {proposal.key} by {proposal.strategy}"
        if found is None:
            self._differs(what, proposal.signal_id, "not wanted")
        else:
            self._same(what, proposal, found)

    # --- what the gate decides ------------------------------------------------------------------

    def _on_judged(self, step: flow.Judged) -> None:
        self.decisions += 1
        self._was_wanted(step.proposal)
        world = self._world(step)
        what = f"entry into {step.proposal.key} ({step.proposal.signal_id})"
        for name in _OURS:
            self._same(f"{what}: {name}", getattr(step.world, name), getattr(world, name))
        answer = check_entry(step.proposal, world, self._limits)
        self._same(f"{what}: answer of the gate", step.answer, answer_of(answer))
        if isinstance(answer, EntryTicket):
            self._signals_used.add(step.proposal.signal_id)
            self._let_through[step.proposal.signal_id] = (step.proposal, answer)

    def _world(self, step: flow.Judged) -> GateWorld:
        """As it was told from outside; what is our own is reckoned from our own books."""
        wish, then = step.proposal, step.world
        positions, live = self.ledger.positions.positions(), self.ledger.orders.live()
        out = commitments([Holding(p.key, p.quantity) for p in positions if p.quantity], live)
        past, pivot = self.ledger.positions.past, wish.plan.pivot
        today, budget = past.of(wish.key), then.budget
        if budget is not None:
            owners = {p.key: p.owner for p in positions}
            owners |= {o.intent.key: o.intent.strategy for o in live if o.intent.role.adds_risk}
            budget = budget._replace(owners=owners)
        return replace(
            then,
            instrument=self._instruments.get(wish.key),
            signals_used=self._signals_used,
            commitments=out,
            pace=self._recent.pace(
                then.now, strategy=wish.strategy, key=wish.key, side=wish.side, limits=self._limits
            ),
            roots=self._roots({*out.worst, wish.key}),
            last_fill_at=today.last_fill_at,
            last_stop_out_at=today.last_stop_out_at,
            attempts=0 if pivot is None else past.attempts(wish.key, wish.side, pivot),
            budget=budget,
        )

    def _roots(self, keys: Iterable[str]) -> dict[str, str]:
        found = [self._instruments[key] for key in keys if key in self._instruments]
        return {i.key: f"{i.symbol}@{i.exchange}" for i in found if i.sec_type is SecType.FUTURE}

    def _on_leaving(self, step: flow.Leaving) -> None:
        self.decisions += 1
        self._was_wanted(step.proposal)

    # --- what the ledger makes of it ------------------------------------------------------------

    def _on_booked(self, step: flow.Booked) -> None:
        self.booked += 1
        if isinstance(step.event, Registered):
            self._orders(step.event.intents)
        changes = self.ledger.apply(step.event)
        for order in changes.orders:
            self._recent.note(order)
        self.tables.write(step, changes, boot_id=self._boot_id)

    def _orders(self, intents: Sequence[OrderIntent]) -> None:
        """The orders of then must be what is made now of the same decision."""
        bracket: OrderIntent | None = None
        for then in intents:
            self.orders += 1
            made: OrderIntent | None = None
            if then.role is Role.ENTRY and then.signal_id in self._let_through:
                proposal, ticket = self._let_through.pop(then.signal_id)
                instrument = self._instruments[then.key]
                made = bracket = entry_order(
                    proposal,
                    ticket,
                    instrument,
                    ref=then.ref,
                    now=then.created_at,
                    tif=then.tif,
                    order_type=then.order_type,
                )
            elif then.role is Role.STOP and bracket is not None and bracket.ticket is not None:
                made = stop_order(bracket, bracket.ticket, ref=then.ref, tif=then.tif)
            elif then.role in (Role.EXIT, Role.FLATTEN):
                made = self._close_of(then)
            if made is not None:
                self._same(f"order {then.ref}", replace(then, preview=None), made)

    def _close_of(self, then: OrderIntent) -> OrderIntent | None:
        position = self.ledger.positions.position(then.key)
        if position is None:
            self._differs(f"order {then.ref}", "closes a position", "nothing is held")
            return None
        is_part = then.quantity < abs(position.quantity)
        return exit_order(
            position,
            ref=then.ref,
            now=then.created_at,
            role=then.role,
            reason=then.reason,
            quantity=then.quantity if is_part else None,
        )

    def _on_day(self, step: flow.DayBegan) -> None:
        self.tables.start_day(self.ledger.start_day(), step.at, boot_id=self._boot_id)


def _text(value: object) -> str:
    return json.dumps(plain(value), sort_keys=True)
