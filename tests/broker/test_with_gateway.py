"""The adapter against the embedded gateway, process to process: what a trading day asks of both."""

from __future__ import annotations

import asyncio
import math
import signal
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.broker.ibkr import IbkrBroker
from engine.broker.port import (
    AccountError,
    AccountValue,
    BrokerPosition,
    BrokerState,
    Commission,
    ConnectError,
    Execution,
    LinkEvent,
    LinkState,
    OrderClaim,
    OrderRefusal,
)
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side, Tif
from tests.broker.conftest import FAST, Connect, gateway_process
from tests.broker.hearing import Hearing, intent
from tests.waiting import eventually_async, lateness_s

pytestmark = pytest.mark.slow


async def spy_of(broker: IbkrBroker) -> Instrument:
    found = await broker.instruments("SPY", "STK", "SMART")
    assert found.value is not None, found.error
    return found.value[0]


async def state_of(broker: IbkrBroker) -> BrokerState:
    answer = await broker.state()
    assert answer.value is not None, answer.error
    return answer.value


async def price_of(broker: IbkrBroker, hearing: Hearing, instrument: Instrument) -> float:
    """A whole-dollar price near the market."""
    broker.subscribe(instrument)
    await eventually_async(lambda: hearing.quotes and hearing.quotes[-1].is_two_sided)
    return float(round(hearing.quotes[-1].mid))


async def send(broker: IbkrBroker, instrument: Instrument, wanted: OrderIntent) -> Order:
    order_id = broker.next_order_id()
    meant = replace(wanted, con_id=instrument.con_id, key=instrument.key)
    await broker.place(((meant, order_id),), instrument, parent_ids=(0,))
    return Order(meant, OrderState.WORKING, order_id=order_id)


def statuses(hearing: Hearing, ref: str) -> list[str]:
    return [claim.status for claim in hearing.of(OrderClaim) if claim.order_ref == ref]


async def test_the_gateway_names_itself_and_live_trading_on_it_is_refused(
    gateway_port: int, connect: Connect
) -> None:
    broker = IbkrBroker(replace(FAST, port=gateway_port, client_id=101))
    hello = await broker.connect(Hearing())
    await broker.disconnect()

    assert hello.gateway_kind == "embedded"
    assert hello.account.startswith("DU")
    assert hello.server_version in (176, 178)
    with pytest.raises(AccountError, match="embedded paper gateway"):
        await connect(gateway_port, mode="LIVE", client_id=101)


async def test_stocks_and_futures_come_with_grid_sessions_and_expiries(
    gateway_port: int, connect: Connect
) -> None:
    broker, _ = await connect(gateway_port, client_id=102)

    spy = await spy_of(broker)
    futures = await broker.instruments("ES", "FUT", "CME")

    assert (spy.key, spy.currency, spy.min_tick) == ("SPY", "USD", 0.01)
    assert spy.price_steps
    now = await broker.server_time()
    session = spy.liquid_session(now)
    assert session is not None
    assert session.close - session.open <= timedelta(hours=6.5)
    assert futures.value is not None
    expiries = [future.last_trade_date for future in futures.value]
    assert len(expiries) >= 2
    assert expiries == sorted(expiries, key=str)
    assert all(future.multiplier == 50 and future.key.startswith("ES") for future in futures.value)


async def test_history_ends_at_the_last_complete_bar(gateway_port: int, connect: Connect) -> None:
    broker, _ = await connect(gateway_port, client_id=103)
    spy = await spy_of(broker)

    minutes = await broker.history(spy, count=120, seconds=60)
    short = await broker.history(spy, count=30, seconds=5)
    days = await broker.history(spy, count=5, seconds=86400)

    for answer, count, seconds in ((minutes, 120, 60), (short, 30, 5), (days, 5, 86400)):
        assert answer.value is not None, answer.error
        assert len(answer.value) == count
        assert all(a.end < b.end for a, b in zip(answer.value, answer.value[1:], strict=False))
        assert {bar.seconds for bar in answer.value} == {seconds}


