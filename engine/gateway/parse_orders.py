"""placeOrder, cancelOrder and reqExecutions as clients write them, read to the last field.

The message has no lengths of its own: one wrongly counted field shifts all that follow. It is therefore
read in the order of its columns, gate by gate, and a field left over at the end is an error, never
ignored. What this exchange does not simulate is named and refused, never silently dropped.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from engine.gateway.codec import FieldError, FieldReader
from engine.gateway.parse_contracts import ContractQuery, read_contract
from engine.gateway.wire_text import parse_time

_DEFAULT_OCA_TYPE: Final = 3
_MOST_LIST_ITEMS: Final = 1000
_PEG_BENCH: Final = frozenset({"PEG BENCH", "PEGBENCH"})
_PEG_BEST: Final = frozenset({"PEG BEST", "PEGBEST"})
_PEG_MID: Final = frozenset({"PEG MID", "PEGMID"})
_CONDITION_FIELDS: Final = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}
"""Fields after the type: price, time, margin, execution, volume, percent change; conjunction included."""


class PlaceOrder(NamedTuple):
    """A placeOrder message: the terms this exchange trades, and the names of those it cannot."""

    order_id: int
    contract: ContractQuery
    action: str
    quantity: float
    order_type: str
    limit_price: float | None
    aux_price: float | None
    tif: str
    oca_group: str
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    outside_rth: bool
    good_till: float | None
    oca_type: int
    trail_stop_price: float | None
    trailing_percent: float | None
    what_if: bool
    unsupported: tuple[str, ...]


class _Head(NamedTuple):
    action: str
    quantity: float
    order_type: str
    limit_price: float | None
    aux_price: float | None
    tif: str
    oca_group: str
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    outside_rth: bool


def read_place_order(reader: FieldReader, *, version: int) -> PlaceOrder:
    """The whole message after its id. Raises FieldError on a bad, missing or left-over field."""
    unsupported: list[str] = []
    order_id = reader.integer("orderId")
    contract = read_contract(reader)
    reader.skip(2, name="secId")
    head = _read_head(reader, unsupported)
    if contract.sec_type == "BAG":
        _skip_combo(reader)
    good_till, oca_type = _read_routing(reader, unsupported, version=version)
    trail_stop, trailing_percent = _read_volatility_and_scale(reader, unsupported)
    what_if = _read_algo(reader, unsupported)
    _read_conditions(reader, unsupported, order_type=head.order_type)
    _read_tail(reader, unsupported)
    _skip_modern(reader, version=version, order_type=head.order_type, exchange=contract.exchange)
    if reader.left:
        raise FieldError(f"placeOrder {order_id} has {reader.left} fields more than version {version} knows")
    return PlaceOrder(
        order_id=order_id,
        contract=contract,
        good_till=good_till,
        oca_type=oca_type,
        trail_stop_price=trail_stop,
        trailing_percent=trailing_percent,
        what_if=what_if,
        unsupported=tuple(unsupported),
        **head._asdict(),
    )


def _read_head(reader: FieldReader, unsupported: list[str]) -> _Head:
    action = reader.text("action")
    quantity = reader.number("totalQuantity")
    order_type = reader.text("orderType")
    limit_price = reader.number("lmtPrice")
    aux_price = reader.number("auxPrice")
    tif = reader.text("tif")
    oca_group = reader.text("ocaGroup")
    account = reader.text("account")
    reader.skip(2, name="openClose, origin")
    order_ref = reader.text("orderRef")
    transmit = reader.flag("transmit")
    parent_id = reader.integer("parentId")
    reader.skip(2, name="blockOrder, sweepToFill")
    if reader.integer("displaySize"):
        unsupported.append("displaySize")
    reader.skip(1, name="triggerMethod")
    outside_rth = reader.flag("outsideRth")
    if reader.flag("hidden"):
        unsupported.append("hidden")
    return _Head(
        action=action,
        quantity=quantity or 0.0,
        order_type=order_type,
        limit_price=limit_price,
        aux_price=aux_price,
        tif=tif or "DAY",
        oca_group=oca_group,
        account=account,
        order_ref=order_ref,
        transmit=transmit,
        parent_id=parent_id,
        outside_rth=outside_rth,
    )


def _skip_combo(reader: FieldReader) -> None:
    for name, width in (("comboLegs", 8), ("orderComboLegs", 1), ("smartComboRoutingParams", 2)):
        count = reader.count(name, most=_MOST_LIST_ITEMS)
        reader.skip(count * width, name=name)


def _read_routing(reader: FieldReader, unsupported: list[str], *, version: int) -> tuple[float | None, int]:
    reader.skip(1, name="sharesAllocation")
    if reader.number("discretionaryAmt"):
        unsupported.append("discretionaryAmt")
    if reader.text("goodAfterTime"):
        unsupported.append("goodAfterTime")
    good_till = parse_time(reader.text("goodTillDate"), name="goodTillDate")
    reader.skip(3 if version >= 177 else 4, name="financial advisor")
    reader.skip(4, name="modelCode .. exemptCode")
    oca_type = reader.integer("ocaType") or _DEFAULT_OCA_TYPE
    reader.skip(2, name="rule80A, settlingFirm")
    if reader.flag("allOrNone"):
        unsupported.append("allOrNone")
    if reader.integer("minQty"):
        unsupported.append("minQty")
    reader.skip(5, name="percentOffset .. auctionStrategy")
    reader.skip(5, name="startingPrice .. stockRangeUpper")
    reader.skip(1, name="overridePercentageConstraints")
    return good_till, oca_type


def _read_volatility_and_scale(
    reader: FieldReader, unsupported: list[str]
) -> tuple[float | None, float | None]:
    reader.skip(2, name="volatility")
    delta_neutral = reader.text("deltaNeutralOrderType")
    reader.skip(1, name="deltaNeutralAuxPrice")
    if delta_neutral:
        reader.skip(8, name="delta neutral order")
    reader.skip(2, name="continuousUpdate, referencePriceType")
    trail_stop = reader.number("trailStopPrice")
    trailing_percent = reader.number("trailingPercent")
    reader.skip(2, name="scale sizes")
    if (reader.number("scalePriceIncrement") or 0) > 0:
        unsupported.append("scale order")
        reader.skip(7, name="scale order")
    reader.skip(3, name="scaleTable, activeStartTime, activeStopTime")
    if reader.text("hedgeType"):
        unsupported.append("hedgeType")
        reader.skip(1, name="hedgeParam")
    return trail_stop, trailing_percent


def _read_algo(reader: FieldReader, unsupported: list[str]) -> bool:
    reader.skip(4, name="optOutSmartRouting .. notHeld")
    if reader.flag("deltaNeutralContract"):
        reader.skip(3, name="deltaNeutralContract")
    if reader.text("algoStrategy"):
        unsupported.append("algoStrategy")
        reader.skip(2 * reader.count("algoParams", most=_MOST_LIST_ITEMS), name="algoParams")
    reader.skip(1, name="algoId")
    what_if = reader.flag("whatIf")
    reader.skip(4, name="orderMiscOptions .. randomizePrice")
    return what_if


def _read_conditions(reader: FieldReader, unsupported: list[str], *, order_type: str) -> None:
    if order_type in _PEG_BENCH:
        reader.skip(5, name="pegged to benchmark")
    count = reader.count("conditions", most=_MOST_LIST_ITEMS)
    if count == 0:
        return
    unsupported.append("conditions")
    for _ in range(count):
        kind = reader.integer("condition type")
        if kind not in _CONDITION_FIELDS:
            raise FieldError(f"condition type {kind} is unknown")
        reader.skip(_CONDITION_FIELDS[kind], name="condition")
    reader.skip(2, name="conditionsIgnoreRth, conditionsCancelOrder")


def _read_tail(reader: FieldReader, unsupported: list[str]) -> None:
    if reader.text("adjustedOrderType") not in {"", "None"}:
        unsupported.append("adjustedOrderType")
    reader.skip(9, name="triggerPrice .. softDollarTier")
    if reader.number("cashQty"):
        unsupported.append("cashQty")
    reader.skip(8, name="mifid2 .. usePriceMgmtAlgo")


def _skip_modern(reader: FieldReader, *, version: int, order_type: str, exchange: str) -> None:
    gates = (158, 160, 162, 166, 169)  # duration, postToAts, autoCancelParent, error override, manual time
    reader.skip(sum(version >= gate for gate in gates), name="fields added from version 158 on")
    if version < 170:
        return
    if exchange == "IBKRATS":
        reader.skip(1, name="minTradeQty")
    if order_type in _PEG_BEST:
        reader.skip(1, name="minCompeteSize")
        if reader.number("competeAgainstBestOffset", may_be_infinite=True) == math.inf:
            reader.skip(2, name="midOffset")
    elif order_type in _PEG_MID:
        reader.skip(2, name="midOffset")
