"""The IBKR adapter: one object for the engine's life, a fresh session inside it for every connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from engine.broker import codes, ibapi
from engine.broker.account import KIND_FIGURE, Account
from engine.broker.connection import EMBEDDED, Line, account_problem
from engine.broker.contracts import Contracts
from engine.broker.convert import clean
from engine.broker.heartbeat import Heartbeat
from engine.broker.history import History
from engine.broker.market_data import MarketData
from engine.broker.orders import Orders
from engine.broker.pacing import HistoryPacing, Priority
from engine.broker.port import (
    AccountError,
    BrokerError,
    BrokerListener,
    BrokerState,
    ConnectError,
    Fetched,
    Hello,
    LinkState,
    Margin,
    Notice,
)
from engine.broker.tapes import Tapes
from engine.broker.timing import Timings
from engine.broker.wire import ConnectionSettings, Wire
from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.domain.order import Order, OrderIntent


class _Session:
    """Everything that lives exactly as long as one connection."""

    def __init__(self, wire: Wire, pacing: HistoryPacing) -> None:
        self.wire = wire
        self.line = Line(wire)
        self.orders = Orders(wire)
        self.account = Account(wire, self.orders)
        self.contracts = Contracts(wire)
        self.history = History(wire, pacing)
        self.market_data = MarketData(wire, pacing)
        self.tapes = Tapes(wire)
        self.heartbeat = Heartbeat(wire)
        wire.callbacks.on(error=self._on_error, connectionClosed=wire.guarded(self._on_lost))

    async def open(self) -> Hello:
        """Connect, check whose account it is, start to beat. Raises ConnectError or AccountError."""
        wire, settings = self.wire, self.wire.settings
        await self.line.open()
        wire.account = self._choose_account()
        kind = settings.market_data_type
        wire.post(
            lambda: wire.client.reqMarketDataType(kind), priority=Priority.CONTROL, what="market data type"
        )
        try:
            await self.account.subscribe_values(wire.account)
        except BrokerError as error:
            raise ConnectError(f"{settings.where} shook hands, then failed: {error}") from error
        embedded = self.account.figure(KIND_FIGURE) == EMBEDDED
        problem = account_problem(settings, account=wire.account, embedded=embedded)
        if problem:
            raise AccountError(problem)
        wire.set_link(
            LinkState.UP, f"connected to {settings.where} as client {settings.client_id}", data_lost=True
        )
        self.heartbeat.start()
        return Hello(
            account=wire.account,
            accounts=self.line.accounts,
            server_version=int(wire.client.serverVersion()),
            library=f"{ibapi.LIB} {ibapi.VERSION}",
            gateway_kind="embedded" if embedded else "tws",
            next_order_id=0,
        )

    async def close(self, why: str) -> None:
        """Close the line; what still waited is told as never sent."""
        self.wire.link = LinkState.DOWN
        self._end(why)
        await self.line.close()

    def _end(self, why: str) -> None:
        self.heartbeat.stop()
        self.wire.sender.close(why)
        self.wire.requests.fail_all(why)

    def _choose_account(self) -> str:
        wanted, found = self.wire.settings.account, self.line.accounts
        if wanted and wanted not in found:
            raise AccountError(f"account {wanted} is not among those of this login: {', '.join(found)}")
        if not wanted and len(found) > 1:
            raise AccountError(f"this login manages {', '.join(found)}: name one in connection.account")
        return wanted or found[0]

    def _on_lost(self) -> None:
        text = f"the connection to {self.wire.settings.where} was lost"
        self._end(text)
        self.wire.set_link(LinkState.DOWN, text)

    def _on_error(self, number: int, code: int, text: str, _advanced: str = "") -> None:
        said = clean(text)
        self.line.refuse(code, said)
        if self.market_data.on_error(number, code, said) or self.tapes.on_error(number, code, said):
            return
        if self._is_question(number, code, said):
            return
        if self.orders.on_error(number, code, said):
            return
        change = codes.link_change(code)
        if change is not None and self.wire.link is not LinkState.DOWN:
            self.wire.uplink = change.state
            if change.data_lost:
                self.market_data.ask_again()
                self.tapes.ask_again()
            self.wire.set_link(change.state, said, code=code, data_lost=change.data_lost)
        self.wire.emit(Notice(code, said, ""))

    def _is_question(self, number: int, code: int, text: str) -> bool:
        if codes.is_information(code) or number < 0:
            return False
        passing = codes.is_passing(code, text)
        return self.wire.requests.fail(number, f"{text} (code {code})", passing=passing)


class IbkrBroker:
    """A brokerage connection over the TWS API (implements the Broker port).

    `clock` is monotonic seconds; `exchange_now` the exchange's time in epoch seconds, which stamps quotes.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        clock: Callable[[], float] = time.monotonic,
        *,
        exchange_now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._exchange_now = exchange_now
        self._session: _Session | None = None
        self.timings = Timings(clock)
        """How long the broker takes, over all connections."""
        # The broker counts history requests over connections, so this outlives them.
        self._history_pacing = HistoryPacing(most_live=settings.live_bars_in_10_min)
        self._highest_order_id = settings.highest_order_id

    @property
    def link(self) -> LinkState:
        """State of the line."""
        return self._session.wire.link if self._session else LinkState.DOWN

    @property
    def round_trip_ms(self) -> float | None:
        """Last heartbeat's round trip."""
        return self._session.heartbeat.round_trip_ms if self._session else None

    @property
    def highest_order_id(self) -> int:
        """The highest order id reserved or seen; to be remembered over restarts."""
        seen = self._session.orders.highest_seen if self._session else 0
        return max(self._highest_order_id, seen)

    async def connect(self, listener: BrokerListener) -> Hello:
        """Connect with a fresh client. Raises ConnectError (retry) or AccountError (a person must look)."""
        await self.disconnect()
        wire = Wire(
            self._settings,
            listener=listener,
            clock=self._clock,
            exchange_now=self._exchange_now,
            timings=self.timings,
        )
        self._session = session = _Session(wire, self._history_pacing)
        try:
            hello = await session.open()
        except BaseException:
            self._session = None
            await session.close("the connection attempt failed")
            raise
        self._highest_order_id = max(self.highest_order_id, session.line.next_valid_id - 1)
        return Hello(
            hello.account,
            hello.accounts,
            hello.server_version,
            hello.library,
            hello.gateway_kind,
            self.highest_order_id + 1,
        )

    def move_to(self, host: str, port: int) -> None:
        """Connect there from the next time on: an embedded gateway that came back has another port."""
        self._settings = replace(self._settings, host=host, port=port)

    async def disconnect(self) -> None:
        """Close the line. No LinkEvent: who asked for it knows."""
        session, self._session = self._session, None
        if session is not None:
            self._highest_order_id = max(self._highest_order_id, session.orders.highest_seen)
            await session.close("the line was closed")

    async def state(self) -> Fetched[BrokerState]:
        """Positions, all open orders, completed orders, today's executions; or why not."""
        try:
            return Fetched(await self._open.account.state())
        except BrokerError as error:
            return Fetched(None, clean(error))

    async def refresh_values(self) -> Fetched[bool]:
        """Every figure of the account once more; or why not."""
        try:
            await self._open.account.subscribe_values(self._open.wire.account)
        except BrokerError as error:
            return Fetched(None, clean(error))
        return Fetched(True)

    async def server_time(self) -> datetime:
        """The broker's clock, whole seconds."""
        return await self._open.heartbeat.server_time()

    async def instruments(self, symbol: str, sec_type: str, exchange: str) -> Fetched[tuple[Instrument, ...]]:
        """All contracts that match; futures by expiry."""
        if self._session is None:
            return Fetched(None, self._not_connected)
        return await self._session.contracts.instruments(symbol, sec_type, exchange)

    async def history(
        self,
        instrument: Instrument,
        *,
        count: int,
        seconds: int,
        end: datetime | None = None,
        extended: bool = False,
    ) -> Fetched[tuple[Bar, ...]]:
        """The last `count` complete bars, oldest first. Of stocks regular hours only, unless `extended`."""
        if self._session is None:
            return Fetched(None, self._not_connected)
        bars = self._session.history.bars
        return await bars(instrument, count=count, seconds=seconds, end=end, extended=extended)

    async def history_between(
        self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
    ) -> Fetched[tuple[Bar, ...]]:
        """The complete bars of a stretch of time by one request; of stocks regular hours only.

        `span` is what is asked for in the broker's units (`3600 S`, `5 D`), at least as long as the stretch.
        """
        if self._session is None:
            return Fetched(None, self._not_connected)
        between = self._session.history.between
        return await between(instrument, start=start, end=end, seconds=seconds, span=span)

    async def what_if(self, intent: OrderIntent, instrument: Instrument) -> Fetched[Margin]:
        """Margin and commission an order would cause."""
        if self._session is None:
            return Fetched(None, self._not_connected)
        return await self._session.orders.what_if(intent, instrument, order_id=self.next_order_id())

    def subscribe(self, instrument: Instrument) -> None:
        """Level 1 and 5-second bars."""
        self._open.market_data.subscribe(instrument)

    def subscribe_depth(self, instrument: Instrument, rows: int) -> None:
        """Level 2, kept as our own book."""
        self._open.market_data.subscribe_depth(instrument, rows)

    def unsubscribe_depth(self, instrument: Instrument) -> None:
        """End the book; nothing to do without a connection."""
        if self._session is not None:
            self._session.market_data.unsubscribe_depth(instrument)

    def subscribe_tape(self, instrument: Instrument) -> None:
        """Trades one by one."""
        self._open.tapes.subscribe(instrument)

    def unsubscribe_tape(self, instrument: Instrument) -> None:
        """End the tape; nothing to do without a connection."""
        if self._session is not None:
            self._session.tapes.unsubscribe(instrument)

    def unsubscribe(self, instrument: Instrument) -> None:
        """End every line of this instrument; nothing to do without a connection."""
        if self._session is not None:
            self._session.market_data.unsubscribe(instrument)
            self._session.tapes.unsubscribe(instrument)

    def next_order_id(self) -> int:
        """Reserve an order id above the broker's next and above every id ever used or seen."""
        self._highest_order_id = self.highest_order_id + 1
        return self._highest_order_id

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Build ahead what `place` sends."""
        if self._session is not None:
            self._session.orders.prepare(orders, instrument, parent_ids=parent_ids)

    async def place(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Send one order, or a bracket whose last order transmits, in one go and in this order."""
        await self._open.orders.place(orders, instrument, parent_ids=parent_ids)

    async def cancel(self, order: Order) -> None:
        """Ask for a cancel; the answer is an event."""
        await self._open.orders.cancel(order)

    async def modify(self, order: Order, changed: OrderIntent, instrument: Instrument) -> None:
        """Change price or quantity of a working order."""
        await self._open.orders.modify(order, changed, instrument)

    async def cancel_everything(self) -> None:
        """Global cancel, other clients' orders included."""
        await self._open.orders.cancel_everything()

    @property
    def _not_connected(self) -> str:
        return f"not connected to {self._settings.where}"

    @property
    def _open(self) -> _Session:
        if self._session is None:
            raise BrokerError(f"{self._not_connected}: nothing was sent")
        return self._session
