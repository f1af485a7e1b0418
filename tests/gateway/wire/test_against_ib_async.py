"""Our encoders through a real client's decoder, and its encoder through our parser, at every version gate."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import ib_async
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async.client import Client
from ib_async.decoder import Decoder
from ib_async.wrapper import Wrapper

from engine.gateway import encode_contracts, encode_orders
from engine.gateway.codec import FieldReader, split_fields
from engine.gateway.instruments import load_instruments
from engine.gateway.model import ExecutionView, OrderRequest, OrderView, Status, WhatIf
from engine.gateway.parse_orders import read_place_order
from tests.examples import examples
from tests.gateway.wire.world import DAY

VERSIONS = range(157, 179)
LISTED = {item.contract.local_symbol: item.contract for item in load_instruments().listing(DAY).values()}
SPY, ES = LISTED["SPY"], LISTED["ESZ6"]

prices = st.one_of(st.none(), st.integers(1, 10**6).map(lambda ticks: ticks / 100))
requests = st.builds(
    OrderRequest,
    client_id=st.integers(0, 999),
    order_id=st.integers(1, 10**6),
    con_id=st.just(SPY.con_id),
    action=st.sampled_from(["BUY", "SELL"]),
    quantity=st.integers(1, 10**6),
    order_type=st.sampled_from(["MKT", "LMT", "STP", "STP LMT", "TRAIL"]),
    limit_price=prices,
    aux_price=prices,
    trail_stop_price=prices,
    trailing_percent=st.one_of(st.none(), st.sampled_from([0.5, 1.0, 2.0])),
    tif=st.sampled_from(["DAY", "GTC", "GTD"]),
    good_till=st.one_of(st.none(), st.just(1_795_200_000.0)),
    oca_group=st.sampled_from(["", "oca-1"]),
    oca_type=st.integers(1, 3),
    account=st.just("DU9000001"),
    order_ref=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30),
    parent_id=st.integers(0, 9),
    outside_rth=st.booleans(),
)
orders = st.builds(
    OrderView,
    request=requests,
    perm_id=st.integers(1, 2**31 - 1),
    status=st.sampled_from(list(Status)),
    filled=st.integers(0, 1000),
    remaining=st.integers(0, 1000),
    avg_fill_price=st.just(1.25),
    last_fill_price=st.just(1.25),
    completed_at=st.just(1_795_200_000.0),
    completed_text=st.just("Filled Size: 100"),
    stop_price=prices,
)
fills = st.builds(
    ExecutionView,
    exec_id=st.just("0000e0d5.0000002a.01.01"),
    ts=st.just(1_795_200_000.0),
    request=requests,
    perm_id=st.integers(1, 2**31 - 1),
    con_id=st.just(SPY.con_id),
    action=st.sampled_from(["BUY", "SELL"]),
    quantity=st.integers(1, 1000),
    price=st.just(665.11),
    cum_quantity=st.integers(1, 1000),
    avg_price=st.just(665.11),
    exchange=st.just("ARCA"),
    liquidity=st.sampled_from([1, 2]),
    commission=st.just(1.0),
    realized_pnl=st.one_of(st.none(), st.just(12.5)),
)


class Judge(Wrapper):
    """Records what the decoder hands over; nothing of the library is changed."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        super().__init__(ib_async.IB())

    def openOrder(self, *arguments: Any) -> None:
        self.calls.append(("openOrder", arguments))

    def completedOrder(self, *arguments: Any) -> None:
        self.calls.append(("completedOrder", arguments))

    def execDetails(self, *arguments: Any) -> None:
        self.calls.append(("execDetails", arguments))

    def contractDetails(self, *arguments: Any) -> None:
        self.calls.append(("contractDetails", arguments))


def decoded(payload: bytes, *, version: int) -> tuple[str, tuple[Any, ...]]:
    judge = Judge()
    fields = payload[4:-1].decode().split("\0")
    # The decoder itself logs and goes on after an error; its handler, called directly, does not.
    Decoder(judge, version).handlers[int(fields[0])](fields)
    (call,) = judge.calls
    return call