@pytest.mark.req("PLAN-M2-DATA-IB")
async def test_a_stretch_of_the_past_comes_whole_and_one_without_bars_is_empty_not_unknown(
    gateway_port: int, connect: Connect
) -> None:
    broker, _ = await connect(gateway_port, client_id=140)
    spy = await spy_of(broker)
    (latest,) = (await broker.history(spy, count=1, seconds=60)).value or ()
    start = latest.end - timedelta(minutes=30)

    minutes = await broker.history_between(spy, start=start, end=latest.end, seconds=60, span="3600 S")
    long_ago = start.replace(year=2001)
    none = await broker.history_between(spy, start=long_ago, end=long_ago, seconds=86400, span="5 D")
    nothing = await broker.history_between(spy, start=start, end=latest.end, seconds=60, span="forever")

    assert minutes.value is not None, minutes.error
    assert [bar.end for bar in minutes.value] == [start + timedelta(minutes=n + 1) for n in range(30)]
    assert none.value == ()
    assert nothing.value is None
    assert "Invalid duration" in nothing.error


@pytest.mark.req("PLAN-M3-BROKER", "PLAN-M3-IDMAP")
async def test_a_market_order_fills_and_every_report_carries_our_reference(
    gateway_port: int, connect: Connect
) -> None:
    broker, hearing = await connect(gateway_port, client_id=104)
    spy = await spy_of(broker)
    before = {p.con_id: p.quantity for p in (await state_of(broker)).positions}.get(spy.con_id, Decimal(0))

    await send(broker, spy, intent("ck-t-SPY-m1-entry"))
    await eventually_async(lambda: hearing.of(Commission))

    (execution,) = hearing.of(Execution)
    assert (execution.fill.order_ref, execution.fill.quantity, execution.live) == (
        "ck-t-SPY-m1-entry",
        10,
        True,
    )
    assert hearing.of(Commission)[0].exec_id == execution.fill.exec_id
    assert statuses(hearing, "ck-t-SPY-m1-entry")[-1] == "Filled"
    state = await state_of(broker)
    assert [e.fill.exec_id for e in state.executions if e.fill.order_ref == "ck-t-SPY-m1-entry"] == [
        execution.fill.exec_id
    ]
    assert any(c.exec_id == execution.fill.exec_id for c in state.commissions)
    done = [o for o in state.completed_orders if o.claim.order_ref == "ck-t-SPY-m1-entry"]
    assert [(o.claim.status, o.claim.perm_id, o.is_ours) for o in done] == [
        ("Filled", execution.fill.perm_id, True)
    ]
    held = {p.con_id: p.quantity for p in state.positions}[spy.con_id]
    assert held - before == 10
    await eventually_async(lambda: hearing.of(BrokerPosition)[-1].quantity == held)


@pytest.mark.req("PLAN-M3-BROKER")
@pytest.mark.parametrize("tif", [Tif.DAY, Tif.GTC])
@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT])
async def test_resting_orders_are_placed_changed_and_cancelled(
    gateway_port: int, connect: Connect, kind: OrderType, tif: Tif
) -> None:
    broker, hearing = await connect(gateway_port, client_id=105)
    spy = await spy_of(broker)
    price = await price_of(broker, hearing, spy)
    ref = f"ck-t-SPY-{kind.name}{tif}-entry"
    limit, stop = (price - 50, None) if kind is OrderType.LIMIT else (price + 60, price + 50)
    wanted = intent(ref, order_type=kind, tif=tif, limit_price=limit, stop_price=stop)

    order = await send(broker, spy, wanted)
    await eventually_async(lambda: statuses(hearing, ref)[-1:] in (["Submitted"], ["PreSubmitted"]))
    changed = replace(order.intent, quantity=7, limit_price=limit - 1, stop_price=stop and stop + 1)
    await broker.modify(order, changed, spy)
    mine = []

    async def is_changed() -> bool:
        mine[:] = [o for o in (await state_of(broker)).open_orders if o.claim.order_ref == ref]
        return [o.quantity for o in mine] == [Decimal(7)]

    await eventually_async(is_changed)
    assert mine[0].stop_price == changed.stop_price
    assert mine[0].limit_price == (None if kind is OrderType.STOP else changed.limit_price)
    assert mine[0].is_ours

    await broker.cancel(order)
    await eventually_async(lambda: statuses(hearing, ref)[-1] == "Cancelled")
    assert not [o for o in (await state_of(broker)).open_orders if o.claim.order_ref == ref]


