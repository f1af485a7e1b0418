"""The tape of one instrument: asked for once, told trade by trade, ended, refused, and asked for again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine.broker import tapes
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import LineRefused, Notice
from engine.domain.market import Print
from tests.broker.hearing import ES, SPY, Hearing
from tests.broker.peer import DEPTH, ScriptedPeer
from tests.waiting import eventually_async

Connect = Callable[..., Awaitable[tuple[IbkrBroker, Hearing]]]
TAPE, NO_TAPE, NO_DEPTH = "97", "98", "11"


def trade(number: str, price: float, size: int) -> tuple[object, ...]:
    """One trade on the tape."""
    return (99, number, 1, 1_790_000_000, price, size, 0, "ARCA", "")


async def test_trades_come_one_by_one_until_the_tape_ends(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        for _ in range(2):
            broker.subscribe_tape(SPY)
        await eventually_async(lambda: peer.asked(TAPE))
        number = peer.asked(TAPE)[0][1]
        peer.say(trade(number, 100.5, 7), trade(number, 100.6, 2), trade("999", 1.0, 1))
        await eventually_async(lambda: len(hearing.prints) == 2)

        assert hearing.prints[0] == Print("SPY", 100.5, 7, 1_790_000_000.0)
        assert len(peer.asked(TAPE)) == 1
        broker.unsubscribe_tape(SPY)
        broker.unsubscribe_tape(SPY)
        await eventually_async(lambda: peer.asked(NO_TAPE))
        peer.say(trade(number, 100.7, 1))
        await broker.server_time()
        assert len(hearing.prints) == 2
        assert len(peer.asked(NO_TAPE)) == 1


async def test_a_refused_book_or_tape_is_told_as_such_and_may_be_asked_for_anew(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        broker.subscribe_tape(SPY)
        broker.subscribe_depth(SPY, 10)
        await eventually_async(lambda: peer.asked(TAPE) and peer.asked(DEPTH))
        tape, book = peer.asked(TAPE)[0][1], peer.asked(DEPTH)[0][2]
        peer.say((4, 2, tape, 10190, "too many", ""), (4, 2, book, 309, "no more", ""))
        await eventually_async(lambda: len(hearing.of(LineRefused)) == 2)

        assert hearing.of(LineRefused) == [
            LineRefused("SPY", "tape", 10190, "too many"),
            LineRefused("SPY", "book", 309, "no more"),
        ]
        assert not [notice for notice in hearing.of(Notice) if notice.code in (309, 10190)]
        broker.unsubscribe_tape(SPY)
        broker.unsubscribe_depth(SPY)
        broker.subscribe_tape(SPY)
        broker.subscribe_depth(SPY, 10)
        await eventually_async(lambda: len(peer.asked(TAPE)) == 2 and len(peer.asked(DEPTH)) == 2)
        assert peer.asked(NO_TAPE) + peer.asked(NO_DEPTH) == [], "what was refused needs no end"


async def test_a_book_that_was_refused_is_asked_for_anew_by_who_needs_it(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        broker.subscribe_depth(ES, 10)
        await eventually_async(lambda: peer.asked(DEPTH))
        peer.say((4, 2, peer.asked(DEPTH)[0][2], 309, "no more", ""))
        await eventually_async(lambda: hearing.of(LineRefused))
        broker.subscribe_depth(ES, 5)
        await eventually_async(lambda: len(peer.asked(DEPTH)) == 2)
        broker.unsubscribe_depth(ES)
        await eventually_async(lambda: peer.asked(NO_DEPTH))


async def test_tapes_are_asked_for_anew_where_the_broker_was_too_busy_or_lost_them(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tapes, "ASK_AGAIN_S", 0.02)
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port)
        broker.subscribe_tape(SPY)
        await eventually_async(lambda: peer.asked(TAPE))
        peer.say((4, 2, peer.asked(TAPE)[0][1], 100, "too many messages", ""))
        await eventually_async(lambda: len(peer.asked(TAPE)) == 2)
        peer.say((4, 2, -1, 1101, "restored, data lost", ""))
        await eventually_async(lambda: len(peer.asked(TAPE)) == 3)
        peer.say(trade(peer.asked(TAPE)[2][1], 100.5, 7))
        await eventually_async(lambda: hearing.prints)
        assert hearing.of(LineRefused) == []
