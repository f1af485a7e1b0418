"""Orders, executions and commissions as server messages, for every served version.

One place knows the column order of openOrder and completedOrder; the blocks the two share are written
once. What this exchange does not trade (combos, algos, pegs, conditions) is always the empty block.
"""

from __future__ import annotations

from typing import Final

from engine.gateway.codec import UNSET_INT, Field, message
from engine.gateway.model import UNSET, Contract, ExecutionView, OrderView, Status, WhatIf
from engine.gateway.wire_text import contract_columns, time_text

_OPEN_ORDER: Final = 5
_ORDER_STATUS: Final = 3
_EXECUTION: Final = 11
_COMMISSION: Final = 59
_COMPLETED_ORDER: Final = 101
_CURRENCY: Final = "USD"
_PEG_FIELDS: Final[tuple[Field, ...]] = (None, None, None, None, None)


def open_order(order: OrderView, contract: Contract, *, version: int, what_if: WhatIf | None = None) -> bytes:
    """openOrder (5): the order with its state; with margins and commission for a what-if."""
    request = order.request
    fields: list[Field] = [
        _OPEN_ORDER,
        request.order_id,
        *contract_columns(contract),
        *_terms(order),
        request.client_id,
        order.perm_id,
        request.outside_rth,
        False,  # hidden
        0,  # discretionaryAmt
        "",  # goodAfterTime
        "",  # sharesAllocation, deprecated
        *_allocation(order, version=version),
        *_routing_and_short_sale(),
        0,  # auctionStrategy
        *_reference_prices(),
        None,  # displaySize
        False,  # blockOrder
        False,  # sweepToFill
        False,  # allOrNone
        None,  # minQty
        request.oca_type,
        False,  # eTradeOnly
        False,  # firmQuoteOnly
        None,  # nbboPriceCap
        request.parent_id,
        0,  # triggerMethod
        None,  # volatility
        0,  # volatilityType
        *_delta_neutral_open(),
        *_trailing(order),
        None,  # basisPoints
        None,  # basisPointsType
        *_no_legs_no_scale_no_hedge(),
        False,  # optOutSmartRouting
        *_clearing_and_algo(),
        False,  # solicited
        request.what_if,
        *_state(order, what_if),
        *_adjustments(order),
        *_modern(version),
    ]
    return message(*fields)


def completed_order(order: OrderView, contract: Contract, *, version: int) -> bytes:
    """completedOrder (101): an order that is done. There is no order id in it, as at TWS."""
    request = order.request
    fields: list[Field] = [
        _COMPLETED_ORDER,
        *contract_columns(contract),
        *_terms(order),
        order.perm_id,
        request.outside_rth,
        False,  # hidden
        0,  # discretionaryAmt
        "",  # goodAfterTime
        *_allocation(order, version=version),
        *_routing_and_short_sale(),
        *_reference_prices(),
        None,  # displaySize
        False,  # sweepToFill
        False,  # allOrNone
        None,  # minQty
        request.oca_type,
        0,  # triggerMethod
        None,  # volatility
        0,  # volatilityType
        *("None", None, 0, False, 0, ""),  # delta neutral order type, its price, its block of four
        *_trailing(order),
        *_no_legs_no_scale_no_hedge(),
        *_clearing_and_algo(),
        False,  # solicited
        order.status,
        False,  # randomizeSize
        False,  # randomizePrice
        0,  # conditions
        *_completion(order, version=version),
    ]
    return message(*fields)


def _completion(order: OrderView, *, version: int) -> tuple[Field, ...]:
    completed_at = "" if order.completed_at is None else time_text(order.completed_at, version=version)
    tail: tuple[Field, ...] = (
        _stop(order),
        None,  # lmtPriceOffset
        None,  # cashQty
        True,  # dontUseAutoPriceForHedge
        False,  # isOmsContainer
        "",  # autoCancelDate
        order.filled,
        0,  # refFuturesConId
        False,  # autoCancelParent
        "Not an insider or substantial shareholder",
        False,  # imbalanceOnly
        False,  # routeMarketableToBbo
        order.parent_perm_id,
        completed_at,
        order.completed_text,
    )
    return (*tail, *_PEG_FIELDS) if version >= 170 else tail


def order_status(order: OrderView) -> bytes:
    """orderStatus (3): how far an order has come."""
    return message(
        _ORDER_STATUS,
        order.request.order_id,
        order.status,
        order.filled,
        order.remaining,
        order.avg_fill_price,
        order.perm_id,
        order.request.parent_id,
        order.last_fill_price,
        order.request.client_id,
        order.why_held,
        0,
    )