async def test_a_bracket_rests_linked_and_ends_with_its_parent(gateway_port: int, connect: Connect) -> None:
    broker, hearing = await connect(gateway_port, client_id=106)
    spy = await spy_of(broker)
    price = await price_of(broker, hearing, spy)
    parent, child = broker.next_order_id(), broker.next_order_id()
    entry = intent(
        "ck-t-SPY-b-entry",
        con_id=spy.con_id,
        order_type=OrderType.LIMIT,
        limit_price=price - 50,
        transmit=False,
    )
    stop = replace(
        intent("ck-t-SPY-b-stop", con_id=spy.con_id, order_type=OrderType.STOP, stop_price=price - 60),
        side=Side.SELL,
        role=Role.STOP,
        tif=Tif.GTC,
    )

    await broker.place(((entry, parent), (stop, child)), spy, parent_ids=(0, parent))
    await eventually_async(
        lambda: "Submitted" in statuses(hearing, entry.ref) and statuses(hearing, stop.ref)
    )

    open_orders = {o.claim.order_ref: o for o in (await state_of(broker)).open_orders}
    assert open_orders[stop.ref].parent_id == parent
    assert open_orders[stop.ref].stop_price == price - 60
    await broker.cancel(Order(entry, OrderState.WORKING, order_id=parent))
    await eventually_async(lambda: statuses(hearing, stop.ref)[-1] == "Cancelled")


async def test_a_price_off_the_grid_is_refused_by_the_broker_and_nothing_rests(
    gateway_port: int, connect: Connect
) -> None:
    broker, hearing = await connect(gateway_port, client_id=107)
    spy = await spy_of(broker)

    order = await send(
        broker, spy, intent("ck-t-SPY-g-entry", order_type=OrderType.LIMIT, limit_price=100.12345)
    )
    await eventually_async(lambda: hearing.of(OrderRefusal))

    refusal = hearing.of(OrderRefusal)[0]
    assert (refusal.code, refusal.order_id, refusal.order_ref) == (110, order.order_id, "ck-t-SPY-g-entry")
    assert not [o for o in (await state_of(broker)).open_orders if o.claim.order_ref == refusal.order_ref]


async def test_margin_and_commission_are_told_without_an_order(gateway_port: int, connect: Connect) -> None:
    broker, hearing = await connect(gateway_port, client_id=108)
    spy = await spy_of(broker)

    answer = await broker.what_if(intent(con_id=spy.con_id), spy)

    assert answer.value is not None, answer.error
    assert answer.value.initial_change_usd > 0
    assert hearing.of(OrderClaim) == []


async def test_quotes_bars_and_depth_arrive_sane(gateway_port: int, connect: Connect) -> None:
    broker, hearing = await connect(gateway_port, client_id=109)
    spy = await spy_of(broker)

    broker.subscribe(spy)
    broker.subscribe_depth(spy, 5)
    await eventually_async(
        lambda: len(hearing.quotes) > 5 and hearing.bars and len(hearing.books) > 5, within_s=20
    )

    assert all(q.bid <= q.ask for q in hearing.quotes if q.is_two_sided)
    assert not math.isnan(hearing.quotes[-1].bid)
    assert hearing.bars[0].end.second % 5 == 0
    assert all(book.bids[0].price <= book.asks[0].price for book in hearing.books if book.bids and book.asks)
    assert max(len(book.bids) for book in hearing.books) == 5
    broker.unsubscribe(spy)


@pytest.mark.req("PLAN-M3-BROKER")
async def test_a_future_trades_by_its_contract_id(gateway_port: int, connect: Connect) -> None:
    broker, hearing = await connect(gateway_port, client_id=114)
    found = await broker.instruments("ES", "FUT", "CME")
    assert found.value is not None, found.error
    front = found.value[0]

    broker.subscribe(front)
    await eventually_async(lambda: hearing.quotes and hearing.quotes[-1].is_two_sided)
    bars = await broker.history(front, count=20, seconds=60)
    await send(broker, front, intent("ck-t-ES-1-entry", quantity=1))
    await eventually_async(lambda: hearing.of(Commission))

    assert hearing.quotes[-1].key == front.key
    assert bars.ok
    (execution,) = hearing.of(Execution)
    assert (execution.fill.key, execution.fill.con_id) == (front.key, front.con_id)
    await send(broker, front, intent("ck-t-ES-2-exit", quantity=1, side=Side.SELL))
    await eventually_async(lambda: len(hearing.of(Commission)) == 2)


