"""Orders out, and what the wire says about them back in: every claim here is the broker's own word."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.broker import codes, ibapi
from engine.broker.convert import (
    clean,
    commission_of,
    contract_of,
    decimal,
    fill_of,
    key_of,
    number_or_none,
    order_of,
    price_or_none,
)
from engine.broker.order_frames import OrderFrames, name_of
from engine.broker.pacing import Priority
from engine.broker.port import (
    BrokerError,
    BrokerOrder,
    Commission,
    Execution,
    Fetched,
    LinkState,
    Margin,
    Notice,
    OrderClaim,
    OrderRefusal,
    OrdersRefusedError,
)
from engine.broker.requests import FIRST_REQUEST_ID
from engine.broker.wire import Wire
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent

OPEN_ORDERS: Final = "open orders"
COMPLETED_ORDERS: Final = "completed orders"
_LIVE: Final = -1
_REMEMBERED: Final = 10_000
_OUR_REFS: Final = "ck-"
_PLAIN_STOPS: Final = ("STP", "STP LMT")
_UP: Final = LinkState.UP


@dataclass(slots=True)
class _Known:
    """What was last heard of one order."""

    ref: str = ""
    key: str = ""
    con_id: int = 0
    perm_id: int = 0
    parent_id: int = 0
    filled: Decimal = Decimal(0)
    average: float = 0.0
    status: str = ""
    stop_price: float | None = None


class Orders:
    """Order traffic of one connection. Remembers only what later messages leave out."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: OrderedDict[tuple[int, int], _Known] = OrderedDict()
        self._by_perm: OrderedDict[int, _Known] = OrderedDict()
        self._commissions: OrderedDict[str, Commission] = OrderedDict()
        self._frames = OrderFrames(wire)
        self._refuses_orders = wire.settings.refuses_orders
        self.highest_seen = 0
        wire.callbacks.on(
            openOrder=self._on_open_order,
            openOrderEnd=lambda: wire.requests.end(OPEN_ORDERS),
            orderStatus=self._on_status,
            completedOrder=self._on_completed,
            completedOrdersEnd=lambda: wire.requests.end(COMPLETED_ORDERS),
            execDetails=self._on_execution,
            execDetailsEnd=wire.requests.end,
            commissionReport=self._on_commission,
        )

    # --- out --------------------------------------------------------------------------------------

    async def place(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Send one order or one whole bracket; everything is built before the first byte leaves."""
        self._refuse_if_read_only()
        if not orders or len(orders) != len(parent_ids):
            raise BrokerError(f"{len(orders)} orders with {len(parent_ids)} parent ids: one each is needed")
        if self._wire.link is not _UP:
            self._need_link(name_of(orders))
        what, frames = self._frames.write(orders, instrument, parent_ids=parent_ids)
        client = self._wire.client

        def write() -> None:
            ibapi.send_frames(client, frames)
            # No answer can come before this turn of the loop is over, so the bytes go first.
            for (intent, order_id), parent in zip(orders, parent_ids, strict=True):
                known = _Known(intent.ref, instrument.key, instrument.con_id, parent_id=parent)
                self._remember(order_id, known)
            self._wire.timings.sent(tuple([order_id for _, order_id in orders]))

        await self._wire.sender.deliver(
            write,
            priority=Priority.ORDER,
            what=what,
            cost=len(orders),
            timeout_s=self._wire.settings.send_timeout_s,
        )

    def prepare(
        self,
        orders: tuple[tuple[OrderIntent, int], ...],
        instrument: Instrument,
        *,
        parent_ids: tuple[int, ...],
    ) -> None:
        """Write the bytes that `place` will send for these orders; what is wrong with them it will say."""
        self._frames.prepare(orders, instrument, parent_ids=parent_ids)

    async def cancel(self, order: Order) -> None:
        """Ask for a cancel."""
        self._refuse_if_read_only()
        if order.order_id <= 0:
            raise BrokerError(
                f"cancel of {order.intent.ref}: its order id is not known; ask the broker for open orders"
            )
        client = self._wire.client
        await self._wire.sender.deliver(
            lambda: client.cancelOrder(order.order_id),
            priority=Priority.CANCEL,
            what=f"cancel of {order.intent.ref}",
            timeout_s=self._wire.settings.send_timeout_s,
        )

    async def modify(self, order: Order, changed: OrderIntent, instrument: Instrument) -> None:
        """Send the whole order again under its id, with price or quantity changed."""
        self._refuse_if_read_only()
        what = f"change of {order.intent.ref}"
        self._need_link(what)
        if order.order_id <= 0:
            raise BrokerError(f"{what}: its order id is not known; ask the broker for open orders")
        known = self._known.get((self._wire.settings.client_id, order.order_id))
        built = order_of(
            changed,
            order_id=order.order_id,
            parent_id=known.parent_id if known else 0,
            account=self._wire.account,
        )
        contract, client = contract_of(instrument), self._wire.client
        await self._wire.sender.deliver(
            lambda: client.placeOrder(order.order_id, contract, built),
            priority=Priority.ORDER,
            what=what,
            timeout_s=self._wire.settings.send_timeout_s,
        )

    async def cancel_everything(self) -> None:
        """Global cancel, orders of other clients included."""
        self._refuse_if_read_only()
        client = self._wire.client
        await self._wire.sender.deliver(
            client.reqGlobalCancel,
            priority=Priority.CANCEL,
            what="global cancel",
            timeout_s=self._wire.settings.send_timeout_s,
        )

    async def what_if(self, intent: OrderIntent, instrument: Instrument, *, order_id: int) -> Fetched[Margin]:
        """Margin and commission of an order, without placing it."""
        try:
            self._refuse_if_read_only()
            order = order_of(intent, order_id=order_id, parent_id=0, account=self._wire.account, what_if=True)
            contract, client = contract_of(instrument), self._wire.client
            states = await self._wire.requests.ask(
                order_id,
                lambda: client.placeOrder(order_id, contract, order),
                what=f"margin of {intent.side.value} {intent.quantity} {instrument.key}",
            )
        except BrokerError as error:
            return Fetched(None, clean(error))
        state = states[-1]
        initial, maintenance = number_or_none(state.initMarginChange), number_or_none(state.maintMarginChange)
        if initial is None or maintenance is None:
            return Fetched(None, f"margin of {instrument.key}: the broker named none")
        return Fetched(Margin(initial, maintenance, number_or_none(state.commission)))

    def _refuse_if_read_only(self) -> None:
        if self._refuses_orders:
            raise OrdersRefusedError("this connection is read only: nothing was built or sent")

    def _need_link(self, what: str) -> None:
        if self._wire.link is not LinkState.UP:
            raise BrokerError(f"{what} was not sent: the line is {self._wire.link.value}")

    # --- in ---------------------------------------------------------------------------------------

    def commission(self, exec_id: str) -> Commission | None:
        """The commission heard for an execution in this connection."""
        return self._commissions.get(exec_id)

    def on_error(self, order_id: int, code: int, text: str) -> bool:
        """An error naming an order; False where the number is none."""
        if order_id in (0, _LIVE) or order_id >= FIRST_REQUEST_ID:
            return False
        if codes.is_information(code):
            self._wire.emit(Notice(code, text, self._ref(order_id) or str(order_id)))
        elif not self._wire.requests.fail(order_id, f"{text} (code {code})"):
            self._wire.emit(OrderRefusal(order_id, self._ref(order_id), code, text))
        return True

    def _ref(self, order_id: int) -> str:
        known = self._known.get((self._wire.settings.client_id, order_id))
        return known.ref if known else ""

    def _remember(self, order_id: int, known: _Known, *, client_id: int | None = None) -> None:
        owner = self._wire.settings.client_id if client_id is None else client_id
        self._known[owner, order_id] = known
        self._known.move_to_end((owner, order_id))
        if known.perm_id:
            self._by_perm[known.perm_id] = known
        for table in (self._known, self._by_perm):
            while len(table) > _REMEMBERED:
                table.popitem(last=False)
        self.highest_seen = max(self.highest_seen, order_id)

    def _on_open_order(self, order_id: int, contract: Any, order: Any, state: Any) -> None:
        if order.whatIf:
            # The first answer may come without figures; the one with them follows.
            if number_or_none(state.initMarginChange) is not None:
                self._wire.requests.add(order_id, state)
                self._wire.requests.end(order_id)
            return
        client_id = int(order.clientId)
        self._wire.timings.heard(order_id)
        known = self._by_perm.get(int(order.permId)) or self._known.get((client_id, order_id), _Known())
        known.ref, known.key = clean(order.orderRef), key_of(contract)
        known.con_id, known.parent_id = int(contract.conId), int(order.parentId)
        known.perm_id = int(order.permId)
        is_ours = client_id == self._wire.settings.client_id
        self._remember(order_id, known, client_id=client_id)
        quantity = decimal(order.totalQuantity)
        filled = quantity if state.status == "Filled" else known.filled
        claim = OrderClaim(
            order_ref=known.ref,
            order_id=order_id if is_ours else 0,
            perm_id=int(order.permId),
            client_id=client_id,
            status=clean(state.status),
            filled=filled,
            remaining=quantity - filled,
            avg_fill_price=known.average,
            source="broker",
            con_id=known.con_id,
            key=known.key,
            message=clean(state.warningText),
            stop_price=_stop_price(order),
        )
        self._wire.requests.add(
            OPEN_ORDERS,
            _broker_order(claim, contract, order, is_ours=is_ours),
        )
        # An orderStatus follows with the figures; only the first contact and news are told from here.
        is_moved = claim.stop_price != known.stop_price
        known.stop_price = claim.stop_price
        if claim.status != "Filled" and (is_moved or claim.status != known.status):
            known.status = claim.status
            self._wire.emit(claim)

    def _on_status(
        self,
        order_id: int,
        status: str,
        filled: float,
        remaining: float,
        average: float,
        perm_id: int,
        parent_id: int,
        _last_price: float,
        client_id: int,
        why_held: str,
        _cap_price: float = 0.0,
    ) -> None:
        self._wire.timings.heard(order_id)
        known = self._known.get((client_id, order_id), _Known())
        if known.perm_id not in (0, perm_id):
            # The gateway gave an old number anew: the permId tells whose status this really is.
            known = self._by_perm.get(perm_id, _Known())
        known.perm_id = perm_id
        known.filled, known.average, known.status = decimal(filled), average, clean(status)
        known.parent_id = parent_id
        self._remember(order_id, known, client_id=client_id)
        is_named = client_id == self._wire.settings.client_id and bool(known.ref)
        claim = OrderClaim(
            order_ref=known.ref,
            order_id=order_id if is_named else 0,
            perm_id=perm_id,
            client_id=client_id,
            status=known.status,
            filled=known.filled,
            remaining=decimal(remaining),
            avg_fill_price=average,
            source="broker",
            con_id=known.con_id,
            key=known.key,
            message=clean(why_held),
        )
        self._wire.requests.add(OPEN_ORDERS, claim)
        self._wire.emit(claim)

    def _on_completed(self, contract: Any, order: Any, state: Any) -> None:
        quantity, filled = decimal(order.totalQuantity), decimal(order.filledQuantity)
        claim = OrderClaim(
            order_ref=clean(order.orderRef),
            order_id=0,
            perm_id=int(order.permId),
            client_id=int(order.clientId),
            status=clean(state.status),
            filled=filled,
            remaining=max(Decimal(0), quantity - filled),
            avg_fill_price=0.0,
            source="broker",
            con_id=int(contract.conId),
            key=key_of(contract),
            message=clean(state.completedStatus),
        )
        # A completed order names no client on the wire: only our reference tells that it was ours.
        is_ours = claim.order_ref.startswith(_OUR_REFS)
        self._wire.requests.add(COMPLETED_ORDERS, _broker_order(claim, contract, order, is_ours=is_ours))

    def _on_execution(self, request_id: int, contract: Any, execution: Any) -> None:
        live = request_id == _LIVE
        is_ours = int(execution.clientId) == self._wire.settings.client_id
        try:
            fill = fill_of(contract, execution)
        except ValueError as error:
            self._wire.emit(Notice(codes.UNREADABLE, clean(error), key_of(contract)))
            if not live:
                self._wire.requests.fail(request_id, clean(error))
            return
        report = Execution(
            fill=fill,
            order_id=int(execution.orderId) if is_ours else 0,
            client_id=int(execution.clientId),
            liquidation=bool(execution.liquidation),
            live=live,
        )
        if live:
            self._wire.emit(report)
        else:
            self._wire.requests.add(request_id, report)

    def _on_commission(self, report: Any) -> None:
        commission = commission_of(report)
        self._commissions[commission.exec_id] = commission
        while len(self._commissions) > _REMEMBERED:
            self._commissions.popitem(last=False)
        self._wire.emit(commission)


def _stop_price(order: Any) -> float | None:
    """The trigger of a plain stop; a trailing one moves by itself and is not told."""
    return price_or_none(order.auxPrice) if order.orderType in _PLAIN_STOPS else None


def _broker_order(claim: OrderClaim, contract: Any, order: Any, *, is_ours: bool) -> BrokerOrder:
    return BrokerOrder(
        claim=claim,
        symbol=clean(contract.symbol),
        key=claim.key,
        side=clean(order.action),
        quantity=decimal(order.totalQuantity),
        order_type=clean(order.orderType),
        limit_price=price_or_none(order.lmtPrice),
        stop_price=price_or_none(order.trailStopPrice) or price_or_none(order.auxPrice),
        tif=clean(order.tif),
        parent_id=int(order.parentId),
        is_ours=is_ours,
    )