def execution(fill: ExecutionView, contract: Contract, *, request_id: int, version: int) -> bytes:
    """execDetails (11); `request_id` is -1 for a live fill."""
    fields: list[Field] = [
        _EXECUTION,
        request_id,
        fill.request.order_id,
        *contract_columns(contract),
        fill.exec_id,
        time_text(fill.ts, version=version),
        fill.request.account,
        fill.exchange,
        "BOT" if fill.action == "BUY" else "SLD",
        fill.quantity,
        fill.price,
        fill.perm_id,
        fill.request.client_id,
        0,  # liquidation
        fill.cum_quantity,
        fill.avg_price,
        fill.request.order_ref,
        "",  # evRule
        None,  # evMultiplier
        "",  # modelCode
        fill.liquidity,
    ]
    if version >= 178:
        fields.append(False)  # pendingPriceRevision
    return message(*fields)


def commission_report(fill: ExecutionView) -> bytes:
    """commissionReport (59): what a fill cost; realised P&L is unset where it opened."""
    realized: Field = UNSET if fill.realized_pnl is None else fill.realized_pnl
    return message(_COMMISSION, 1, fill.exec_id, fill.commission, _CURRENCY, realized, UNSET, "")


def _terms(order: OrderView) -> tuple[Field, ...]:
    request = order.request
    return (
        request.action,
        request.quantity,
        request.order_type,
        request.limit_price or 0,
        _aux(order),
        request.tif,
        request.oca_group,
        request.account,
        "",  # openClose
        0,  # origin: customer
        request.order_ref,
    )


def _aux(order: OrderView) -> float:
    return order.request.aux_price or 0


def _allocation(order: OrderView, *, version: int) -> tuple[Field, ...]:
    advisor: tuple[Field, ...] = ("", "", "", "") if version < 177 else ("", "", "")
    good_till = order.request.good_till
    return (*advisor, "", "" if good_till is None else time_text(good_till, version=version))


def _routing_and_short_sale() -> tuple[Field, ...]:
    # rule80A, percentOffset, settlingFirm, shortSaleSlot, designatedLocation, exemptCode
    return ("", None, "", 0, "", -1)


def _reference_prices() -> tuple[Field, ...]:
    return (None, None, None, None, None)  # startingPrice, stockRefPrice, delta, stock range


def _delta_neutral_open() -> tuple[Field, ...]:
    # TWS names the type "None", which is not empty: its block of eight therefore follows.
    return ("None", None, 0, "", "", "", "?", False, 0, "")


def _stop(order: OrderView) -> Field:
    return order.stop_price if order.stop_price is not None else order.request.trail_stop_price


def _trailing(order: OrderView) -> tuple[Field, ...]:
    # continuousUpdate, referencePriceType, trailStopPrice, trailingPercent
    return (False, 0, _stop(order), order.request.trailing_percent)


def _no_legs_no_scale_no_hedge() -> tuple[Field, ...]:
    # description, legs, order legs, routing parameters, scale sizes and increment, hedge type
    return ("", 0, 0, 0, None, None, None, "")


def _clearing_and_algo() -> tuple[Field, ...]:
    # clearingAccount, clearingIntent, notHeld, deltaNeutralContract, algoStrategy
    return ("", "IB", False, False, "")


def _state(order: OrderView, what_if: WhatIf | None) -> tuple[Field, ...]:
    if what_if is None:
        return (order.status, *(UNSET,) * 12, "", "", False, False, 0)
    effect = what_if
    return (
        Status.PRE_SUBMITTED,
        effect.initial_before,
        effect.maintenance_before,
        effect.equity_before,
        effect.initial_change,
        effect.maintenance_change,
        effect.equity_change,
        effect.initial_before + effect.initial_change,
        effect.maintenance_before + effect.maintenance_change,
        effect.equity_before + effect.equity_change,
        effect.commission,
        UNSET,  # minCommission
        UNSET,  # maxCommission
        _CURRENCY,
        effect.warning,
        False,  # randomizeSize
        False,  # randomizePrice
        0,  # conditions
    )


def _adjustments(order: OrderView) -> tuple[Field, ...]:
    return (
        "None",  # adjustedOrderType
        None,  # triggerPrice
        _stop(order),
        None,  # lmtPriceOffset
        None,  # adjustedStopPrice
        None,  # adjustedStopLimitPrice
        None,  # adjustedTrailingAmount
        0,  # adjustableTrailingUnit
        "",
        "",
        "",  # soft dollar tier
        None,  # cashQty
        True,  # dontUseAutoPriceForHedge
        False,  # isOmsContainer
        None,  # discretionaryUpToLimitPrice
        False,  # usePriceMgmtAlgo
    )


def _modern(version: int) -> tuple[Field, ...]:
    fields: list[Field] = []
    if version >= 159:
        fields.append(UNSET_INT)  # duration
    if version >= 160:
        fields.append(UNSET_INT)  # postToAts
    if version >= 162:
        fields.append(False)  # autoCancelParent
    if version >= 170:
        fields.extend(_PEG_FIELDS)
    return tuple(fields)
