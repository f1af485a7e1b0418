"""From what a strategy wants to orders: the live gate judges and sizes, exits are clamped to the position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from engine.backtest.account import Account
from engine.backtest.book import Book
from engine.backtest.matching import Terms
from engine.backtest.result import DecisionRow
from engine.backtest.selection import Selections
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestConfig, StrategyRun
from engine.backtest.slot import Resting, Slot
from engine.backtest.venue import Venue
from engine.domain.market import Quote
from engine.domain.order import Intention, OrderIntent, Proposal, Role, Tif
from engine.domain.position import Position
from engine.domain.preview import EntryTicket
from engine.domain.quick import maker
from engine.domain.reasons import Reason
from engine.execution.brackets import entry_order, exit_order, stop_order
from engine.execution.hours import is_open
from engine.execution.levels import meant_stop, partial_reason
from engine.ledger.managed import PartialRefusedError
from engine.risk.brakes import BrakeSet
from engine.risk.exposure import NO_EXPOSURE, exposure, unit_exposure_usd
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.risk.world import Budget, GateWorld
from engine.strategy.standing import LEAVING

_make_world, _make_quote, _make_terms = maker(GateWorld), maker(Quote), maker(Terms)


class Middle:
    """Decides for all strategies of a run."""

    def __init__(
        self,
        config: BacktestConfig,
        *,
        slots: Mapping[str, Slot],
        series: Sequence[BarSeries],
        account: Account,
        book: Book,
        venue: Venue,
    ) -> None:
        self._config, self._slots = config, slots
        self._account, self._book, self._venue = account, book, venue
        self.brakes = BrakeSet()
        """In force; the run pulls and lifts them."""
        self._signals_used: set[str] = set()
        self._seq = count(1)
        self._selections = Selections(config, slots, series)

    def new_ref(self, slot: Slot, role: Role) -> str:
        """Of the next order. Counted, not drawn: a run repeats exactly."""
        return f"bt-{slot.key}-{next(self._seq):08d}-{role}"

    def act(
        self,
        run: StrategyRun,
        slot: Slot,
        proposals: Sequence[Proposal],
        *,
        at: datetime,
        at_ns: int,
        trades_at: datetime,
    ) -> None:
        """Exits before entries. `trades_at`: the moment whose session and hour count."""
        # Sorting one costs more than asking how many there are.
        for proposal in proposals if len(proposals) == 1 else sorted(proposals, key=_enters):
            where = self._slots.get(proposal.key, slot)
            if proposal.intention is Intention.EXIT:
                self._exit(where, proposal, at=at, at_ns=at_ns, trades_at=trades_at)
            else:
                self._enter(run, where, proposal, at=at, at_ns=at_ns, trades_at=trades_at)

    # --- entries --------------------------------------------------------------------------------

    def _enter(
        self,
        run: StrategyRun,
        slot: Slot,
        proposal: Proposal,
        *,
        at: datetime,
        at_ns: int,
        trades_at: datetime,
    ) -> None:
        ticket = check_entry(proposal, self._world(run, slot, proposal, trades_at), self._config.limits)
        self._note(proposal, ticket, at_ns)
        if isinstance(ticket, Refusal):
            return
        self._signals_used.add(proposal.signal_id)
        entry = entry_order(
            proposal,
            ticket,
            slot.instrument,
            ref=self.new_ref(slot, Role.ENTRY),
            now=at,
            tif=Tif.DAY,
            order_type=self._config.entry_type,
        )
        stop = stop_order(entry, ticket, ref=self.new_ref(slot, Role.STOP), tif=Tif.GTC)
        self.place_bracket(slot, entry, stop, at_ns=at_ns)

    def place_bracket(self, slot: Slot, entry: OrderIntent, stop: OrderIntent, *, at_ns: int) -> None:
        """An entry rests with its stop from the next bar on."""
        parent, child = self.resting(entry, at_ns), self.resting(stop, at_ns)
        parent.protect, child.parent = stop.stop_price, parent
        self._book.register(slot, parent, child)
        self._venue.place(slot, parent, child)

    def _world(self, run: StrategyRun, slot: Slot, proposal: Proposal, now: datetime) -> GateWorld:
        key, config, account = slot.key, self._config, self._account
        past = self._book.positions.past
        today, out = past.of(key), self._book.commitments()
        pivot = proposal.plan.pivot
        price, equity = slot.last, account.equity_usd
        blocked = Reason.EXPIRY if slot.expires else None
        is_future = slot.is_future
        # In the order of its fields: names would take as long again as all the rest of this.
        return _make_world(
            now,
            blocked,
            "" if blocked is None else f"{key}: its last trading day is near",
            self.brakes,
            slot.instrument,
            _make_quote(key, price, price, 1, 1, price, 1, now.timestamp()),
            True,  # the data is live
            equity,
            0.0,  # and known this moment
            account.available_usd(equity),
            exposure(out, self._unit_usd) if out.worst else NO_EXPOSURE,
            account.margin_usd(slot) if is_future else None,
            0.0,
            run.allow_short,
            self._signals_used,
            run.profile,
            True,  # nobody's money
            out,
            account.losses(slot, equity),
            self._book.recent.pace(
                now, strategy=proposal.strategy, key=key, side=proposal.side, limits=config.limits
            ),
            self._selections.of(slot, now, out.worst),
            self._roots({*out.worst, key}) if is_future else {},
            today.last_fill_at,
            today.last_stop_out_at,
            self._budget(run) if run.budget_pct > 0 else None,
            0 if pivot is None else past.attempts(key, proposal.side, pivot),
            entries_end=slot.entries_end,
        )

    def _unit_usd(self, key: str) -> float:
        slot = self._slots[key]
        margin = self._account.margin_usd(slot) if slot.is_future else None
        return unit_exposure_usd(slot.instrument, slot.last, margin)

    def _roots(self, keys: set[str]) -> dict[str, str]:
        found = [slot.instrument for slot in map(self._slots.__getitem__, keys) if slot.is_future]
        return {i.key: f"{i.symbol}@{i.exchange}" for i in found}

    def _budget(self, run: StrategyRun) -> Budget:
        owners = {}
        for slot in self._slots.values():
            position = self._book.position(slot.key) if slot.quantity else None
            entries = [o.intent.strategy for o in slot.orders if o.adds_risk]
            owner = entries[-1] if entries else "" if position is None else position.owner
            if owner:
                owners[slot.key] = owner
        return Budget(run.strategy.name, run.budget_pct, owners)

    # --- exits ----------------------------------------------------------------------------------

    def _exit(self, slot: Slot, proposal: Proposal, *, at: datetime, at_ns: int, trades_at: datetime) -> None:
        position = self._book.position(slot.key)
        if position is None or position.owner != proposal.strategy:
            return
        if not is_open(slot.instrument, trades_at):
            shut = Refusal(Reason.SESSION_CLOSED, f"{slot.key}: its market is shut; the stop stays")
            self._note(proposal, shut, at_ns)
            return
        quantity, reason = None, str(proposal.reason)
        if proposal.exit_fraction < 1.0:
            try:
                quantity = self._book.positions.take_partial(slot.key, proposal.exit_fraction)
            except PartialRefusedError as err:
                self._note(proposal, Refusal(Reason.NOTHING_TO_DO, f"{slot.key}: {err}"), at_ns)
                return
            if not quantity:
                return
            reason = partial_reason(proposal.exit_fraction)
        self._note(proposal, None, at_ns)
        self.close(slot, role=Role.EXIT, reason=reason, quantity=quantity, at=at, at_ns=at_ns)

    def close(
        self, slot: Slot, *, role: Role, reason: str, at: datetime, at_ns: int, quantity: int | None = None
    ) -> None:
        """Close a position, or a part of it, at the next open; its stop stays until that is done."""
        position = self._book.position(slot.key)
        entries = [o for o in slot.orders if o.adds_risk]
        if entries:
            self._venue.cancel(slot, entries, reason, at_ns=at_ns)
        if position is None or any(o.intent.role in LEAVING for o in slot.orders):
            return
        ref = self.new_ref(slot, role)
        intent = exit_order(position, ref=ref, now=at, role=role, reason=reason, quantity=quantity)
        order = self.resting(intent, at_ns)
        self._book.register(slot, order)
        self._venue.place(slot, order)

    def settle_stop(self, slot: Slot) -> None:
        """After a part was closed: the stop is as large as what is left, and where its plan wants it."""
        position = self._book.position(slot.key)
        if position is None:
            return
        price = meant_stop(position, slot.instrument, default_pct=self._config.default_stop_pct)
        for order in slot.orders:
            if order.intent.role is Role.STOP and order.parent is None:
                self._move(slot, order, position, price)
        slot.rearm()

    def _move(self, slot: Slot, order: Resting, position: Position, price: float) -> None:
        total = order.filled + abs(position.quantity)
        if order.intent.stop_price == price and order.intent.quantity == total:
            return
        self._book.change(slot, order, replace(order.intent, stop_price=price, quantity=total))
        order.terms = order.terms._replace(stop=price)
        order.left = total - order.filled

    # --- inside ---------------------------------------------------------------------------------

    def resting(self, intent: OrderIntent, at_ns: int) -> Resting:
        """An order as the exchange of the run holds it."""
        terms = _make_terms(intent.order_type, intent.side.sign, intent.limit_price, intent.stop_price)
        return Resting(
            intent,
            terms,
            intent.quantity,
            intent.role.adds_risk,
            next(self._seq),
            intent,
            at_ns,
        )

    def _note(self, proposal: Proposal, ticket: EntryTicket | Refusal | None, at_ns: int) -> None:
        refusal = ticket if isinstance(ticket, Refusal) else None
        passed = "exit" if ticket is None else "passed"
        row = (
            at_ns,
            proposal.strategy,
            proposal.key,
            str(proposal.intention),
            str(proposal.side),
            proposal.signal_id,
            passed if refusal is None else str(refusal.reason),
            ticket.quantity if isinstance(ticket, EntryTicket) else 0,
            None if refusal is None else refusal.limit,
            None if refusal is None else refusal.value,
            proposal.note if refusal is None else refusal.text,
        )
        self._book.decisions.append(tuple.__new__(DecisionRow, row))


def _enters(proposal: Proposal) -> bool:
    return proposal.intention is Intention.ENTER
