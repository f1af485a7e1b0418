"""A peer that stops answering is noticed within three seconds, and nobody else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.heartbeat import Heartbeat, Pulse
from engine.broker.port import BrokerError, LinkEvent, LinkState
from engine.broker.wire import ConnectionSettings, Wire
from tests.broker.conftest import Connect
from tests.broker.hearing import Hearing
from tests.broker.peer import CURRENT_TIME, ScriptedPeer
from tests.waiting import eventually_async

pytestmark = pytest.mark.req("PLAN-M3-CONN", "FUT-F1")


@given(st.floats(0, 20), st.floats(0.0, 0.9))
def test_a_freeze_is_noticed_within_three_seconds_and_never_before_it(
    freeze_s: float, delay_s: float
) -> None:
    pulse, now = Pulse(heartbeat_s=1.0, detect_s=3.0, now_s=0.0), 0.0
    answers: list[float] = []
    frozen_at = None
    while frozen_at is None and now < 60:
        for due in [at for at in answers if at <= now]:
            answers.remove(due)
            pulse.answered(due)
        beat = pulse.step(now)
        if beat.frozen:
            frozen_at = now
        if beat.send and now + delay_s < freeze_s:
            answers.append(now + delay_s)
        now = min([now + beat.wait_s, *answers])

    assert frozen_at is not None
    assert frozen_at <= max(freeze_s, 0.0) + 3.0 + 1e-6
    assert frozen_at >= 3.0 - 1e-6 or freeze_s < frozen_at


def test_it_asks_once_a_heartbeat() -> None:
    pulse = Pulse(heartbeat_s=1.0, detect_s=3.0, now_s=10.0)

    beats = [pulse.step(10.0), pulse.step(10.5), pulse.step(11.0)]

    assert [beat.send for beat in beats] == [True, False, True]
    assert [beat.wait_s for beat in beats] == [1.0, 0.5, 1.0]


def test_our_own_pause_is_not_taken_for_the_peers() -> None:
    pulse = Pulse(heartbeat_s=1.0, detect_s=3.0, now_s=0.0)
    pulse.step(0.0)
    pulse.answered(0.0)

    after_suspend = pulse.step(100.0)

    assert after_suspend.send
    assert not after_suspend.frozen
    assert pulse.step(101.0).frozen


def test_a_freeze_is_told_once_and_an_answer_ends_it() -> None:
    pulse = Pulse(heartbeat_s=1.0, detect_s=3.0, now_s=0.0)

    told = [pulse.step(float(second)).frozen for second in range(6)]

    assert told == [False, False, False, True, False, False]
    assert pulse.answered(6.0)
    assert not pulse.answered(6.5)


class Timers:
    """A virtual clock with one timer, as a Heartbeat has."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due_s = 0.0
        self.call: Callable[[], None] | None = None

    def call_later(self, wait_s: float, call: Callable[[], None]) -> Timers:
        self.due_s, self.call = self.now_s + wait_s, call
        return self

    def cancel(self) -> None:
        self.call = None

    def run_until(self, until_s: float) -> None:
        while self.call is not None and self.due_s <= until_s:
            self.now_s, call = self.due_s, self.call
            call()
        self.now_s = until_s


async def test_a_silent_peer_freezes_the_line_and_an_answer_brings_it_back() -> None:
    timers, hearing = Timers(), Hearing()
    wire = Wire(
        ConnectionSettings(), listener=hearing, clock=lambda: timers.now_s, exchange_now=lambda: timers.now_s
    )
    wire.make_client()  # it is not connected: every question meets a closed line, which is a silent peer
    wire.link = LinkState.UP
    heart = Heartbeat(wire, call_later=timers.call_later)

    heart.start()
    timers.run_until(2.9)
    assert hearing.events == []
    timers.run_until(3.0)

    assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.FROZEN]
    wire.callbacks.currentTime(1_790_000_000)
    assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.FROZEN, LinkState.UP]
    heart.stop()
    timers.run_until(60.0)
    assert len(hearing.events) == 2


async def test_an_answer_after_a_freeze_does_not_hide_that_the_uplink_is_lost() -> None:
    timers, hearing = Timers(), Hearing()
    wire = Wire(
        ConnectionSettings(), listener=hearing, clock=lambda: timers.now_s, exchange_now=lambda: timers.now_s
    )
    wire.make_client()
    wire.link = wire.uplink = LinkState.BROKER_LOST
    heart = Heartbeat(wire, call_later=timers.call_later)

    heart.start()
    timers.run_until(3.0)
    wire.callbacks.currentTime(1_790_000_000)

    assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.FROZEN, LinkState.BROKER_LOST]
    heart.stop()


async def test_a_frozen_peer_is_noticed_over_a_real_socket(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, hearing = await connect(peer.port, heartbeat_s=0.05, detect_s=0.2)
        await eventually_async(lambda: broker.round_trip_ms is not None)

        peer.stop_reading()
        await eventually_async(lambda: broker.link is LinkState.FROZEN, within_s=3.0)
        with pytest.raises(BrokerError):
            await broker.place((), None, parent_ids=())  # type: ignore[arg-type]  # refused before it is read
        await broker.disconnect()

        assert [event.state for event in hearing.of(LinkEvent)] == [LinkState.UP, LinkState.FROZEN]


async def test_the_brokers_time_and_heartbeats_match_their_answers_in_order(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port)
        await eventually_async(lambda: broker.round_trip_ms is not None)
        peer.answers[CURRENT_TIME] = lambda _: [(49, 1, 1_795_186_800)]

        answer = await broker.server_time()

        assert answer.isoformat() == "2026-11-20T15:00:00+00:00"
        assert answer.tzinfo is not None


async def test_a_time_question_without_an_answer_ends_with_an_error(connect: Connect) -> None:
    async with ScriptedPeer() as peer:
        broker, _ = await connect(peer.port, request_timeout_s=0.1)
        peer.silent = {CURRENT_TIME}

        with pytest.raises(BrokerError, match=r"no answer within 0\.1 s"):
            await broker.server_time()
