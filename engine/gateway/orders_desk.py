"""Where orders come in: new ones are checked, numbered and sent to the floor, known ones modified."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.gateway.matching_floor import Floor, trades_all_session
from engine.gateway.matching_triggers import first_stop
from engine.gateway.model import Notice, OrderRequest, Rejected, Status
from engine.gateway.orders import MARKET, Order
from engine.gateway.orders_credit import Credit
from engine.gateway.orders_listing import Listing
from engine.gateway.orders_registry import Registry
from engine.gateway.orders_rules import (
    CANCEL_ALL,
    HELD_FOR_SESSION,
    IGNORES_OUTSIDE_RTH,
    Refusal,
    check_modification,
    check_parent,
    check_request,
    duplicate_id,
    refuse_done,
    refuse_late,
)
from engine.gateway.orders_session import Phases

_REDUCE_WITHOUT_BLOCK = 3


class Desk:
    """Turns requests into orders. Refused requests leave no order, except for lack of credit (Inactive)."""

    def __init__(
        self,
        *,
        listing: Listing,
        phases: Phases,
        registry: Registry,
        floor: Floor,
        credit: Credit,
        account: str,
    ) -> None:
        self._listing = listing
        self._phases = phases
        self._registry = registry
        self._floor = floor
        self._credit = credit
        self._account = account
        self._next_parts = 1
        self._next_excess = 0

    def split_next(self, parts: int) -> None:
        """The next new order without a parent fills in so many parts."""
        self._next_parts = parts

    def overfill_next(self, units: int) -> None:
        """The last fill of the next new order without a parent takes so many units more than ordered."""
        self._next_excess = units

    def place(self, request: OrderRequest, *, now: float) -> None:
        """Accept, modify or refuse; what happened is in the floor's `out`."""
        known = self._registry.owned(request.client_id, request.order_id)
        if known is not None and known.is_open:
            self._modify(known, request, now)
        elif known is not None:
            self._refuse(request, refuse_done(known), order=known)
        elif self._registry.is_spent(request.client_id, request.order_id):
            self._refuse(request, duplicate_id(request.order_id))
        else:
            self._place_new(request, now)

    # --- new orders ---

    def _place_new(self, request: OrderRequest, now: float) -> None:
        contract = self._listing.listed(request.con_id)
        parent = self._registry.owned(request.client_id, request.parent_id) if request.parent_id else None
        refusal = check_request(request, contract=contract, account=self._account, now=now)
        refusal = refusal or check_parent(request, parent) or self._too_late(request)
        if refusal is not None:
            self._refuse(request, refusal)
            return
        order = self._order(self._complete(request, parent), parent, now)
        refusal = self._credit.refuse(order.request, working=self._registry.open(), replaces=None)
        if refusal is not None:
            order.finish(Status.INACTIVE, refusal.text, now)
        self._listing.note_traded(self._listing[request.con_id])
        self._registry.add(order)
        if refusal is not None:
            self._refuse(request, refusal, order=order)
            return
        self._start(order, parent, now)

    def _too_late(self, request: OrderRequest) -> Refusal | None:
        """One that comes after its group has traded would fill beside what it was to replace."""
        ends_all = request.oca_group and request.oca_type == CANCEL_ALL
        is_late = ends_all and self._registry.has_traded(request.oca_group)
        return refuse_late(request.oca_group) if is_late else None

    def _complete(self, request: OrderRequest, parent: Order | None) -> OrderRequest:
        """Fill in what TWS fills in: the account, and one OCA group for the children of a parent."""
        known = replace(request, account=self._account, oca_type=request.oca_type or _REDUCE_WITHOUT_BLOCK)
        if parent is None or known.oca_group:
            return known
        return replace(known, oca_group=str(parent.perm_id), oca_type=_REDUCE_WITHOUT_BLOCK)

    def _order(self, request: OrderRequest, parent: Order | None, now: float) -> Order:
        order = Order(
            request=request,
            perm_id=self._registry.take("perm"),
            priority=self._registry.take("priority"),
            transmitted=False,
            parent_perm_id=0 if parent is None else parent.perm_id,
            released=parent is None or parent.filled > 0,
        )
        order.stop_price = first_stop(order)
        order.expires_at = self._expiry(order, now)
        if parent is None and self._next_parts > 1:
            order.portion = -(-request.quantity // self._next_parts)
            self._next_parts = 1
        if parent is None:
            order.excess, self._next_excess = self._next_excess, 0
        return order

    def _expiry(self, order: Order, now: float) -> float | None:
        request = order.request
        if request.tif == "GTD":
            return request.good_till
        if request.tif != "DAY":
            return None
        contract = self._listing[request.con_id]
        return self._phases.day_end(contract, now, whole_session=trades_all_session(order, contract))

    def _start(self, order: Order, parent: Order | None, now: float) -> None:
        """Report the order, send it and what waited for it, and say what holds it back."""
        if not order.request.transmit:
            self._floor.tell(order)
            return
        family = [order] if parent is None else [parent, *self._registry.children(parent)]
        self._send([member for member in family if member.is_open and not member.transmitted], now)

    def _send(self, orders: list[Order], now: float) -> None:
        for order in orders:
            order.transmitted = True
            order.status = Status.PRE_SUBMITTED
            self._floor.tell(order)
            self._warn(order, now)
            self._floor.wake(order)
        self._run(orders, now)

    def _run(self, orders: list[Order], now: float) -> None:
        """Try orders against the market, then report where they stand."""
        self._floor.settle(now)
        for order in orders:
            if order.is_open and _cannot_wait(order):
                self._floor.end(order, Status.CANCELLED, "immediate-or-cancel: the market is not open", now)
            self._floor.refresh(order, now)

    def _warn(self, order: Order, now: float) -> None:
        request = order.request
        contract = self._listing[request.con_id]
        if request.outside_rth and request.order_type == MARKET and contract.sec_type != "FUT":
            self._notice(
                order,
                IGNORES_OUTSIDE_RTH,
                "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored for market "
                "orders; the order is processed without it.",
            )
        phase = self._phases.at(contract, now)
        whole = trades_all_session(order, contract)
        if phase.trading and (phase.regular or whole):
            return
        opens = phase.end if whole else self._phases.next_regular_open(contract, now)
        local = datetime.fromtimestamp(opens, tz=ZoneInfo(contract.time_zone))
        self._notice(
            order,
            HELD_FOR_SESSION,
            f"Order Message: {request.action} {request.quantity} {contract.local_symbol}. Warning: your "
            f"order will not be placed at the exchange until {local:%Y-%m-%d %H:%M:%S} "
            f"{contract.time_zone}.",
        )

    # --- modifications ---

    def _modify(self, order: Order, request: OrderRequest, now: float) -> None:
        contract = self._listing[order.request.con_id]
        refusal = check_modification(order, request) or check_request(
            request, contract=contract, account=self._account, now=now
        )
        wanted = self._merge(order, request)
        if refusal is None:
            refusal = self._credit.refuse(wanted, working=self._registry.open(), replaces=order)
        if refusal is not None:
            self._refuse(request, refusal, order=order)
            return
        old, order.request = order.request, wanted
        if _loses_place(old, wanted):
            order.priority = self._registry.take("priority")
            order.resting = False
        if (old.aux_price, old.trail_stop_price, old.order_type) != (
            wanted.aux_price,
            wanted.trail_stop_price,
            wanted.order_type,
        ):
            order.stop_price = first_stop(order)
        order.expires_at = self._expiry(order, now) if _lives_otherwise(old, wanted) else order.expires_at
        if wanted.transmit and not order.transmitted:
            self._start(order, self._registry.by_perm(order.parent_perm_id), now)
            return
        self._floor.tell(order)
        self._floor.wake(order)
        self._run([order], now)

    def _merge(self, order: Order, request: OrderRequest) -> OrderRequest:
        """The new request with what the exchange had filled in kept."""
        old = order.request
        return replace(
            request,
            account=self._account,
            parent_id=old.parent_id,
            oca_group=request.oca_group or old.oca_group,
            oca_type=(request.oca_type if request.oca_group else old.oca_type) or _REDUCE_WITHOUT_BLOCK,
        )

    # --- words ---

    def _refuse(self, request: OrderRequest, refusal: Refusal, *, order: Order | None = None) -> None:
        view = None if order is None else order.view()
        self._floor.out.append(
            Rejected(request.client_id, request.order_id, refusal.code, refusal.text, view)
        )

    def _notice(self, order: Order, code: int, text: str) -> None:
        self._floor.out.append(Notice(order.request.client_id, order.request.order_id, code, text))


def _cannot_wait(order: Order) -> bool:
    return order.request.tif == "IOC" and order.released and not order.waits_for_trigger and order.transmitted


def _loses_place(old: OrderRequest, new: OrderRequest) -> bool:
    """A new price or more size goes to the back of the queue; less size keeps its place."""
    return new.quantity > old.quantity or (new.limit_price, new.order_type) != (
        old.limit_price,
        old.order_type,
    )


def _lives_otherwise(old: OrderRequest, new: OrderRequest) -> bool:
    return (old.tif, old.good_till, old.outside_rth) != (new.tif, new.good_till, new.outside_rth)
