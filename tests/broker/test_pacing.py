"""The queue before the library: who goes first, how many a second, and what was provably never sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.pacing import CEILING, WINDOW_S, HistoryPacing, Job, PacingQueue, Priority, Sender
from engine.broker.port import NotSentError

BROKER_LIMIT = 50


@pytest.fixture
def make_job() -> Callable[..., Job]:
    loop = asyncio.new_event_loop()
    loop.close()

    def make(name: str, *, cost: int = 1) -> Job:
        return Job(name, cost, lambda: None, asyncio.Future(loop=loop))

    return make


Pushes = st.lists(
    st.tuples(st.sampled_from(list(Priority)), st.integers(1, 4), st.floats(0, 0.3)), min_size=1, max_size=300
)


@given(Pushes)
def test_no_second_ever_carries_more_than_the_broker_allows_and_nothing_is_forgotten(
    pushes: list[tuple[Priority, int, float]],
) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    queue, now, sent = PacingQueue(), 0.0, []

    def take_all() -> None:
        while (taken := queue.take(now)) is not None:
            sent.append((now, taken))

    for priority, cost, pause in pushes:
        now += pause
        queue.push(Job("x", cost, lambda: None, asyncio.Future(loop=loop)), priority=priority)
        take_all()
    while len(queue):
        wait = queue.wait_s(now)
        assert wait is not None
        assert wait > 0
        now += wait + 1e-9
        take_all()

    assert len(sent) == len(pushes)
    for start, _ in sent:
        in_a_second = sum(taken.cost for at, taken in sent if start <= at < start + 1.0)
        assert in_a_second < BROKER_LIMIT


def test_a_burst_of_cancels_is_spread_over_more_than_a_second_each_budget(
    make_job: Callable[..., Job],
) -> None:
    queue, now, times = PacingQueue(), 0.0, []
    for number in range(200):
        queue.push(make_job(f"cancel {number}"), priority=Priority.CANCEL)
    while len(queue):
        if queue.take(now) is None:
            now += queue.wait_s(now) or 0.0
        else:
            times.append(now)

    assert len(times) == 200
    # the broker's window may begin anywhere, and arrivals jitter by some milliseconds
    assert all(sum(1 for at in times if start <= at < start + 1.02) < BROKER_LIMIT for start in times)
    assert times[-1] < 5.0


def test_better_priorities_overtake_and_equals_keep_their_order(make_job: Callable[..., Job]) -> None:
    queue = PacingQueue()
    for number in range(CEILING[Priority.OTHER]):
        queue.push(make_job(f"early {number}"), priority=Priority.OTHER)
        assert queue.take(0.0) is not None
    for name, priority in [
        ("history", Priority.HISTORY),
        ("data 1", Priority.DATA),
        ("data 2", Priority.DATA),
        ("order", Priority.ORDER),
        ("cancel 1", Priority.CANCEL),
        ("cancel 2", Priority.CANCEL),
    ]:
        queue.push(make_job(name), priority=priority)

    at_once = [taken.what for _ in range(9) if (taken := queue.take(0.0))]
    later = [taken.what for _ in range(9) if (taken := queue.take(WINDOW_S))]

    assert at_once == ["cancel 1", "cancel 2", "order"]
    assert later == ["data 1", "data 2", "history"]


def test_a_bracket_is_never_split_by_the_budget(make_job: Callable[..., Job]) -> None:
    queue = PacingQueue()
    for number in range(CEILING[Priority.ORDER] - 2):
        queue.push(make_job(f"order {number}"), priority=Priority.ORDER)
        assert queue.take(0.0) is not None
    queue.push(make_job("bracket", cost=3), priority=Priority.ORDER)

    assert queue.take(0.0) is None
    assert queue.wait_s(0.0) == pytest.approx(WINDOW_S)
    taken = queue.take(WINDOW_S)
    assert taken is not None
    assert taken.cost == 3


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def fill_budget(sender: Sender) -> None:
    for _ in range(CEILING[Priority.CANCEL]):
        sender.post(lambda: None, priority=Priority.CANCEL, what="filler")


async def test_an_order_behind_sixty_requests_is_written_before_submit_returns() -> None:
    written: list[str] = []
    sender = Sender(clock=Clock())
    for number in range(60):
        sender.post(lambda n=number: written.append(f"data {n}"), priority=Priority.DATA, what="data")

    sent = sender.submit(lambda: written.append("order"), priority=Priority.ORDER, what="order")

    assert sent.done()
    assert written[-1] == "order"
    assert len(written) == CEILING[Priority.DATA] + 1
    assert sender.close("end") == 60 - CEILING[Priority.DATA]


async def test_what_waits_when_the_line_is_lost_is_told_as_never_sent() -> None:
    written: list[str] = []
    sender = Sender(clock=Clock())
    fill_budget(sender)
    waiting = asyncio.ensure_future(
        sender.deliver(lambda: written.append("x"), priority=Priority.ORDER, what="order ck-1", timeout_s=5)
    )
    await asyncio.sleep(0)

    assert sender.close("the line was lost") == 1

    with pytest.raises(NotSentError, match="order ck-1 was never sent: the line was lost"):
        await waiting
    assert written == []
    with pytest.raises(NotSentError):
        await sender.submit(lambda: written.append("x"), priority=Priority.ORDER, what="order ck-2")
    assert written == []


async def test_an_order_without_budget_in_time_is_withdrawn_for_good() -> None:
    clock, written = Clock(), []
    sender = Sender(clock=clock)
    fill_budget(sender)

    with pytest.raises(NotSentError, match="budget was used up"):
        await sender.deliver(
            lambda: written.append("x"), priority=Priority.ORDER, what="order ck-1", timeout_s=0.01
        )
    clock.now_s = 10.0
    sender.post(lambda: written.append("next"), priority=Priority.ORDER, what="next")

    assert written == ["next"]
    sender.close("end")


async def test_a_cancelled_wait_withdraws_the_order() -> None:
    clock, written = Clock(), []
    sender = Sender(clock=clock)
    fill_budget(sender)
    waiting = asyncio.ensure_future(
        sender.deliver(lambda: written.append("x"), priority=Priority.ORDER, what="order", timeout_s=5)
    )
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.now_s = 10.0
    sender.post(lambda: written.append("next"), priority=Priority.ORDER, what="next")

    assert written == ["next"]
    sender.close("end")


async def test_while_the_kernel_takes_no_bytes_nothing_more_is_handed_over() -> None:
    written: list[str] = []
    sender = Sender(clock=Clock())

    def stuck() -> None:
        written.append("stuck")
        sender.on_blocked()

    first = sender.submit(stuck, priority=Priority.DATA, what="first")
    second = sender.submit(lambda: written.append("cancel"), priority=Priority.CANCEL, what="cancel")
    assert (first.done(), second.done(), written) == (False, False, ["stuck"])

    sender.on_drained()

    assert (first.done(), second.done(), written) == (True, True, ["stuck", "cancel"])
    sender.close("end")


async def test_bytes_the_transport_holds_at_the_end_count_as_sent() -> None:
    sender = Sender(clock=Clock())
    held = sender.submit(sender.on_blocked, priority=Priority.ORDER, what="order")
    unsent = sender.submit(lambda: None, priority=Priority.CANCEL, what="cancel")
    assert not sender.withdraw(held)

    assert sender.close("the line was lost") == 1

    assert held.result() is None
    assert isinstance(unsent.exception(), NotSentError)


async def test_an_order_that_nothing_waits_before_leaves_at_once_and_counts_in_the_budget() -> None:
    written: list[int] = []
    sender = Sender(clock=Clock())

    for number in range(CEILING[Priority.ORDER]):
        # Begun and not awaited: whatever is written by then was written without a turn of the loop.
        delivery = sender.deliver(
            lambda n=number: written.append(n), priority=Priority.ORDER, what="order", timeout_s=5
        )
        with pytest.raises(StopIteration):
            delivery.send(None)

    assert len(written) == CEILING[Priority.ORDER]
    with pytest.raises(NotSentError, match="budget was used up"):
        await sender.deliver(
            lambda: written.append(-1), priority=Priority.ORDER, what="order", timeout_s=0.01
        )
    assert -1 not in written
    sender.close("end")


async def test_an_order_waits_behind_what_came_before_it_and_while_the_kernel_takes_nothing() -> None:
    clock, written = Clock(), []
    sender = Sender(clock=clock)
    fill_budget(sender)
    first = sender.submit(lambda: written.append("first"), priority=Priority.ORDER, what="first")
    clock.now_s = 10.0  # there is room again, but nobody has looked yet

    await sender.deliver(lambda: written.append("second"), priority=Priority.ORDER, what="2", timeout_s=5)
    assert (first.done(), written) == (True, ["first", "second"])

    def kept_back() -> None:
        written.append("third")
        sender.on_blocked()

    third = asyncio.ensure_future(
        sender.deliver(kept_back, priority=Priority.ORDER, what="third", timeout_s=5)
    )
    fourth = asyncio.ensure_future(
        sender.deliver(lambda: written.append("fourth"), priority=Priority.ORDER, what="4", timeout_s=5)
    )
    await asyncio.sleep(0)
    assert (third.done(), written[2:]) == (False, ["third"])

    sender.on_drained()
    await asyncio.gather(third, fourth)
    assert written[2:] == ["third", "fourth"]
    sender.close("end")


async def test_an_order_that_the_transport_keeps_when_the_line_ends_counts_as_sent() -> None:
    sender = Sender(clock=Clock())
    kept = asyncio.ensure_future(
        sender.deliver(sender.on_blocked, priority=Priority.ORDER, what="order", timeout_s=5)
    )
    await asyncio.sleep(0)

    assert sender.close("the line was lost") == 0

    await kept  # nothing is raised: its bytes may have left


async def test_a_delivery_on_a_closed_socket_is_never_sent() -> None:
    sender = Sender(clock=Clock())

    def fail() -> None:
        raise ConnectionError("Not connected")

    with pytest.raises(NotSentError, match="order ck-1 was never sent: Not connected"):
        await sender.deliver(fail, priority=Priority.ORDER, what="order ck-1", timeout_s=5)
    sender.close("end")


async def test_a_write_on_a_closed_socket_is_never_sent() -> None:
    sender = Sender(clock=Clock())

    def fail() -> None:
        raise ConnectionError("Not connected")

    with pytest.raises(NotSentError, match="Not connected"):
        await sender.submit(fail, priority=Priority.ORDER, what="order")
    sender.close("end")


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from("xy"), st.floats(0, 3)), min_size=1, max_size=120
    )
)
def test_history_requests_keep_every_rule_when_each_waits_as_told(asks: list[tuple[str, str, float]]) -> None:
    pacing, now, log = HistoryPacing(), 0.0, []
    for line, what, pause in asks:
        now += pause
        now += pacing.wait_s(now, line=line, request=line + what)
        pacing.asked(now, line=line, request=line + what)
        log.append((now, line, line + what))

    slack = 1e-6
    for index, (at, line, request) in enumerate(log):
        before = log[:index]
        assert sum(1 for t, _, _ in before if at - t < 600 - slack) < 60
        assert sum(1 for t, asked, _ in before if asked == line and at - t < 2 - slack) < 5
        assert not any(asked == request and at - t < 15 - slack for t, _, asked in before)


def test_the_first_history_request_waits_for_nothing() -> None:
    assert HistoryPacing().wait_s(5.0, line="SPY", request="SPY 5") == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 15)), min_size=1, max_size=300))
def test_live_bars_keep_to_sixty_and_history_to_sixty_of_both(asks: list[tuple[bool, float]]) -> None:
    pacing, now = HistoryPacing(), 0.0
    live: list[float] = []
    both: list[float] = []
    for number, (is_live, pause) in enumerate(asks):
        now += pause
        line = str(number)
        if is_live:
            now += pacing.live_wait_s(now)
            pacing.asked_live(now, line=line)
            assert sum(1 for t in live if now - t < 600 - 1e-6) < 60
            live.append(now)
        else:
            now += pacing.wait_s(now, line=line, request=line)
            pacing.asked(now, line=line, request=line)
            assert sum(1 for t in both if now - t < 600 - 1e-6) < 60
        both.append(now)


def test_a_line_of_live_bars_goes_before_history_that_has_used_all_turns() -> None:
    pacing = HistoryPacing()
    for number in range(60):
        pacing.asked(0.0, line=str(number), request=str(number))

    assert pacing.wait_s(1.0, line="SPY", request="SPY") == 599.0
    assert pacing.live_wait_s(1.0) == 0.0


def test_where_the_broker_does_not_count_live_bars_neither_they_nor_history_wait_for_them() -> None:
    pacing = HistoryPacing(most_live=0)
    for number in range(100):
        assert pacing.live_wait_s(0.0) == 0.0
        pacing.asked_live(0.0, line=str(number))

    assert pacing.wait_s(0.0, line="SPY", request="SPY") == 0.0
