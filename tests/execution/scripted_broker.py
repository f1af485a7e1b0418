"""A broker in memory with a broker's manners: it can delay, refuse, fill partly and stay silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from engine.broker.port import (
    BrokerError,
    BrokerEvent,
    BrokerListener,
    BrokerOrder,
    BrokerPosition,
    BrokerState,
    Execution,
    Fetched,
    Hello,
    LinkEvent,
    LinkState,
    Margin,
    OrderClaim,
    OrderRefusal,
)
from engine.domain.fill import Fill
from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.domain.order import Order, OrderIntent, OrderType, Role

LATENCY_S = 0.01


@dataclass(slots=True)
class Held:
    """One order as the broker sees it."""

    intent: OrderIntent
    order_id: int
    perm_id: int
    parent_id: int
    filled: int = 0
    status: str = "Submitted"

    @property
    def is_open(self) -> bool:
        return self.status in ("Submitted", "PreSubmitted")

    @property
    def remaining(self) -> int:
        return self.intent.quantity - self.filled


@dataclass
class ScriptedBroker:
    """Implements the Broker port. Tests turn its knobs and look at what reached it."""

    emit: Callable[[BrokerEvent], None]
    now: Callable[[], datetime]
    link: LinkState = LinkState.UP
    round_trip_ms: float | None = None
    orders: dict[int, Held] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """Refs in the order in which they reached the broker."""
    log: list[str] = field(default_factory=list)
    """Everything asked of it."""
    positions: dict[str, int] = field(default_factory=dict)
    con_ids: dict[str, int] = field(default_factory=dict)
    """Of positions that no order of ours opened."""
    executions: list[Execution] = field(default_factory=list)
    refuse: set[Role] = field(default_factory=set)
    """Orders of these roles are rejected."""
    unfilled: set[Role] = field(default_factory=lambda: {Role.ENTRY})
    """Market and limit orders of these roles only fill when told to."""
    deaf_to_cancels_of: set[Role] = field(default_factory=set)
    refuse_cancels_of: set[Role] = field(default_factory=set)
    takes_global_cancel: bool = False
    refuse_changes: bool = False
    mute: bool = False
    """Takes orders and says nothing about them."""
    queue: asyncio.Event | None = None
    """While it is set and not ready, orders wait in our own queue."""
    breaks_with: Exception | None = None
    """What `place` raises after half of it is out."""
    on_place: Callable[[], None] = lambda: None
    state_error: str = ""
    state_delay_s: float = 0.0
    foreign_positions: list[BrokerPosition] = field(default_factory=list)
    foreign_orders: list[BrokerOrder] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    """Refs that its lists leave out."""
    chains: dict[str, Fetched[tuple[Instrument, ...]]] = field(default_factory=dict)
    history_by_length: dict[tuple[str, int], Fetched[tuple[Bar, ...]]] = field(default_factory=dict)
    """Answers for bars of one length only; before those of `bars`."""
    bars: dict[str, Fetched[tuple[Bar, ...]]] = field(default_factory=dict)
    subscribed: list[str] = field(default_factory=list)
    connects: list[Callable[[], Hello]] = field(default_factory=list)
    """What each coming connect does; the last one repeats."""
    connected_at_s: list[float] = field(default_factory=list)
    _next_id: int = 100

    # --- the port -------------------------------------------------------------------------------

    async def connect(self, listener: BrokerListener) -> Hello:
        self.connected_at_s.append(asyncio.get_running_loop().time())
        answer = self.connects.pop(0) if len(self.connects) > 1 else self.connects[0]
        hello = answer()
        self.link = LinkState.UP
        listener.on_broker_event(LinkEvent(LinkState.UP, "connected", data_lost=True))
        return hello

    async def disconnect(self) -> None:
        self.log.append("disconnect")
        self.link = LinkState.DOWN

    async def refresh_values(self) -> Fetched[bool]:
        self.log.append("values")
        return Fetched(True)

    async def server_time(self) -> datetime:
        return self.now()

    async def state(self) -> Fetched[BrokerState]:
        self.log.append("state")
        picture = self._picture()
        if self.state_delay_s:
            await asyncio.sleep(self.state_delay_s)
        if self.state_error or self.link is not LinkState.UP:
            return Fetched(None, self.state_error or "not connected")
        return Fetched(picture)

    async def instruments(self, symbol: str, sec_type: str, exchange: str) -> Fetched[tuple[Instrument, ...]]:
        self.log.append(f"instruments {symbol}")
        return self.chains.get(symbol, Fetched(()))

    async def history(
        self,
        instrument: Instrument,
        *,
        count: int,
        seconds: int,
        end: datetime | None = None,
        extended: bool = False,
    ) -> Fetched[tuple[Bar, ...]]:
        self.log.append(f"history {instrument.key}")
        return self.history_by_length.get((instrument.key, seconds)) or self.bars.get(
            instrument.key, Fetched(())
        )

    async def what_if(self, intent: OrderIntent, instrument: Instrument) -> Fetched[Margin]:
        return Fetched(Margin(1000.0, 900.0, 2.0))

    def subscribe(self, instrument: Instrument) -> None:
        self.subscribed.append(instrument.key)

    def subscribe_depth(self, instrument: Instrument, rows: int) -> None:
        self.subscribed.append(f"{instrument.key} depth")

    def unsubscribe_depth(self, instrument: Instrument) -> None:
        self.subscribed.remove(f"{instrument.key} depth")

    def subscribe_tape(self, instrument: Instrument) -> None:
        self.subscribed.append(f"{instrument.key} tape")

    def unsubscribe_tape(self, instrument: Instrument) -> None:
        self.subscribed.remove(f"{instrument.key} tape")

    def unsubscribe(self, instrument: Instrument) -> None:
        self.subscribed.remove(instrument.key)

    def next_order_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Nothing to build: it takes the intents as they are."""

    async def place(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        self.on_place()
        if self.queue is not None:
            await self.queue.wait()
        self._need_link("order")
        for (intent, order_id), parent in zip(orders, parent_ids, strict=True):
            assert intent.ref not in self.sent, f"{intent.ref} was sent twice"
            self.sent.append(intent.ref)
            self.orders[order_id] = Held(intent, order_id, order_id + 9000, parent)
            if self.breaks_with is not None:
                raise self.breaks_with
        for _, order_id in orders:
            self._later(lambda order_id=order_id: self._accept(self.orders[order_id]))  # type: ignore[misc]

    async def cancel(self, order: Order) -> None:
        self.log.append(f"cancel {order.intent.role.value}")
        self._need_link("cancel")
        held = self.orders.get(order.order_id)
        if held is None:
            self._later(lambda: self.emit(OrderRefusal(order.order_id, order.intent.ref, 10147, "not found")))
        elif held.intent.role in self.refuse_cancels_of:
            self._later(lambda: self.emit(OrderRefusal(held.order_id, held.intent.ref, 10148, "not now")))
        elif held.intent.role not in self.deaf_to_cancels_of:
            self._later(lambda: self._end(held))

    async def modify(self, order: Order, changed: OrderIntent, instrument: Instrument) -> None:
        self.log.append(f"modify {order.intent.role.value} {changed.quantity}")
        self._need_link("change")
        held = self.orders[order.order_id]
        if self.refuse_changes or changed.quantity <= held.filled or not held.is_open:
            self._later(lambda: self.emit(OrderRefusal(held.order_id, changed.ref, 201, "change refused")))
        else:
            held.intent = changed
        self._later(lambda: self._say(held))

    async def cancel_everything(self) -> None:
        if not self.takes_global_cancel:
            raise BrokerError("no global cancel here")
        self.log.append("cancel everything")
        for held in self.open():
            self.end(held.intent.ref)

    # --- what the market does -------------------------------------------------------------------

    def held(self, ref: str) -> Held:
        return next(h for h in self.orders.values() if h.intent.ref == ref)

    def open(self, role: Role | None = None) -> list[Held]:
        """Orders at work at the broker."""
        return [h for h in self.orders.values() if h.is_open and role in (None, h.intent.role)]

    def fill(self, ref: str, quantity: int, price: str = "100") -> None:
        """Execute; more than is left is cut."""
        held = self.held(ref)
        quantity = min(quantity, held.remaining)
        if not quantity:
            return
        held.filled += quantity
        intent = held.intent
        key = intent.key
        self.positions[key] = self.positions.get(key, 0) + intent.side.sign * quantity
        if not held.remaining:
            held.status = "Filled"
        number = len(self.executions) + 1
        fill = Fill(
            exec_id=f"0001.{number:04d}.01",
            order_ref=intent.ref,
            perm_id=held.perm_id,
            key=key,
            con_id=intent.con_id,
            side=intent.side,
            quantity=quantity,
            price=Decimal(price),
            at=self.now(),
        )
        execution = Execution(fill, held.order_id, 1, liquidation=False, live=True)
        self.executions.append(execution)
        # The rest of its group is gone in the same step as the fill; the words about it come after.
        ended = [other for other in self._group(held) if other.is_open]
        for other in ended:
            other.status = "Cancelled"
        self.emit(execution)
        for told in (held, *ended):
            self._say(told)

    def _group(self, held: Held) -> list[Held]:
        """The others of its one-cancels-all group."""
        group = held.intent.oca_group
        return [h for h in self.orders.values() if group and h is not held and h.intent.oca_group == group]

    def end(self, ref: str) -> None:
        """Cancel at the broker, whoever wanted it; a parent without fills takes its children along."""
        self._end(self.held(ref))

    def _end(self, held: Held) -> None:
        if not held.is_open:
            self.emit(OrderRefusal(held.order_id, held.intent.ref, 10148, f"is {held.status}"))
            return
        held.status = "Cancelled"
        self._say(held)
        for child in self.orders.values():
            if child.parent_id == held.order_id and child.is_open and not held.filled:
                child.status = "Cancelled"
                self._say(child)

    def move(self, ref: str, stop_price: float) -> None:
        """Somebody moves a stop at the broker."""
        held = self.held(ref)
        held.intent = replace(held.intent, stop_price=stop_price)
        self._say(held)

    def lose(self, text: str = "the line was lost") -> None:
        """The line goes down."""
        self.link = LinkState.DOWN
        self.emit(LinkEvent(LinkState.DOWN, text))

    # --- inside ---------------------------------------------------------------------------------

    def _need_link(self, what: str) -> None:
        if self.link is not LinkState.UP:
            raise BrokerError(f"{what} was not sent: the line is {self.link.value}")

    def _later(self, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(LATENCY_S, act)

    def _accept(self, held: Held) -> None:
        if self.mute:
            return
        if held.intent.role in self.refuse or any(h.filled for h in self._group(held)):
            held.status = "Inactive"
            self.emit(OrderRefusal(held.order_id, held.intent.ref, 201, "Order rejected"))
            self._say(held)
            return
        if not held.is_open:
            return
        self._say(held)
        if held.intent.order_type is not OrderType.STOP and held.intent.role not in self.unfilled:
            self._later(lambda: self.fill(held.intent.ref, held.remaining) if held.is_open else None)

    def _claim(self, held: Held) -> OrderClaim:
        return OrderClaim(
            order_ref=held.intent.ref,
            order_id=held.order_id,
            perm_id=held.perm_id,
            client_id=1,
            status=held.status,
            filled=Decimal(held.filled),
            remaining=Decimal(held.remaining),
            avg_fill_price=100.0,
            source="broker",
            con_id=held.intent.con_id,
            key=held.intent.key,
            stop_price=held.intent.stop_price,
        )

    def _say(self, held: Held) -> None:
        self.emit(self._claim(held))

    def listed(self, held: Held) -> BrokerOrder:
        """The order as its lists show it."""
        intent = held.intent
        return BrokerOrder(
            claim=self._claim(held),
            symbol=intent.key,
            key=intent.key,
            side=intent.side.value,
            quantity=Decimal(intent.quantity),
            order_type=intent.order_type.value,
            limit_price=intent.limit_price,
            stop_price=intent.stop_price,
            tif=intent.tif.value,
            parent_id=held.parent_id,
            is_ours=True,
        )

    def _picture(self) -> BrokerState:
        shown = [h for h in self.orders.values() if h.intent.ref not in self.hidden]
        con_ids = self.con_ids | {h.intent.key: h.intent.con_id for h in self.orders.values()}
        positions = [
            BrokerPosition("DU1", con_ids.get(key, 0), key, Decimal(quantity), 100.0, key, "STK")
            for key, quantity in self.positions.items()
            if quantity
        ]
        return BrokerState(
            positions=(*positions, *self.foreign_positions),
            open_orders=(*(self.listed(h) for h in shown if h.is_open), *self.foreign_orders),
            completed_orders=tuple(self.listed(h) for h in shown if not h.is_open),
            executions=tuple(e._replace(live=False) for e in self.executions),
            commissions=(),
            values=(),
            at=self.now(),
        )
