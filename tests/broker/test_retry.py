"""Questions are asked again with full jitter, a few times; orders never are."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from engine.broker.codes import is_passing
from engine.broker.port import BrokerError
from engine.broker.retry import PassingError, Patience, patiently
from tests.broker.conftest import Connect
from tests.broker.hearing import SPY
from tests.broker.peer import (
    ALL_OPEN,
    COMPLETED,
    DETAILS,
    EXECUTIONS,
    HISTORY,
    POSITIONS,
    Answer,
    Fields,
    ScriptedPeer,
)
from tests.virtual_time import now_s, virtual


@virtual
@pytest.mark.req("REQ-CB1")
@pytest.mark.parametrize("patience", [Patience(), Patience(base_s=0.05, cap_s=0.1, attempts=4)])
async def test_every_wait_lies_between_nothing_and_the_doubled_base_and_attempts_come_to_an_end(
    patience: Patience,
) -> None:
    for _ in range(50):
        asked_s: list[float] = []

        async def ask(times_s: list[float] = asked_s) -> None:
            times_s.append(now_s())
            raise PassingError("max rate of messages exceeded")

        with pytest.raises(PassingError):
            await patiently(ask, patience)

        waits_s = [later - sooner for sooner, later in pairwise(asked_s)]
        assert len(asked_s) == patience.attempts
        assert all(
            0 <= wait <= min(patience.cap_s, patience.base_s * 2**n) + 1e-6 for n, wait in enumerate(waits_s)
        )


@virtual
async def test_what_time_will_not_heal_is_asked_once() -> None:
    asked: list[int] = []

    async def ask() -> None:
        asked.append(1)
        raise BrokerError("no security definition")

    with pytest.raises(BrokerError):
        await patiently(ask, Patience())
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

        found = await asyncio.wait_for(broker.instruments("SPY", "STK", "SMART"), 60.0)

        assert "code 200" in found.error
        assert len(peer.asked(DETAILS)) == 2


def busy_once(number_at: int, then: tuple[object, ...]) -> Answer:
    """Refuses the first question as one too many; answers the next with `then`, its number filled in."""
    busy = [True]

    def answer(asked: list[str]) -> list[Fields]:
        number = asked[number_at]
        if busy.pop() if busy else False:
            return [(4, 2, number, 100, "Max rate of messages per second has been exceeded", "")]
        return [tuple(number if part is None else part for part in then)]

    return answer


@pytest.mark.req("REQ-CB1")
async def test_a_picture_the_broker_was_too_busy_for_is_asked_again_whole(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        peer.answers[EXECUTIONS] = busy_once(2, (55, 1, None))
        before = {kind: len(peer.asked(kind)) for kind in (POSITIONS, ALL_OPEN, COMPLETED, EXECUTIONS)}

        await asyncio.wait_for(broker.state(), 60.0)

        assert all(len(peer.asked(kind)) == times + 2 for kind, times in before.items())


@pytest.mark.req("REQ-CB1")
@pytest.mark.parametrize(("seconds", "asked"), [(60, 2), (5, 1)])
async def test_history_is_asked_again_only_where_the_pacing_rule_allows_it(
    connect: Connect, seconds: int, asked: int
) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        peer.answers[HISTORY] = busy_once(1, (4, 2, None, 200, "No security definition", ""))

        found = await asyncio.wait_for(broker.history(SPY, count=1, seconds=seconds), 60.0)

        assert not found.ok
        assert len(peer.asked(HISTORY)) == asked


@pytest.mark.parametrize(
    ("code", "text", "passes"),
    [
        (100, "Max rate of messages per second has been exceeded", True),
        (420, "Invalid Real-time Query:Pacing violation", True),
        (162, "Historical Market Data Service error message:Pacing violation", True),
        (162, "Historical Market Data Service error message:HMDS query returned no data: SPY", False),
        (366, "No historical data query found for ticker id", False),
        (200, "No security definition has been found", False),
        (10197, "No market data during competing live session", False),
        (101, "Max number of tickers has been reached", False),
    ],
)
def test_only_what_was_asked_too_fast_may_be_asked_again(code: int, text: str, passes: bool) -> None:
    assert is_passing(code, text) is passes