@pytest.mark.parametrize("version", VERSIONS)
@given(order=orders)
@settings(max_examples=examples(25), deadline=None)
def test_open_orders_arrive_as_they_are(version: int, order: OrderView) -> None:
    name, (order_id, contract, seen, state) = decoded(
        encode_orders.open_order(order, SPY, version=version), version=version
    )

    request = order.request
    assert (name, order_id) == ("openOrder", request.order_id)
    assert (contract.conId, contract.symbol) == (SPY.con_id, "SPY")
    assert (seen.action, seen.totalQuantity, seen.orderType) == (
        request.action,
        request.quantity,
        request.order_type,
    )
    assert (seen.tif, seen.orderRef, seen.ocaGroup) == (request.tif, request.order_ref, request.oca_group)
    assert (seen.permId, seen.parentId, seen.outsideRth) == (
        order.perm_id,
        request.parent_id,
        request.outside_rth,
    )
    assert seen.lmtPrice == (request.limit_price or 0)
    assert state.status == order.status
    assert seen.usePriceMgmtAlgo is False


@pytest.mark.parametrize("version", VERSIONS)
@given(order=orders)
@settings(max_examples=examples(25), deadline=None)
def test_completed_orders_arrive_as_they_are(version: int, order: OrderView) -> None:
    name, (contract, seen, state) = decoded(
        encode_orders.completed_order(order, ES, version=version), version=version
    )

    assert name == "completedOrder"
    assert (contract.localSymbol, contract.multiplier) == ("ESZ6", "50")
    assert (seen.permId, seen.filledQuantity, seen.orderRef) == (
        order.perm_id,
        order.filled,
        order.request.order_ref,
    )
    assert (state.status, state.completedStatus) == (order.status, "Filled Size: 100")
    assert state.completedTime.startswith("2026")


@pytest.mark.parametrize("version", VERSIONS)
@given(fill=fills)
@settings(max_examples=examples(15), deadline=None)
def test_executions_arrive_as_they_are(version: int, fill: ExecutionView) -> None:
    name, (request_id, contract, seen) = decoded(
        encode_orders.execution(fill, SPY, request_id=-1, version=version), version=version
    )

    assert (name, request_id, contract.conId) == ("execDetails", -1, SPY.con_id)
    assert (seen.execId, seen.shares, seen.price) == (fill.exec_id, fill.quantity, fill.price)
    assert seen.side == ("BOT" if fill.action == "BUY" else "SLD")
    assert (seen.orderRef, seen.cumQty, seen.lastLiquidity) == (
        fill.request.order_ref,
        fill.cum_quantity,
        fill.liquidity,
    )
    if version >= 174:
        assert seen.time.timestamp() == fill.ts


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("contract", [SPY, ES])
def test_contract_details_arrive_as_they_are(version: int, contract: Any) -> None:
    payload = encode_contracts.contract_data(
        contract, request_id=5, hours=("20261120:0930-20261120:1600", "20261120:CLOSED"), version=version
    )

    name, (request_id, seen) = decoded(payload, version=version)

    assert (name, request_id) == ("contractDetails", 5)
    assert (seen.contract.conId, seen.contract.localSymbol) == (contract.con_id, contract.local_symbol)
    assert seen.contract.lastTradeDateOrContractMonth == contract.expiry
    assert (seen.minTick, seen.longName) == (contract.min_tick, contract.long_name)
    assert (seen.tradingHours, seen.liquidHours) == ("20261120:0930-20261120:1600", "20261120:CLOSED")
    assert seen.stockType == contract.stock_type
    assert seen.marketRuleIds.split(",")[0] == str(contract.market_rule_id)


def test_a_what_if_carries_margins_and_commission() -> None:
    order = OrderView(
        OrderRequest(1, 2, SPY.con_id, "BUY", 10, "MKT", what_if=True),
        0,
        Status.PRE_SUBMITTED,
        0,
        10,
        0.0,
        0.0,
    )
    effect = WhatIf(100.0, 50.0, 1000.0, 25.5, 12.25, -1.0, 1.0)

    _, (_, _, seen, state) = decoded(
        encode_orders.open_order(order, SPY, version=178, what_if=effect), version=178
    )

    assert seen.whatIf
    assert (float(state.initMarginChange), float(state.initMarginAfter)) == (25.5, 125.5)
    assert (state.commission, state.commissionCurrency) == (1.0, "USD")


@pytest.mark.parametrize(
    ("version", "count"), [(157, 128), (164, 131), (169, 131), (170, 136), (176, 136), (178, 135)]
)
def test_the_number_of_open_order_fields_is_that_of_real_captures(version: int, count: int) -> None:
    order = OrderView(OrderRequest(1, 2, SPY.con_id, "BUY", 10, "MKT"), 9, Status.SUBMITTED, 0, 10, 0.0, 0.0)

    assert len(split_fields(encode_orders.open_order(order, SPY, version=version)[4:])) == count


