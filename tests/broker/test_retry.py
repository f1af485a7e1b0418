"""Questions are asked again with full jitter, a few times; orders never are."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from engine.broker.port import BrokerError
from engine.broker.retry import ATTEMPTS, BASE_S, CAP_S, PassingError, patiently
from tests.broker.conftest import Connect
from tests.broker.peer import DETAILS, ScriptedPeer
from tests.virtual_time import now_s, virtual


@virtual
@pytest.mark.req("REQ-CB1")
async def test_every_wait_lies_between_nothing_and_the_doubled_base_and_six_attempts_are_all() -> None:
    for _ in range(50):
        asked_s: list[float] = []

        async def ask(times_s: list[float] = asked_s) -> None:
            times_s.append(now_s())
            raise PassingError("max rate of messages exceeded")

        with pytest.raises(PassingError):
            await patiently(ask)

        waits_s = [later - sooner for sooner, later in pairwise(asked_s)]
        assert len(asked_s) == ATTEMPTS == 6
        assert all(0 <= wait <= min(CAP_S, BASE_S * 2**n) + 1e-6 for n, wait in enumerate(waits_s))


@virtual
async def test_what_time_will_not_heal_is_asked_once() -> None:
    asked: list[int] = []

    async def ask() -> None:
        asked.append(1)
        raise BrokerError("no security definition")

    with pytest.raises(BrokerError):
        await patiently(ask)
    assert asked == [1]


@pytest.mark.req("REQ-CB1")
async def test_a_question_the_broker_was_too_busy_for_is_answered_the_second_time(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        busy = [True]

        def answer(asked: list[str]) -> list[tuple[object, ...]]:
            if busy.pop() if busy else False:
                return [(4, 2, asked[2], 100, "Max rate of messages per second has been exceeded", "")]
            return [(4, 2, asked[2], 200, "No security definition", "")]

        peer.answers[DETAILS] = answer
        broker, _ = await connect(peer.port)

        found = await asyncio.wait_for(broker.instruments("SPY", "STK", "SMART"), 5.0)

        assert "code 200" in found.error
        assert len(peer.asked(DETAILS)) == 2
