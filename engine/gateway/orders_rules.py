"""What the exchange refuses, and with which of TWS's codes. Pure: values in, a refusal or None out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.gateway.model import Contract, OrderRequest, Status
from engine.gateway.orders import BUY, LIMIT, MARKET, SELL, STOP, STOP_LIMIT, TRAIL, Order
from engine.gateway.orders_session import trading_day

NO_CONTRACT = 200
REJECTED = 201
DUPLICATE_ID = 103
ALREADY_FILLED = 104
DOES_NOT_MATCH = 105
OFF_GRID = 110
NOT_CANCELLABLE = 161
INVALID = 321
UNSUPPORTED_TYPE = 387
HELD_FOR_SESSION = 399
IGNORES_OUTSIDE_RTH = 2109
NO_PARENT = 10006
UNKNOWN_ID = 10147
WRONG_STATE = 10148

CANCEL_ALL = 1
"""OCA type: the first share of one order ends the others of its group."""

_TYPES = frozenset({MARKET, LIMIT, STOP, STOP_LIMIT, TRAIL})
_TIFS = frozenset({"DAY", "GTC", "GTD", "IOC"})
_GRID_TOLERANCE = 1e-6


class Refusal(NamedTuple):
    """Why not: TWS's error code and a sentence for people."""

    code: int
    text: str


def check_request(
    request: OrderRequest, *, contract: Contract | None, account: str, now: float
) -> Refusal | None:
    """The first rule an order breaks by itself, whatever else is working; None where it breaks none."""
    if contract is None:
        return Refusal(NO_CONTRACT, f"No security definition has been found for contract id {request.con_id}")
    checks: tuple[Callable[[], Refusal | None], ...] = (
        lambda: _check_words(request, account),
        lambda: _check_time(request, contract, now),
        lambda: _check_prices(request, contract),
    )
    return next((refusal for check in checks if (refusal := check()) is not None), None)


def _invalid(why: str) -> Refusal:
    return Refusal(INVALID, f"Error validating request: {why}")


def _check_words(request: OrderRequest, account: str) -> Refusal | None:
    if request.account not in ("", account):
        return _invalid(f"account '{request.account}' is unknown here; this gateway holds {account}")
    if request.action not in (BUY, SELL):
        return _invalid(f"action '{request.action}' is neither BUY nor SELL")
    if request.quantity <= 0:
        return _invalid(f"quantity {request.quantity} is not a whole number above zero")
    if request.order_type not in _TYPES:
        return Refusal(UNSUPPORTED_TYPE, f"Unsupported order type '{request.order_type}' for this exchange")
    if request.oca_group and request.oca_type not in (0, 1, 2, 3):
        return _invalid(f"OCA type {request.oca_type} is none of 1, 2, 3")
    return None


def _check_time(request: OrderRequest, contract: Contract, now: float) -> Refusal | None:
    if request.tif not in _TIFS:
        return _invalid(f"time in force '{request.tif}' is none of DAY, GTC, GTD, IOC")
    if request.tif == "GTD" and (request.good_till is None or request.good_till <= now):
        return _invalid("a good-till-date order needs a date in the future")
    if contract.expiry and contract.expiry < trading_day(now).replace("-", ""):
        return Refusal(
            REJECTED, f"Order rejected - reason: {contract.local_symbol} expired {contract.expiry}"
        )
    return None


def _check_prices(request: OrderRequest, contract: Contract) -> Refusal | None:
    if (missing := _missing_price(request)) is not None:
        return _invalid(missing)
    relevant = {
        LIMIT: (request.limit_price,),
        STOP: (request.aux_price,),
        STOP_LIMIT: (request.limit_price, request.aux_price),
        TRAIL: (request.trail_stop_price, request.aux_price if request.trailing_percent is None else None),
    }.get(request.order_type, ())
    for price in relevant:
        if price is None:
            continue
        if not is_on_grid(price, contract.min_tick):
            text = (
                f"The price {price:g} does not conform to the minimum price variation {contract.min_tick:g}"
            )
            return Refusal(OFF_GRID, f"{text} for this contract.")
        if price <= 0 and contract.sec_type != "FUT":
            return _invalid(f"price {price:g} is not above zero")
    return None


def _missing_price(request: OrderRequest) -> str | None:
    if request.order_type in (LIMIT, STOP_LIMIT) and request.limit_price is None:
        return f"a {request.order_type} order needs a limit price"
    if request.order_type in (STOP, STOP_LIMIT) and request.aux_price is None:
        return f"a {request.order_type} order needs a stop price"
    if request.order_type != TRAIL:
        return None
    percent = request.trailing_percent
    if percent is not None and not 0 < percent < 100:
        return f"trailing percent {percent:g} is not between 0 and 100"
    if percent is None and (request.aux_price is None or request.aux_price <= 0):
        return "a TRAIL order needs a trailing amount or percent above zero"
    return None


def is_on_grid(price: float, min_tick: float) -> bool:
    """True where the price is a whole number of ticks, float dust aside."""
    ticks = price / min_tick
    return abs(ticks - round(ticks)) < _GRID_TOLERANCE


def check_parent(request: OrderRequest, parent: Order | None) -> Refusal | None:
    """Why a child cannot be attached; None for orders without a parent."""
    if request.parent_id == 0 or (parent is not None and parent.is_open):
        return None
    return Refusal(NO_PARENT, f"Missing parent order {request.parent_id}: unknown or no longer working")


def refuse_late(oca_group: str) -> Refusal:
    """Why nothing joins a group of which the first share ends the rest."""
    return Refusal(REJECTED, f"Order rejected - reason: an order of OCA group {oca_group} has filled already")


def check_modification(order: Order, request: OrderRequest) -> Refusal | None:
    """Why a living order cannot become `request`; prices and words are checked by `check_request`."""
    old = order.request
    same = (old.con_id, old.action, old.account) == (
        request.con_id,
        request.action,
        request.account or old.account,
    )
    if not same:
        return Refusal(
            DOES_NOT_MATCH, "Order being modified does not match original order: contract, side or account"
        )
    if request.parent_id not in (0, old.parent_id):
        return Refusal(DOES_NOT_MATCH, "Order being modified does not match original order: parent")
    if order.elected and request.order_type != old.order_type:
        return Refusal(REJECTED, "Order rejected - reason: the type of an elected stop cannot change")
    if request.quantity <= order.filled:
        return Refusal(
            REJECTED,
            f"Order rejected - reason: new quantity {request.quantity} is not above the {order.filled} "
            "already filled; the order stays as it was. Cancel it instead.",
        )
    return None


def refuse_done(order: Order) -> Refusal:
    """Why an order that ended takes no new instruction under its id."""
    if order.status is Status.FILLED:
        return Refusal(ALREADY_FILLED, f"Cannot modify a filled order. Order id {order.request.order_id}")
    return duplicate_id(order.request.order_id)


def duplicate_id(order_id: int) -> Refusal:
    """An id that was used before."""
    return Refusal(DUPLICATE_ID, f"Duplicate order id {order_id}")


def refuse_cancel(order: Order | None, order_id: int) -> Refusal:
    """Why a cancel found nothing to cancel."""
    if order is None:
        return Refusal(UNKNOWN_ID, f"OrderId {order_id} that needs to be cancelled is not found.")
    if order.status is Status.INACTIVE:
        return Refusal(
            NOT_CANCELLABLE,
            f"Cancel attempted when order is not in a cancellable state. Order permId = {order.perm_id}",
        )
    return Refusal(
        WRONG_STATE,
        f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {order.status}.",
    )