def sent_by_client(order: ib_async.Order, contract: ib_async.Contract, *, version: int) -> list[str]:
    """The fields ib_async's own client writes for placeOrder."""
    client = Client(Wrapper(ib_async.IB()))
    client._serverVersion = version
    sent: list[str] = []
    with patch.object(client, "sendMsg", sent.append), patch.object(client, "isConnected", lambda: True):
        client.placeOrder(42, contract, order)
    return sent[0].split("\0")[1:-1]


conditions = st.lists(
    st.one_of(
        st.builds(ib_async.PriceCondition, price=st.just(1.5), conId=st.just(1)),
        st.builds(ib_async.TimeCondition, time=st.just("20261120 10:00:00")),
        st.builds(ib_async.MarginCondition, percent=st.just(5)),
        st.builds(ib_async.ExecutionCondition, symbol=st.just("SPY")),
        st.builds(ib_async.VolumeCondition, volume=st.just(5)),
        st.builds(ib_async.PercentChangeCondition, changePercent=st.just(1.0)),
    ),
    max_size=3,
)
client_orders = st.builds(
    ib_async.Order,
    action=st.sampled_from(["BUY", "SELL"]),
    totalQuantity=st.integers(1, 1000),
    orderType=st.sampled_from(["MKT", "LMT", "STP LMT", "TRAIL", "PEG BENCH", "PEG BEST", "PEG MID"]),
    lmtPrice=st.sampled_from([ib_async.util.UNSET_DOUBLE, 1.25]),
    auxPrice=st.sampled_from([ib_async.util.UNSET_DOUBLE, 2.5]),
    tif=st.sampled_from(["", "DAY", "GTC"]),
    orderRef=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
    transmit=st.booleans(),
    parentId=st.integers(0, 5),
    whatIf=st.booleans(),
    conditions=conditions,
    algoStrategy=st.sampled_from(["", "Adaptive"]),
    algoParams=st.just([ib_async.TagValue("adaptivePriority", "Normal")]),
    hedgeType=st.sampled_from(["", "B"]),
    deltaNeutralOrderType=st.sampled_from(["", "MKT"]),
    scalePriceIncrement=st.sampled_from([ib_async.util.UNSET_DOUBLE, 0.5]),
    competeAgainstBestOffset=st.sampled_from([float("inf"), 0.1]),
)
CONTRACTS = (
    ib_async.Stock("SPY", "SMART", "USD"),
    ib_async.Stock("SPY", "IBKRATS", "USD"),
    ib_async.Future("ES", "202612", "CME"),
    ib_async.Bag(
        symbol="SPY",
        exchange="SMART",
        currency="USD",
        comboLegs=[ib_async.ComboLeg(conId=1, ratio=1, action="BUY", exchange="SMART")],
    ),
)
# By index: the library's contracts refuse to be hashed, which sampling from them would try.
client_contracts = st.integers(0, len(CONTRACTS) - 1).map(lambda index: CONTRACTS[index])


@pytest.mark.parametrize("version", VERSIONS)
@given(order=client_orders, contract=client_contracts)
@settings(max_examples=examples(25), deadline=None)
def test_every_place_order_of_a_real_client_is_read_to_the_last_field(
    version: int, order: ib_async.Order, contract: ib_async.Contract
) -> None:
    expected = order.orderRef, order.transmit, order.parentId, order.whatIf

    read = read_place_order(FieldReader(sent_by_client(order, contract, version=version)), version=version)

    assert (read.order_ref, read.transmit, read.parent_id, read.what_if) == expected
    assert read.order_id == 42
    assert (read.limit_price is None) == (order.lmtPrice == ib_async.util.UNSET_DOUBLE)
    assert ("conditions" in read.unsupported) == bool(order.conditions)
    assert ("algoStrategy" in read.unsupported) == bool(order.algoStrategy)


def test_an_order_of_another_version_leaves_fields_over_and_is_refused() -> None:
    fields = sent_by_client(
        ib_async.MarketOrder("BUY", 1), ib_async.Stock("SPY", "SMART", "USD"), version=178
    )

    with pytest.raises(Exception, match="fields more than version 157 knows"):
        read_place_order(FieldReader([*fields[:-5], *fields[-4:], "", ""]), version=157)
