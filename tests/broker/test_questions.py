"""Unknown is not empty: a list counts only with its End marker, and a failure names the part that failed."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from engine.broker.account import merged_orders
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import (
    AccountValue,
    BrokerOrder,
    BrokerPosition,
    Commission,
    Execution,
    Notice,
    OrderClaim,
)
from tests.broker.conftest import FAST, Connect
from tests.broker.hearing import SPY
from tests.broker.peer import ALL_OPEN, COMPLETED, DETAILS, EXECUTIONS, HISTORY, POSITIONS, ScriptedPeer
from tests.waiting import eventually_async

CONTRACT = (756733, "SPY", "STK", "", 0, "", "", "SMART", "USD", "SPY", "SPY")


def position(quantity: object, con_id: int = 756733, account: str = "DU1") -> tuple[object, ...]:
    return (61, 3, account, con_id, *CONTRACT[1:], quantity, 100.5)


def execution(
    peer: ScriptedPeer, request: object, exec_id: str, shares: object = 10, *, client: int = 1
) -> tuple[object, ...]:
    fields = (
        *(11, request, 5, *CONTRACT, exec_id, "20261120 10:00:00 US/Eastern", "DU1", "ISLAND", "BOT", shares),
        *(100.25, 77, client, 0, 10, 100.25, "ck-1", "", "", "", 2, 0),
    )
    # The last field came with version 178.
    return fields if peer.version >= 178 else fields[:-1]


def commission(exec_id: str) -> tuple[object, ...]:
    return (59, 1, exec_id, 1.0, "USD", 1.7976931348623157e308, 1.7976931348623157e308, "")


async def test_a_complete_picture_holds_every_part(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[POSITIONS] = lambda _: [position(10), position(5, 99), position(0, 99), (62, 1)]
        peer.answers[EXECUTIONS] = lambda asked: [
            execution(peer, asked[2], "a.1"),
            commission("a.1"),
            execution(peer, asked[2], "a.1"),
            (55, 1, asked[2]),
        ]
        broker, hearing = await connect(peer.port)

        answer = await broker.state()

        assert answer.ok
        assert answer.value is not None
        assert [(p.con_id, p.quantity) for p in answer.value.positions] == [(756733, Decimal(10))]
        (found,) = answer.value.executions
        assert (found.fill.price, found.live) == (Decimal("100.25"), False)
        assert [c.exec_id for c in answer.value.commissions] == ["a.1"]
        assert AccountValue("NetLiquidation", "1000", "USD", "DU1") in answer.value.values
        assert hearing.of(Execution) == []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (POSITIONS, "positions"),
        (ALL_OPEN, "open orders"),
        (COMPLETED, "completed orders"),
        (EXECUTIONS, "executions of today"),
    ],
)
async def test_a_part_without_its_end_marker_fails_the_whole_picture_by_name(
    connect: Connect, part: str, name: str
) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port, request_timeout_s=0.2)
        peer.silent = {part}

        answer = await broker.state()

        assert answer.value is None
        assert answer.error == f"{name}: no answer within 0.2 s"
        peer.silent = set()
        assert (await broker.state()).ok


async def test_answers_without_an_end_are_said_to_be_so(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[POSITIONS] = lambda _: [position(10)]
        broker, _ = await connect(peer.port, request_timeout_s=0.2)

        answer = await broker.state()

        assert "1 answers but no end of them" in answer.error


async def test_an_unreadable_message_among_the_answers_fails_the_picture(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[POSITIONS] = lambda _: [position("many"), position(10), (62, 1)]
        broker, hearing = await connect(peer.port)

        answer = await broker.state()

        assert answer.value is None
        assert "message 61 from the broker could not be handled" in answer.error
        assert [notice.code for notice in hearing.of(Notice)] == [-2]


async def test_two_pictures_at_once_wait_for_each_other(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        answers = await asyncio.gather(broker.state(), broker.state())

        assert all(answer.ok for answer in answers)
        assert len(peer.asked(POSITIONS)) == 2


async def test_without_a_connection_every_question_fails_and_none_is_empty() -> None:
    broker = IbkrBroker(FAST)

    assert not (await broker.state()).ok
    assert not (await broker.instruments("SPY", "STK", "SMART")).ok
    assert not (await broker.history(SPY, count=5, seconds=60)).ok
    broker.unsubscribe(SPY)
    assert broker.round_trip_ms is None


async def test_positions_of_other_accounts_are_not_ours(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[POSITIONS] = lambda _: [position(3, account="U9"), (62, 1)]
        broker, hearing = await connect(peer.port)

        answer = await broker.state()

        assert answer.value is not None
        assert answer.value.positions == ()
        assert hearing.of(BrokerPosition) == []


@pytest.mark.req("PLAN-M3-IDMAP")
async def test_live_executions_and_commissions_are_told_each_time_with_the_same_id(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing = await connect(peer.port)

        peer.say(execution(peer, -1, "a.1"), execution(peer, -1, "a.1"), commission("a.1"))
        await eventually_async(lambda: hearing.of(Commission))

        assert [found.fill.exec_id for found in hearing.of(Execution)] == ["a.1", "a.1"]
        assert all(found.live for found in hearing.of(Execution))
        assert hearing.of(Commission)[0].realized_usd is None


async def test_an_execution_of_another_client_names_no_order_id(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        _, hearing = await connect(peer.port)

        peer.say(execution(peer, -1, "a.1"), execution(peer, -1, "b.1", client=2))
        await eventually_async(lambda: len(hearing.of(Execution)) == 2)

        assert [(found.client_id, found.order_id) for found in hearing.of(Execution)] == [(1, 5), (2, 0)]


async def test_an_execution_that_cannot_be_booked_fails_the_picture_and_is_told(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[EXECUTIONS] = lambda asked: [execution(peer, asked[2], "a.1", 0.5), (55, 1, asked[2])]
        broker, hearing = await connect(peer.port)

        answer = await broker.state()

        assert not answer.ok
        assert "a.1 cannot be booked" in answer.error
        assert [notice.request_key for notice in hearing.of(Notice)] == ["SPY"]


async def test_an_unknown_symbol_is_a_refusal_not_an_empty_list(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[DETAILS] = lambda asked: [(4, 2, asked[2], 200, "No security definition", "")]
        broker, _ = await connect(peer.port)

        answer = await broker.instruments("NOPE", "STK", "SMART")

        assert answer.value is None
        assert "No security definition (code 200)" in answer.error


async def test_history_drops_the_bar_still_in_progress_and_sorts(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        rows = [
            (start, 10, 11, 9, 10.5, 100, 10.1, 3) for start in (1_795_186_860, 1_795_186_800, 4_102_444_800)
        ]
        flat = [value for row in rows for value in row]
        peer.answers[HISTORY] = lambda asked: [(17, asked[1], "", "", len(rows), *flat)]
        broker, _ = await connect(peer.port)

        answer = await broker.history(SPY, count=5, seconds=60)

        assert answer.value is not None
        assert [bar.end.minute for bar in answer.value] == [1, 2]
        asked = peer.asked(HISTORY)[0]
        assert (asked[16], asked[17], asked[18], asked[19], asked[20]) == ("1 min", "2 D", "1", "TRADES", "2")


async def test_short_bars_are_asked_in_seconds_and_in_days_where_those_are_too_few(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        bar = (10, 11, 9, 10.5, 100, 10.1, 3)

        def answer(asked: list[str]) -> list[tuple[object, ...]]:
            number = 2 if asked[17].endswith("S") else 4
            rows = [value for index in range(number) for value in (1_795_186_800 + 5 * index, *bar)]
            return [(17, asked[1], "", "", number, *rows)]

        peer.answers[HISTORY] = answer
        broker, _ = await connect(peer.port)

        few = await broker.history(SPY, count=2, seconds=5)
        many = await broker.history(SPY, count=4, seconds=5)

        assert [len(found.value or ()) for found in (few, many)] == [2, 4]
        assert [asked[17] for asked in peer.asked(HISTORY)] == ["15 S", "25 S", "2 D"]


async def test_history_of_a_length_the_broker_does_not_know_is_refused_without_asking(
    connect: Connect,
) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        answer = await broker.history(SPY, count=5, seconds=7)

        assert not answer.ok
        assert "bars of 7 s" in answer.error
        assert peer.asked(HISTORY) == []


def broker_order(status: str, perm_id: int = 1) -> BrokerOrder:
    claim = OrderClaim("ck", 5, perm_id, 1, status, Decimal(0), Decimal(1), 0.0, "broker")
    return BrokerOrder(claim, "SPY", "SPY", "BUY", Decimal(1), "LMT", 1.0, None, "DAY", 0, True)


def test_the_latest_word_about_an_open_order_wins_and_done_ones_leave() -> None:
    first, second = broker_order("PreSubmitted"), broker_order("Submitted", 2)
    filled = first.claim._replace(status="Filled")
    partial = second.claim._replace(filled=Decimal("0.5"))

    merged = merged_orders([first, first.claim, second, partial, filled])

    assert [(order.claim.perm_id, order.claim.filled) for order in merged] == [(2, Decimal("0.5"))]
