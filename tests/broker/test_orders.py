"""Orders out and their fate in: whole brackets, cancels first, and only the broker's own words."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from engine.broker import ibapi
from engine.broker.port import (
    BrokerError,
    LinkEvent,
    LinkState,
    Notice,
    NotSentError,
    OrderClaim,
    OrderRefusal,
    OrdersRefusedError,
)
from engine.domain.order import OrderType, Role, Side
from tests.broker.conftest import Connect
from tests.broker.hearing import SPY, intent, working
from tests.broker.peer import CANCEL, PLACE, ScriptedPeer
from tests.waiting import eventually_async


def status(
    order_id: int, word: str, perm_id: int = 77, filled: int = 0, client: int = 1
) -> tuple[object, ...]:
    return (3, order_id, word, filled, 10 - filled, 100.5 if filled else 0, perm_id, 0, 0, client, "", 0)


@pytest.mark.req("PLAN-M3-DRYRUN")
@pytest.mark.parametrize("changes", [{"read_only": True}, {"mode": "DRY_RUN"}])
async def test_a_read_only_line_refuses_everything_before_a_byte_leaves(
    connect: Connect, changes: dict[str, object]
) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port, **changes)
        attempts = [
            broker.place(((intent(), 1),), SPY, parent_ids=(0,)),
            broker.cancel(working(1)),
            broker.modify(working(1), intent(), SPY),
            broker.cancel_everything(),
        ]

        for attempt in attempts:
            with pytest.raises(OrdersRefusedError):
                await attempt
        assert not (await broker.what_if(intent(), SPY)).ok
        await broker.server_time()

        assert peer.asked(PLACE) == []
        assert peer.asked(CANCEL) == []
        assert peer.asked("58") == []


@pytest.mark.req("PLAN-M3-BROKER")
async def test_a_bracket_leaves_whole_in_order_and_linked_to_its_parent(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        parent, child = broker.next_order_id(), broker.next_order_id()
        entry = intent(order_type=OrderType.LIMIT, limit_price=100.5, transmit=False)
        stop = intent(
            "ck-t-SPY-2-stop", order_type=OrderType.STOP, stop_price=99.0, side=Side.SELL, role=Role.STOP
        )

        await broker.place(((entry, parent), (stop, child)), SPY, parent_ids=(0, parent))
        await eventually_async(lambda: len(peer.asked(PLACE)) == 2)

        first, second = peer.asked(PLACE)
        assert [first[1], second[1]] == [str(parent), str(child)]
        assert (first[16:20], second[16:20]) == (["BUY", "10", "LMT", "100.5"], ["SELL", "10", "STP", ""])
        assert second[20] == "99.0"
        # orderRef, transmit and parentId sit side by side
        at = first.index(entry.ref)
        assert (first[at + 1], first[at + 2]) == ("0", "0")
        assert (second[at + 1], second[at + 2]) == ("1", str(parent))


async def test_nothing_of_a_bracket_leaves_when_one_of_it_cannot_be_built(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        with pytest.raises(BrokerError, match="needs auxPrice"):
            await broker.place(
                ((intent(transmit=False), 1), (intent(order_type=OrderType.STOP), 2)), SPY, parent_ids=(0, 1)
            )
        with pytest.raises(BrokerError, match="parent ids"):
            await broker.place(((intent(), 1),), SPY, parent_ids=())
        await broker.server_time()

        assert peer.asked(PLACE) == []


async def test_while_the_broker_has_lost_its_uplink_orders_wait_but_cancels_go(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        peer.say((4, 2, -1, 1100, "lost", ""))
        await eventually_async(lambda: hearing.of(LinkEvent)[-1].state is LinkState.BROKER_LOST)

        with pytest.raises(BrokerError, match="broker_lost"):
            await broker.place(((intent(), 1),), SPY, parent_ids=(0,))
        with pytest.raises(BrokerError, match="broker_lost"):
            await broker.modify(working(1), intent(), SPY)
        await broker.cancel(working(9))
        await eventually_async(lambda: peer.asked(CANCEL))

        assert peer.asked(CANCEL)[0][2] == "9"
        assert peer.asked(PLACE) == []


async def test_an_order_without_a_known_id_is_not_cancelled_blindly(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        with pytest.raises(BrokerError, match="order id is not known"):
            await broker.cancel(working(0))
        with pytest.raises(BrokerError, match="order id is not known"):
            await broker.modify(working(0), intent(), SPY)


async def test_a_change_keeps_the_id_and_the_parent(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        stop = intent(order_type=OrderType.STOP, stop_price=99.0)
        await broker.place(((stop, 12),), SPY, parent_ids=(11,))

        await broker.modify(working(12), intent(order_type=OrderType.STOP, stop_price=98.0), SPY)
        await eventually_async(lambda: len(peer.asked(PLACE)) == 2)

        before, after = peer.asked(PLACE)
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert changed == [("99.0", "98.0")]
        assert after[after.index(stop.ref) + 2] == "11"


async def test_a_global_cancel_is_one_message(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        await broker.cancel_everything()

        await eventually_async(lambda: peer.asked("58") == [["58", "1"]])


@pytest.mark.req("PLAN-M3-IDMAP")
async def test_statuses_name_our_reference_even_when_they_repeat(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        await broker.place(((intent("ck-a"), 5),), SPY, parent_ids=(0,))

        peer.say(status(5, "Submitted"), status(5, "Submitted"), status(5, "Filled", filled=10))
        await eventually_async(lambda: len(hearing.of(OrderClaim)) == 3)

        claims = hearing.of(OrderClaim)
        assert [claim.order_ref for claim in claims] == ["ck-a"] * 3
        assert [claim.status for claim in claims] == ["Submitted", "Submitted", "Filled"]
        assert (claims[-1].filled, claims[-1].remaining, claims[-1].source) == (
            Decimal(10),
            Decimal(0),
            "broker",
        )
        assert claims[-1].key == "SPY"


@pytest.mark.req("PLAN-M3-IDMAP")
async def test_a_number_given_anew_never_takes_the_old_orders_name(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        await broker.place(((intent("ck-a"), 5),), SPY, parent_ids=(0,))
        peer.say(status(5, "Submitted", perm_id=77))
        await eventually_async(lambda: hearing.of(OrderClaim))

        peer.say(status(5, "Submitted", perm_id=88), status(5, "Cancelled", perm_id=77))
        await eventually_async(lambda: len(hearing.of(OrderClaim)) == 3)

        told = [(claim.perm_id, claim.order_ref, claim.order_id) for claim in hearing.of(OrderClaim)]
        assert told == [(77, "ck-a", 5), (88, "", 0), (77, "ck-a", 5)]


async def test_another_clients_number_is_never_taken_for_ours(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        await broker.place(((intent("ck-a"), 5),), SPY, parent_ids=(0,))

        peer.say(status(5, "Filled", perm_id=99, filled=10, client=2))
        await eventually_async(lambda: hearing.of(OrderClaim))

        (claim,) = hearing.of(OrderClaim)
        assert (claim.order_ref, claim.order_id, claim.client_id) == ("", 0, 2)


@pytest.mark.req("PLAN-M3-IDMAP")
async def test_order_ids_seen_in_one_connection_are_never_used_again_in_the_next(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        peer.say(status(300, "Submitted", client=2))
        await eventually_async(lambda: hearing.of(OrderClaim))
        await broker.disconnect()

        hello = await broker.connect(hearing)

        assert hello.next_order_id == 301


async def test_a_refusal_is_the_brokers_word_and_no_status_is_invented(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        await broker.place(((intent("ck-a"), 5),), SPY, parent_ids=(0,))

        peer.say((4, 2, 5, 110, "The price does not conform [bold]", ""), (4, 2, 5, 399, "held", ""))
        await eventually_async(lambda: hearing.of(Notice))

        assert hearing.of(OrderRefusal) == [OrderRefusal(5, "ck-a", 110, "The price does not conform [bold]")]
        assert hearing.of(Notice) == [Notice(399, "held", "ck-a")]
        assert hearing.of(OrderClaim) == []


async def test_a_rejected_what_if_answers_with_the_brokers_words(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        peer.answers[PLACE] = lambda asked: [(4, 2, asked[1], 201, "Order rejected - reason: no", "")]
        broker, hearing = await connect(peer.port)

        answer = await broker.what_if(intent(), SPY)

        assert answer.value is None
        assert "no (code 201)" in answer.error
        assert hearing.of(OrderRefusal) == []


async def test_an_order_in_the_queue_of_a_lost_line_is_proven_unsent(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        for number in range(30):
            await broker.cancel(working(1000 + number))
        sending = [
            asyncio.ensure_future(broker.place(((intent(f"ck-{n}"), 50 + n),), SPY, parent_ids=(0,)))
            for n in range(30)
        ]
        await asyncio.sleep(0)

        await broker.disconnect()
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        unsent = [outcome for outcome in outcomes if outcome is not None]

        assert unsent
        assert all(isinstance(outcome, NotSentError) for outcome in unsent)
        await eventually_async(lambda: len(peer.asked(PLACE)) == len(outcomes) - len(unsent))


@pytest.mark.req("PLAN-M3-BROKER")
async def test_an_order_behind_60_and_a_cancel_behind_600_requests_leave_at_once(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        loop = asyncio.get_running_loop()
        questions = [asyncio.ensure_future(broker.instruments(f"S{n}", "STK", "SMART")) for n in range(60)]
        await asyncio.sleep(0)

        started = loop.time()
        await broker.place(((intent("ck-a"), 5),), SPY, parent_ids=(0,))
        order_ms = (loop.time() - started) * 1000
        questions += [asyncio.ensure_future(broker.instruments(f"T{n}", "STK", "SMART")) for n in range(540)]
        await asyncio.sleep(0)
        started = loop.time()
        await broker.cancel(working(5))
        cancel_ms = (loop.time() - started) * 1000
        await eventually_async(lambda: peer.asked(CANCEL))

        assert order_ms < 5
        assert cancel_ms < 100
        assert len(peer.received) < 50
        await broker.disconnect()
        answers = await asyncio.gather(*questions)
        assert not any(answer.ok for answer in answers)


async def test_a_peer_that_reads_nothing_leaves_later_orders_provably_unsent(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port, send_timeout_s=0.2, heartbeat_s=60.0, detect_s=120.0)
        peer.stop_reading()
        big = intent("ck-" + "x" * 4_000_000)

        await broker.place(((big, 5),), SPY, parent_ids=(0,))
        with pytest.raises(NotSentError, match="ck-last was never sent"):
            await broker.place(((intent("ck-last"), 7),), SPY, parent_ids=(0,))
        await broker.disconnect()


async def test_orders_prepared_ahead_leave_in_one_write_as_if_they_were_built_in_place(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        written: list[bytes] = []
        real = ibapi.send_frames

        def send(client: object, frames: bytes) -> None:
            written.append(frames)
            real(client, frames)

        monkeypatch.setattr(ibapi, "send_frames", send)
        stop = intent("ck-t-SPY-2-stop", order_type=OrderType.STOP, stop_price=99.0, role=Role.STOP)
        bracket = ((intent(transmit=False), 5), (stop, 6))

        broker.prepare(bracket, SPY, parent_ids=(0, 5))
        await broker.place(bracket, SPY, parent_ids=(0, 5))
        await broker.place(bracket, SPY, parent_ids=(0, 5))
        await eventually_async(lambda: len(peer.asked(PLACE)) == 4)

        assert len(written) == 2
        assert written[0] == written[1]
        assert peer.asked(PLACE)[:2] == peer.asked(PLACE)[2:]


async def test_what_was_prepared_for_other_orders_is_never_sent(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)

        broker.prepare(((intent("ck-t-SPY-1-entry"), 5),), SPY, parent_ids=(0,))
        await broker.place(((intent("ck-t-SPY-2-entry"), 6),), SPY, parent_ids=(0,))
        await eventually_async(lambda: len(peer.asked(PLACE)) == 1)

        assert "ck-t-SPY-2-entry" in peer.asked(PLACE)[0]
