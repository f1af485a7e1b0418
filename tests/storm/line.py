"""The Broker port of one life of the engine: a session over a line that delays, drops, freezes and lies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.broker.port import (
    BrokerError,
    BrokerEvent,
    BrokerListener,
    BrokerOrder,
    BrokerPosition,
    BrokerState,
    Commission,
    ConnectError,
    Execution,
    Fetched,
    Hello,
    LinkEvent,
    LinkState,
    Margin,
    NotSentError,
)
from engine.domain.instrument import Instrument
from engine.domain.market import Bar, Quote
from engine.domain.order import Order, OrderIntent
from tests.storm import lists
from tests.storm.exchange import ACCOUNT, Exchange
from tests.storm.held import INSTRUMENTS, margin_usd
from tests.storm.loop import Incarnation

DETECT_S = 3.0
"""A frozen peer is noticed after this long."""
ANSWER_S = 10.0
"""Every question has an answer, or an error, after this long."""


class _Bytes(NamedTuple):
    """What was sent and has not arrived."""

    timer: asyncio.TimerHandle
    what: str
    refs: tuple[str, ...]
    """The orders in it; none for a cancel or a change."""


class Session:
    """One connection: bytes up, events down, each in order."""

    def __init__(self, exchange: Exchange, listener: BrokerListener, life: Incarnation) -> None:
        self._exchange = exchange
        self._listener = listener
        self._life = life
        self.is_open = True
        self.frozen = False
        self.deaf = False
        """The gateway has no line to the broker: what happens there is never told."""
        self._down_s = 0.0
        self._up_s = 0.0
        self._held_back: deque[Callable[[], None]] = deque()
        self._under_way: deque[_Bytes] = deque()

    # --- down -----------------------------------------------------------------------------------

    def tell(self, event: BrokerEvent, *, delay_s: float) -> None:
        """Deliver an event, behind everything told before."""
        if self.deaf:
            return
        loop = self._exchange.loop
        self._down_s = max(self._down_s, loop.time() + delay_s)
        loop.call_at(self._down_s, self._deliver, self._hear, event, context=loop.world)

    def _hear(self, event: BrokerEvent) -> None:
        self._listener.on_broker_event(event)
        self._exchange.dirty = True

    def show(self, value: Quote | Bar) -> None:
        """Deliver market data."""
        hear = self._listener.on_quote if isinstance(value, Quote) else self._listener.on_bar
        self._exchange.later(0.01, self._deliver, hear, value)

    def _deliver(self, hear: Callable[[Any], None], value: object) -> None:
        if self.frozen and self.is_open:
            self._held_back.append(lambda: self._deliver(hear, value))
        elif self.is_open and self._life.alive:
            self._life.context.copy().run(hear, value)

    def thaw(self) -> None:
        """What was held back arrives."""
        self.frozen = False
        while self._held_back and not self.frozen:
            self._held_back.popleft()()

    # --- up -------------------------------------------------------------------------------------

    def send(self, what: str, act: Callable[[], None], *, refs: tuple[str, ...] = ()) -> None:
        """Bytes leave, of the orders `refs` where it is orders; they arrive in order, a moment later."""
        exchange = self._exchange
        self._up_s = max(self._up_s, exchange.loop.time() + exchange.rng.uniform(0.002, 0.05))
        timer = exchange.loop.call_at(self._up_s, self._arrive, act, context=exchange.loop.world)
        self._under_way.append(_Bytes(timer, what, refs))

    def _arrive(self, act: Callable[[], None]) -> None:
        self._under_way.popleft()
        act()

    def end(self, why: str) -> None:
        """The connection is gone. Of what is under way some still arrives: a first part, in order."""
        if not self.is_open:
            return
        self.is_open = False
        exchange = self._exchange
        exchange.note(f"session ended: {why}")
        lost = False
        kept: deque[_Bytes] = deque()
        for sent in self._under_way:
            lost = lost or exchange.chance(exchange.weather.lost_send)
            if lost:
                exchange.note(f"lost under way: {sent.what}")
                sent.timer.cancel()
                exchange.in_flight.difference_update(sent.refs)
            else:
                kept.append(sent)
        self._under_way = kept
        if exchange.link is self:
            exchange.link = None


class StormBroker:
    """Implements the Broker port on the exchange, for one life."""

    round_trip_ms: float | None = 1.0

    def __init__(
        self,
        exchange: Exchange,
        life: Incarnation,
        *,
        highest_order_id: int,
        on_place: Callable[[tuple[OrderIntent, ...]], None],
        on_cancel: Callable[[str], None],
        before_send: Callable[[tuple[OrderIntent, ...]], bool],
        after_send: Callable[[], bool],
    ) -> None:
        self._exchange = exchange
        self._life = life
        self._highest = highest_order_id
        self._on_place = on_place
        """Called where the engine hands over orders; their bytes may have to wait."""
        self._on_cancel = on_cancel
        """Called where the bytes of a cancel leave."""
        self._before_send = before_send
        """Called where bytes are about to leave; True where the process dies right there."""
        self._after_send = after_send
        self._listener: BrokerListener | None = None
        self.session: Session | None = None
        self.link = LinkState.DOWN
        self.pictures = 0
        """Whole pictures given since the line last came up."""

    # --- what happens to the line ---------------------------------------------------------------

    def change(self, state: LinkState, text: str, *, code: int = 0, data_lost: bool = False) -> None:
        """The line changed, and the engine is told."""
        self.link = state
        if state is not LinkState.UP or data_lost:
            self.pictures = 0
        if self._listener is not None and self._life.alive:
            event = LinkEvent(state, text, code, data_lost)
            self._life.context.copy().run(self._listener.on_broker_event, event)

    def drop(self, why: str) -> None:
        """The socket is gone."""
        if self.session is not None and self.session.is_open:
            self.session.end(why)
            self.change(LinkState.DOWN, why)

    def freeze(self, seconds: float) -> None:
        """The peer stops answering; the heartbeat notices."""
        session = self.session
        if session is None or session.frozen:
            return
        session.frozen = True
        self._exchange.later(seconds, session.thaw)
        self._exchange.later(DETECT_S, self._notice_freeze, session)

    def _notice_freeze(self, session: Session) -> None:
        if session.frozen and session.is_open and self.session is session:
            self.change(LinkState.FROZEN, "no answer to the heartbeat")

    # --- the port -------------------------------------------------------------------------------

    async def connect(self, listener: BrokerListener) -> Hello:
        await self.disconnect()
        exchange = self._exchange
        await self._wait(exchange.rng.uniform(0.02, 0.3))
        if exchange.chance(exchange.weather.connect_fails):
            raise ConnectError("nobody answers at the gateway")
        self._listener = listener
        session = self.session = Session(exchange, listener, self._life)
        exchange.link = session
        exchange.note(f"connected, life {self._life.number}")
        self._highest = max(self._highest, exchange.next_valid_id - 1)
        for value in lists.values():
            session.tell(value, delay_s=0.0)
        self.change(LinkState.UP, "connected", data_lost=True)
        return Hello(ACCOUNT, (ACCOUNT,), 178, "storm", "embedded", self._highest + 1)

    async def disconnect(self) -> None:
        self.link = LinkState.DOWN
        if self.session is not None:
            self.session.end("closed by the engine")
            self.session = None

    def move_to(self, host: str, port: int) -> None:
        """There is one gateway."""

    async def refresh_values(self) -> Fetched[bool]:
        session = self.session
        if session is None or self.link is not LinkState.UP or session.frozen:
            return Fetched(None, "not connected")
        for value in lists.values():
            session.tell(value, delay_s=0.0)
        return Fetched(True)

    async def server_time(self) -> datetime:
        return self._exchange.now()

    async def state(self) -> Fetched[BrokerState]:
        exchange, session = self._exchange, self.session
        if session is None or self.link is not LinkState.UP:
            return Fetched(None, "not connected")
        fails = exchange.chance(exchange.weather.snapshot_fails)
        torn = exchange.chance(exchange.weather.snapshot_torn)
        picture = await self._pieces(torn=torn)
        if fails or session.frozen or not session.is_open or self.link is not LinkState.UP:
            await self._wait(ANSWER_S if session.is_open and session.frozen else 0.01)
            exchange.note("picture failed")
            return Fetched(None, "no end marker for open orders within 10 s")
        self.pictures += 1
        exchange.note("picture given")
        return Fetched(picture)

    async def _pieces(self, *, torn: bool) -> BrokerState:
        """Each list as of its own moment; the moments may lie apart."""
        exchange = self._exchange
        positions: tuple[BrokerPosition, ...] = ()
        opened: tuple[BrokerOrder, ...] = ()
        done: tuple[BrokerOrder, ...] = ()
        executions: tuple[Execution, ...] = ()
        commissions: tuple[Commission, ...] = ()
        names = ["positions", "orders", "executions"]
        exchange.rng.shuffle(names)
        for name in names:
            await self._wait(exchange.rng.uniform(0.2, 2.0) if torn else 0.01)
            if name == "positions":
                positions = lists.positions(exchange)
            elif name == "orders":
                opened = tuple(lists.listed(exchange, h) for h in exchange.orders.values() if h.is_open)
                done = tuple(lists.listed(exchange, h) for h in exchange.orders.values() if not h.is_open)
            else:
                executions = tuple(e._replace(live=False) for e in exchange.executions)
                commissions = tuple(exchange.commissions.values())
        return BrokerState(positions, opened, done, executions, commissions, lists.values(), exchange.now())

    async def instruments(self, symbol: str, sec_type: str, exchange: str) -> Fetched[tuple[Instrument, ...]]:
        await self._wait(0.01)
        if self.link is not LinkState.UP or self._exchange.chance(self._exchange.weather.snapshot_fails / 2):
            return Fetched(None, "no answer within 10 s")
        return Fetched(
            tuple(i for i in INSTRUMENTS.values() if i.symbol == symbol and i.sec_type.value == sec_type)
        )

    async def history(
        self,
        instrument: Instrument,
        *,
        count: int,
        seconds: int,
        end: datetime | None = None,
        extended: bool = False,
    ) -> Fetched[tuple[Bar, ...]]:
        await self._wait(0.01)
        if seconds != 3600:
            return Fetched(())
        # Hours of a market that everybody trades: the universe asks for them, and no strategy does.
        price, end = self._exchange.price[instrument.key], self._exchange.now().replace(minute=0)
        return Fetched(
            tuple(
                Bar(instrument.key, end - timedelta(hours=n), price, price, price, price, 10**7, 3600)
                for n in reversed(range(count))
            )
        )

    async def what_if(self, intent: OrderIntent, instrument: Instrument) -> Fetched[Margin]:
        await self._wait(0.01)
        return Fetched(Margin(margin_usd(instrument), margin_usd(instrument), 2.0))

    def subscribe(self, instrument: Instrument) -> None:
        """Everything is shown to whoever is connected."""

    def subscribe_depth(self, instrument: Instrument, rows: int) -> None:
        """There is no book."""

    def unsubscribe_depth(self, instrument: Instrument) -> None:
        """There is no book."""

    def subscribe_tape(self, instrument: Instrument) -> None:
        """Nobody looks at one."""

    def unsubscribe_tape(self, instrument: Instrument) -> None:
        """Nobody looks at one."""

    def unsubscribe(self, instrument: Instrument) -> None:
        """Everything is shown to whoever is connected."""

    def next_order_id(self) -> int:
        self._highest += 1
        return self._highest

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """There is nothing to build."""

    async def place(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        intents = tuple(intent for intent, _ in orders)
        if self.link is LinkState.UP:
            self._on_place(intents)
        session = await self._queue("order " + orders[0][0].ref)
        exchange = self._exchange
        if self._before_send(intents):
            await self._die()
        for intent, order_id in orders:
            exchange.note(f"sent {intent.ref} id {order_id}")
            exchange.in_flight.add(intent.ref)

        def arrive() -> None:
            exchange.arrive(orders, parent_ids)

        if exchange.chance(exchange.weather.zombie):
            exchange.later(exchange.rng.uniform(1.0, 20.0), arrive)
        else:
            session.send(f"order {orders[0][0].ref}", arrive, refs=tuple(i.ref for i in intents))
        if self._after_send():
            await self._die()

    async def cancel(self, order: Order) -> None:
        if order.order_id <= 0:
            raise BrokerError(f"cancel of {order.intent.ref}: its order id is not known")
        session = await self._queue(f"cancel of {order.intent.ref}")
        if self._before_send(()):
            await self._die()
        ref = order.intent.ref
        self._on_cancel(ref)
        session.send(f"cancel {ref}", lambda: self._exchange.cancel(order.order_id, ref))
        if self._after_send():
            await self._die()

    async def modify(self, order: Order, changed: OrderIntent, instrument: Instrument) -> None:
        session = await self._queue(f"change of {order.intent.ref}")
        if self._before_send(()):
            await self._die()
        session.send(f"modify {changed.ref}", lambda: self._exchange.modify(order.order_id, changed))
        if self._after_send():
            await self._die()

    async def cancel_everything(self) -> None:
        raise BrokerError("the engine cancels one by one")

    # --- inside ---------------------------------------------------------------------------------

    async def _queue(self, what: str) -> Session:
        """Our own queue: what still waits here when the line is lost was never sent."""
        session = self.session
        if session is None or self.link is not LinkState.UP:
            raise BrokerError(f"{what} was not sent: the line is {self.link.value}")
        exchange = self._exchange
        if exchange.chance(exchange.weather.queued):
            await self._wait(exchange.rng.uniform(0.01, 2.0))
            if not session.is_open:
                raise NotSentError(f"{what} was never sent: the line was lost")
        return session

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _die(self) -> None:
        """The process ends on this very line."""
        await asyncio.get_running_loop().create_future()
