"""The market and the broker behind the line: they outlive every engine, and their journal is the truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from engine.backtest.matching import Terms, at_touch
from engine.broker.port import (
    BrokerEvent,
    Commission,
    Execution,
    OrderClaim,
    OrderRefusal,
)
from engine.domain.fill import Fill, execution_base
from engine.domain.market import Bar, Quote
from engine.domain.order import OrderIntent, OrderType, Role, Side
from tests.builders import TEN
from tests.storm.held import INSTRUMENTS, START_PRICE, Held, of_one_group
from tests.storm.loop import START_S, StormLoop
from tests.storm.weather import Weather

ACCOUNT = "DU1"
CLIENT = 1
STEP_S = 1.0
BAR_STEPS = 5
QUOTE_STEPS = 2
SPREAD_TICKS = 1
FEE = Decimal("1.25")


class Downlink(Protocol):
    """The way to whoever is connected."""

    def tell(self, event: BrokerEvent, *, delay_s: float) -> None:
        """Deliver an event, behind everything told before."""
        ...

    def show(self, value: Quote | Bar) -> None:
        """Deliver market data."""
        ...


class Exchange:
    """Prices, orders, positions, executions. One client may be connected at a time."""

    def __init__(self, loop: StormLoop, weather: Weather, seed: int) -> None:
        self.loop = loop
        self.weather = weather
        self.rng = random.Random(f"exchange {seed}")
        self._market = random.Random(f"market {seed}")
        self.price = dict(START_PRICE)
        self.orders: dict[int, Held] = {}
        self.positions: dict[str, int] = dict.fromkeys(INSTRUMENTS, 0)
        self.executions: list[Execution] = []
        self.commissions: dict[str, Commission] = {}
        self.journal: list[str] = []
        self.link: Downlink | None = None
        self.next_valid_id = 1
        self.tampered: dict[str, float] = {}
        """Key -> when somebody else last moved its position or orders."""
        self.in_flight: set[str] = set()
        """References of orders that left the engine and have not arrived, and may yet."""
        self.dirty = False
        self.is_shut = False
        """Nothing moves or fills any more: the end of a run must not fall between a fill and its news."""
        self._next_perm = 900_001
        self._steps = 0
        self._bars: dict[str, list[float]] = {key: [] for key in INSTRUMENTS}
        loop.later(STEP_S, self._step)

    # --- time and journal -----------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        return self.loop.time() - START_S

    def now(self) -> datetime:
        """Exchange time."""
        return TEN + timedelta(seconds=self.now_s)

    def note(self, text: str) -> None:
        """A line of the truth."""
        self.journal.append(f"{self.now_s:9.4f} {text}")
        self.dirty = True

    def chance(self, probability: float) -> bool:
        return probability > 0 and self.rng.random() < probability

    def new_perm_id(self) -> int:
        """A number no order of this account ever had."""
        self._next_perm += 1
        return self._next_perm

    def later(self, delay_s: float, act: Callable[..., object], *args: object) -> None:
        self.loop.later(delay_s, act, *args)

    # --- the market -----------------------------------------------------------------------------

    def quote(self, key: str) -> Quote:
        tick = INSTRUMENTS[key].min_tick
        half = SPREAD_TICKS * tick / 2
        mid = self.price[key]
        return Quote(key, mid - half, mid + half, 300, 300, mid, 100, self.now().timestamp())

    def _step(self) -> None:
        self._steps += 1
        self.dirty = True  # promises with a time in them are looked at each second
        for key, instrument in INSTRUMENTS.items():
            jump = 8.0 if self._market.random() < 0.03 else 1.0
            tick = instrument.min_tick
            moved = self.price[key] * (1 + self._market.gauss(0, 0.0004) * jump)
            self.price[key] = self.price[key] if self.is_shut else round(moved / tick) * tick + tick / 2
            self._bars[key].append(self.price[key])
        if not self.is_shut:
            for held in [h for h in self.orders.values() if h.is_working]:
                self._match(held)
        if self.link is not None and self._steps % QUOTE_STEPS == 0:
            for key in INSTRUMENTS:
                self.link.show(self.quote(key))
        if self._steps % BAR_STEPS == 0:
            self._tell_bars()
        self.loop.later(STEP_S, self._step)

    def _tell_bars(self) -> None:
        for key, seen in self._bars.items():
            if self.link is not None:
                self.link.show(Bar(key, self.now(), seen[0], max(seen), min(seen), seen[-1], 100))
            seen.clear()

    # --- orders in ------------------------------------------------------------------------------

    def arrive(self, orders: tuple[tuple[OrderIntent, int], ...], parent_ids: tuple[int, ...]) -> None:
        """Bytes of one order or bracket reach the broker."""
        by_id: dict[int, Held] = {}
        for (intent, order_id), parent_id in zip(orders, parent_ids, strict=True):
            self.in_flight.discard(intent.ref)
            parent = by_id.get(parent_id)
            held = self._held(intent, order_id, 0 if parent is None else parent.perm_id)
            by_id[order_id] = held
            self.note(f"arrived {held.ref} {held.side} {held.quantity} {held.kind} perm {held.perm_id}")
        self.next_valid_id = max(self.next_valid_id, *(i + 1 for _, i in orders))
        for held in by_id.values():
            if held.is_open:
                self._accept(held)

    def _held(self, intent: OrderIntent, order_id: int, parent: int) -> Held:
        perm_id = self.new_perm_id()
        held = self.orders[perm_id] = Held(
            intent=intent,
            ref=intent.ref,
            key=intent.key,
            side=intent.side,
            quantity=intent.quantity,
            kind=intent.order_type,
            limit=intent.limit_price,
            stop=intent.stop_price,
            perm_id=perm_id,
            order_id=order_id,
            parent=parent,
            status="PreSubmitted" if parent else "Submitted",
        )
        return held

    def _accept(self, held: Held) -> None:
        if self.chance(self.weather.reject) or any(h.filled for h in of_one_group(held, self.orders)):
            self.note(f"rejected {held.ref}")
            error = OrderRefusal(held.order_id, held.ref, 201, "Order rejected")
            self.end(held, "Inactive" if self.chance(0.5) else "Cancelled", error=error)
            return
        if held.parent == 0 and self.chance(self.weather.inactive):
            held.status = "Inactive"
            self.note(f"held back {held.ref}")
            self.later(self.rng.uniform(1.0, 8.0), self._revive, held)
        self.say(held)
        if held.is_working:
            self.later(self.rng.uniform(0.01, 0.3), self._match, held)
        if self.chance(self.weather.false_cancel):
            self.later(self.rng.uniform(0.05, 5.0), self._false_cancel, held)

    def _revive(self, held: Held) -> None:
        if held.status == "Inactive":
            held.status = "Submitted"
            self.say(held)

    def _false_cancel(self, held: Held) -> None:
        """The library turns a remark about a working order into its end."""
        if not held.is_working:
            return
        self.note(f"library claims {held.ref} cancelled")
        code = self.rng.choice((10349, 161, 399))
        self.tell(OrderRefusal(held.order_id, held.ref, code, "Order TIF was set to DAY based on preset"))
        self.tell(self.claim(held)._replace(status="Cancelled", source="library", message="10349"))

    def find(self, order_id: int) -> Held | None:
        """Our order under this id; the newest where an id was given twice."""
        found = [h for h in self.orders.values() if h.order_id == order_id and h.is_ours]
        return found[-1] if found else None

    def cancel(self, order_id: int, ref: str) -> None:
        """A cancel reaches the broker."""
        held, weather = self.find(order_id), self.weather
        self.note(f"cancel of {ref} ({'unknown' if held is None else held.status})")
        if held is None or self.chance(weather.cancel_not_found):
            self.tell(OrderRefusal(order_id, ref, 10147, "OrderId that needs to be cancelled is not found"))
        elif not held.is_open:
            self.tell(OrderRefusal(order_id, ref, 10148, f"cannot be cancelled, state: {held.status}"))
        elif self.chance(weather.cancel_refused):
            self.tell(OrderRefusal(order_id, ref, 10148, "cannot be cancelled, state: PendingCancel"))
        elif not self.chance(weather.cancel_mute):
            error = OrderRefusal(order_id, ref, 202, "Order Canceled") if self.chance(0.5) else None
            self.end(held, "Cancelled", error=error)
            if held.role is Role.ENTRY and self.chance(weather.fill_after_cancel):
                self.later(weather.after_cancel_s(self.rng), self._late_fill, held)
            elif held.role is Role.ENTRY and not held.filled and self.chance(weather.cancel_undone):
                self.later(self.rng.uniform(0.5, 3.0), self._come_back, held)

    def _come_back(self, held: Held) -> None:
        """The exchange did not take the cancel that the broker had confirmed."""
        held.came_back = True
        held.status = "Submitted"
        self.note(f"works again {held.ref}")
        self.tell(self.claim(held))

    def _late_fill(self, held: Held) -> None:
        if held.remaining:
            held.came_back = True
            self.fill(held, self.rng.randint(1, held.remaining))

    def modify(self, order_id: int, changed: OrderIntent) -> None:
        """A change of price or quantity reaches the broker."""
        held = self.find(order_id)
        self.note(f"modify of {changed.ref} to {changed.quantity} @ {changed.stop_price}")
        if held is None or not held.is_open:
            self.tell(OrderRefusal(order_id, changed.ref, 104, "cannot modify a filled order"))
            return
        if changed.quantity < held.filled or self.chance(self.weather.modify_refused):
            self.tell(OrderRefusal(order_id, changed.ref, 201, "modification refused"))
        else:
            held.quantity, held.limit, held.stop = changed.quantity, changed.limit_price, changed.stop_price
            if not held.remaining:
                held.status = "Filled"
        self.tell(self.claim(held))  # a change is always answered with the whole order

    # --- matching -------------------------------------------------------------------------------

    def _match(self, held: Held) -> None:
        price = self._price(held)
        if not held.is_working or price is None:
            return
        room = self._room(held)
        if room <= 0 or (held.role is Role.ENTRY and self.chance(self.weather.thin)):
            return
        partly = self.chance(self.weather.partial) and room > 1
        self.fill(held, self.rng.randint(1, room - 1) if partly else room, price)

    def _price(self, held: Held) -> float | None:
        quote = self.quote(held.key)
        touch = quote.ask if held.side is Side.BUY else quote.bid
        if held.kind is OrderType.STOP and not held.triggered and self._room(held) <= 0:
            return None
        terms = Terms(held.kind, held.side.sign, held.limit, held.stop, held.triggered)
        answer = at_touch(terms, touch)
        held.triggered = held.triggered or answer.triggered
        return answer.price

    def _room(self, held: Held) -> int:
        """A child trades no more than its parent gave it while the parent lives."""
        parent = self.orders.get(held.parent)
        if parent is None or not parent.is_open:
            return held.remaining
        exited = sum(h.filled for h in self.children(parent))
        return min(held.remaining, max(0, parent.filled - exited))

    def children(self, parent: Held) -> Iterator[Held]:
        return (h for h in self.orders.values() if h.parent == parent.perm_id)

    def fill(self, held: Held, quantity: int, price: float | None = None) -> None:
        """Execute, at the market where no price is given."""
        tick = INSTRUMENTS[held.key].min_tick
        paid = Decimal(str(round(round((price or self.price[held.key]) / tick) * tick, 6)))
        held.filled += quantity
        held.notional += paid * quantity
        self.positions[held.key] += held.side.sign * quantity
        if not held.remaining and held.is_open:
            held.status = "Filled"
        execution = self._execution(held, quantity, paid)
        self.note(f"filled {held.ref or 'external'} {held.side.sign * quantity:+d} {held.key} @ {paid}")
        if held.is_ours or not self.chance(self.weather.external_unseen):
            self._report(held, execution)
        for other in of_one_group(held, self.orders):
            if other.is_open:
                self.end(other, "Cancelled")

    def _execution(self, held: Held, quantity: int, paid: Decimal) -> Execution:
        fill = Fill(
            exec_id=f"0000e.{len(self.executions) + 1:05d}.01",
            order_ref=held.ref,
            perm_id=held.perm_id,
            key=held.key,
            con_id=INSTRUMENTS[held.key].con_id,
            side=held.side,
            quantity=quantity,
            price=paid,
            at=self.now(),
        )
        mine = held.is_ours
        found = Execution(fill, held.order_id if mine else 0, CLIENT if mine else 0, False, live=True)
        self.executions.append(found)
        return found

    def _report(self, held: Held, execution: Execution) -> None:
        status_first = self.chance(self.weather.reorder)
        if not status_first:
            self.tell(execution)
        if not self.chance(self.weather.no_status) and held.is_ours:
            self.tell(self.claim(held))
        if status_first:
            self.later(self.rng.uniform(0.0, 2.0), self.tell, execution)
        self._commission(execution.fill.exec_id)

    def _commission(self, exec_id: str) -> None:
        if self.chance(self.weather.no_commission):
            return
        report = self.commissions[exec_id] = Commission(exec_id, FEE, None)
        late = self.rng.uniform(2.0, 20.0) if self.chance(self.weather.late_commission) else 0.05
        self.later(late, self.tell, report)

    def end(self, held: Held, status: str, *, error: OrderRefusal | None = None) -> None:
        """End an order; children of one that never filled end with it."""
        held.status = status if status != "Inactive" else "Rejected"
        self.note(f"ended {held.ref or 'external'} {held.status} ({held.filled} of {held.quantity})")
        claim = self.claim(held)._replace(status=status)
        both: list[BrokerEvent] = [claim] if error is None else [error, claim]
        if self.chance(self.weather.reorder):
            both.reverse()
        for event in both:
            self.tell(event)
        for child in list(self.children(held)):
            if child.is_open and not held.filled:
                self.end(child, "Cancelled")

    def correct(self) -> None:
        """The price of an execution of ours was wrong."""
        ours = [i for i, e in enumerate(self.executions) if e.fill.order_ref]
        if not ours:
            return
        index = self.rng.choice(ours)
        old = self.executions[index].fill
        base, revision = execution_base(old.exec_id)
        fill = replace(old, exec_id=f"{base}.{revision + 1:02d}", price=old.price + Decimal("0.25"))
        self.executions[index] = self.executions[index]._replace(fill=fill)
        self.note(f"corrected {old.exec_id} to {fill.exec_id}")
        self.tell(self.executions[index])

    # --- words ----------------------------------------------------------------------------------

    def tell(self, event: BrokerEvent) -> None:
        """To whoever is connected; late, twice or not at all."""
        link = self.link
        if link is None:
            return
        slow = self.rng.uniform(0.5, 8.0) if self.chance(self.weather.slow) else 0.0
        delay_s = self.rng.uniform(0.002, 0.05) + slow
        link.tell(event, delay_s=delay_s)
        if self.chance(self.weather.duplicate):
            link.tell(event, delay_s=delay_s + self.rng.uniform(0.0, 2.0))

    def say(self, held: Held) -> None:
        """The status of an order, unless it gets lost."""
        if not held.is_ours or self.chance(self.weather.no_status):
            return
        claim = self.claim(held)
        if self.chance(self.weather.nameless):
            claim = claim._replace(order_ref="", order_id=0)
        self.tell(claim)

    def claim(self, held: Held) -> OrderClaim:
        return OrderClaim(
            order_ref=held.ref,
            order_id=held.order_id,
            perm_id=held.perm_id,
            client_id=CLIENT if held.is_ours else 0,
            status="Inactive" if held.status == "Rejected" else held.status,
            filled=Decimal(held.filled),
            remaining=Decimal(held.remaining),
            avg_fill_price=float(held.notional / held.filled) if held.filled else 0.0,
            source="broker",
            con_id=INSTRUMENTS[held.key].con_id,
            key=held.key,
            stop_price=held.stop,
        )
