"""The engine's thread: what crosses over, what a failure does, how late its loop runs."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from concurrent.futures import Future

import pytest

from engine.api import CommandKind, EngineState, Outcome, OutcomeStatus
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.thread import SWITCH_INTERVAL_S, EngineThread
from tests.runtime.engines import boot_feed, command, engine
from tests.waiting import eventually


def test_before_the_core_exists_the_handle_shows_booting() -> None:
    feed = boot_feed()

    assert feed.latest.engine_state is EngineState.BOOTING
    assert feed.latest.entries_allowed is False


def test_the_cores_snapshots_come_after_every_boot_snapshot() -> None:
    with engine() as running:
        assert running.handle.snapshot().engine_state is EngineState.READY
        assert running.handle.snapshot().seq > 0 > boot_feed().latest.seq


def test_a_command_from_another_thread_is_carried_out_on_the_engine_thread() -> None:
    with engine() as running:
        outcome = running.handle.submit(command(CommandKind.PAUSE, confirmed=True)).result(60.0)

        assert outcome.status is OutcomeStatus.DONE
        assert running.handle.snapshot().brakes


def test_a_command_given_while_booting_waits_for_the_engine() -> None:
    with engine(wait=False) as running:
        outcome = running.handle.submit(command(CommandKind.PAUSE, confirmed=True)).result(60.0)

    assert outcome.status is OutcomeStatus.DONE


def test_a_command_that_breaks_inside_the_engine_is_answered_and_the_engine_goes_on() -> None:
    with engine() as running:
        broken = running.handle.submit(command(CommandKind.PAUSE, reason="explode")).result(60.0)
        after = running.handle.submit(command(CommandKind.PAUSE)).result(60.0)

    assert (broken.status, broken.code) == (OutcomeStatus.FAILED, "internal_error")
    assert after.status is OutcomeStatus.DONE


def test_commands_still_running_at_the_end_are_answered_not_forgotten() -> None:
    with engine() as running:
        waiting = running.handle.submit(command(CommandKind.FLATTEN, reason="hang"))
        running.handle.submit(command(CommandKind.STOP)).result(60.0)

        assert waiting.result(60.0).status is OutcomeStatus.FAILED


def test_a_command_after_the_end_is_answered_at_once() -> None:
    with engine() as running:
        running.handle.submit(command(CommandKind.STOP)).result(60.0)
        assert running.thread.join(60.0)

        assert running.handle.submit(command(CommandKind.HALT)).result(0).code == "not_ready"
        assert running.handle.is_alive is False


@pytest.mark.req("CARD-APP")
def test_an_engine_that_breaks_is_shown_as_stopped_with_the_reason_and_hurts_nobody_else() -> None:
    with engine(dies_of=ValueError("ledger out of balance")) as running:
        running.handle.submit(command(CommandKind.ACKNOWLEDGE, reason="die"))
        eventually(lambda: not running.handle.is_alive)
        last = running.handle.snapshot()

    assert last.engine_state is EngineState.STOPPED
    assert "ledger out of balance" in last.state_reason
    assert last.positions, "what was known stays on the screen"
    assert running.thread.exit_code == 1
    assert isinstance(running.thread.failure, ValueError)


def test_the_exit_code_is_the_cores() -> None:
    with engine(exit_code=7) as running:
        pass

    assert running.thread.exit_code == 7


def test_an_engine_that_may_not_start_ends_with_its_own_exit_code_and_sentence() -> None:
    async def refuse() -> None:
        raise RefusedError("the account DU1 is not the one of this state folder.")

    feed = boot_feed()
    thread = EngineThread(refuse, feed=feed)  # type: ignore[arg-type]  # never gets as far as a core
    thread.start()
    waiting = thread.submit(command(CommandKind.HALT))

    assert thread.join(60.0)
    assert thread.exit_code == 4
    assert feed.latest.state_reason == "the account DU1 is not the one of this state folder."
    assert waiting.result(0).status is OutcomeStatus.FAILED


def test_a_command_handed_over_while_the_thread_ends_is_answered_too() -> None:
    answers: list[Future[Outcome]] = []

    class AsksLast:
        async def start(self) -> None: ...

        async def stop(self) -> None:
            answers.append(thread.submit(command(CommandKind.PAUSE)))  # nobody is left to carry it out
            await asyncio.sleep(0)
            thread.on_end(lambda: answers.append(thread.submit(command(CommandKind.KILL))))

    async def refuse() -> None:
        raise RefusedError("not this account.")

    thread = EngineThread(refuse, feed=boot_feed())  # type: ignore[arg-type]  # never gets as far as a core
    thread.attend(AsksLast())
    thread.on_end(lambda: answers.append(thread.submit(command(CommandKind.HALT))))
    handed_over = thread.submit(command(CommandKind.HALT))
    thread.start()

    assert thread.join(60.0)
    assert [answer.result(0).code for answer in (handed_over, *answers)] == ["not_ready"] * 4


def test_a_command_the_loop_never_came_to_is_answered_at_its_end() -> None:
    late: list[Future[Outcome]] = []

    class AsksWithItsLastBreath:
        async def start(self) -> None: ...

        async def stop(self) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(lambda _: late.append(thread.submit(command(CommandKind.PAUSE))))

    async def refuse() -> None:
        raise RefusedError("not this account.")

    thread = EngineThread(refuse, feed=boot_feed())  # type: ignore[arg-type]  # never gets as far as a core
    thread.attend(AsksWithItsLastBreath())
    thread._ended = _NeverSet()  # the moment between the check and the hand-over, held open
    thread.start()

    assert thread.join(60.0)
    assert late[0].result(0).status is OutcomeStatus.FAILED


class _NeverSet(threading.Event):
    """Lets `submit` believe that the engine still runs, as it does in the moment before it ends."""

    def is_set(self) -> bool:
        return False


def test_urgent_changes_reach_a_subscriber_and_market_data_does_not() -> None:
    with engine() as running:
        urgent = threading.Event()
        calls: list[str] = []

        def told() -> None:
            calls.append(threading.current_thread().name)
            urgent.set()

        end = running.handle.subscribe(told)
        seq = running.handle.snapshot().seq
        eventually(lambda: running.handle.snapshot().seq > seq + 1, why="market data to move on")
        assert not urgent.is_set()

        running.handle.submit(command(CommandKind.PAUSE)).result(60.0)

        assert urgent.wait(60.0)
        assert set(calls) == {"engine"}
        end()


def test_the_interpreter_switches_threads_twenty_times_finer_than_by_default() -> None:
    with engine():
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)


def test_a_blocked_loop_shows_in_the_lag() -> None:
    with engine() as running:
        released = threading.Event()
        loop_blocked = threading.Event()

        def block() -> None:
            loop_blocked.set()
            released.wait(60.0)

        running.thread.call(block)
        assert loop_blocked.wait(60.0)
        threading.Timer(0.15, released.set).start()

        eventually(lambda: running.thread.lag.max_ms > 100.0)


async def test_lag_is_forgotten_after_its_window() -> None:
    from engine.runtime.guards.lag import LoopLagProbe

    probe = LoopLagProbe(window_s=3.0)
    probe.start(asyncio.get_running_loop())
    base = asyncio.get_running_loop().time()
    probe.stop()

    probe.note(80.0, now_s=base)
    for second in range(1, 6):
        probe.note(1.0, now_s=base + 1.5 * second)

    assert probe.max_ms == 1.0
    assert probe.worst_ms == 80.0


def test_signals_are_left_to_the_main_thread_which_alone_runs_handlers() -> None:
    with engine() as running:
        told: list[set[signal.Signals | int]] = []
        running.thread.call(lambda: told.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))))
        (blocked,) = eventually(lambda: told)

    assert {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} <= blocked