@pytest.mark.req("FUT-F1", "PLAN-M3-IDMAP")
async def test_a_fresh_connection_finds_its_open_order_and_executions_again(
    gateway_port: int, connect: Connect
) -> None:
    first, hearing = await connect(gateway_port, client_id=110)
    spy = await spy_of(first)
    price = await price_of(first, hearing, spy)
    order = await send(
        first,
        spy,
        intent("ck-t-SPY-r-entry", order_type=OrderType.LIMIT, limit_price=price - 50, tif=Tif.GTC),
    )
    await send(first, spy, intent("ck-t-SPY-r2-entry"))
    await eventually_async(lambda: hearing.of(Commission))
    used = first.highest_order_id
    await first.disconnect()

    second, again = await connect(gateway_port, client_id=110)
    state = await state_of(second)

    (found,) = [o for o in state.open_orders if o.claim.order_ref == "ck-t-SPY-r-entry"]
    assert (found.claim.order_id, found.is_ours) == (order.order_id, True)
    replayed = [e for e in state.executions if e.fill.order_ref == "ck-t-SPY-r2-entry"]
    assert [e.fill for e in replayed] == [e.fill for e in hearing.of(Execution)]
    assert not any(e.live for e in replayed)
    assert second.next_order_id() > used
    await second.cancel(order)
    await eventually_async(lambda: statuses(again, "ck-t-SPY-r-entry")[-1:] == ["Cancelled"])


@pytest.mark.req("FUT-F1")
async def test_a_client_id_in_use_is_told_at_once(gateway_port: int, connect: Connect) -> None:
    await connect(gateway_port, client_id=111)

    with pytest.raises(ConnectError, match=r"client id 111.*326"):
        await connect(gateway_port, client_id=111, connect_timeout_s=30.0)


async def test_orders_of_other_clients_are_seen_and_known_to_be_foreign(
    gateway_port: int, connect: Connect
) -> None:
    other, other_hearing = await connect(gateway_port, client_id=112)
    spy = await spy_of(other)
    price = await price_of(other, other_hearing, spy)
    theirs = await send(other, spy, intent("manual-1", order_type=OrderType.LIMIT, limit_price=price - 50))
    await eventually_async(lambda: "Submitted" in statuses(other_hearing, "manual-1"))
    mine, _ = await connect(gateway_port, client_id=113)

    (seen,) = [o for o in (await state_of(mine)).open_orders if o.claim.order_ref == "manual-1"]

    assert not seen.is_ours
    assert seen.claim.client_id == 112
    await other.cancel(theirs)
    await eventually_async(lambda: statuses(other_hearing, "manual-1")[-1] == "Cancelled")


@pytest.mark.req("PLAN-M3-CONN")
async def test_a_stopped_gateway_is_noticed_within_three_seconds_and_a_killed_one_at_once(
    tmp_path: Path, connect: Connect
) -> None:
    with gateway_process(tmp_path) as (process, port):
        broker, hearing = await connect(port)
        await eventually_async(lambda: broker.round_trip_ms is not None)

        ended, began_s = asyncio.Event(), asyncio.get_running_loop().time()
        late = asyncio.ensure_future(lateness_s(ended))
        process.send_signal(signal.SIGSTOP)
        await eventually_async(lambda: broker.link is LinkState.FROZEN)
        took_s = asyncio.get_running_loop().time() - began_s
        ended.set()
        assert took_s <= 3.5 + 3 * await late
        process.send_signal(signal.SIGCONT)
        await eventually_async(lambda: broker.link is LinkState.UP, within_s=30)
        process.kill()
        await eventually_async(lambda: broker.link is LinkState.DOWN, within_s=30)

        states = [event.state for event in hearing.of(LinkEvent)]
        assert states == [LinkState.UP, LinkState.FROZEN, LinkState.UP, LinkState.DOWN]
        assert hearing.of(AccountValue)
