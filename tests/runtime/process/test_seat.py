"""Who acts on an engine: one screen, the others watch, and the engine itself keeps to that."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import CommandKind, OutcomeStatus
from engine.api_handle import ONLY_LOOKS, OPEN_TO_WATCHERS, SeatView
from engine.runtime.process.departures import MOST_ORIGINS, Departures, origin_of
from engine.runtime.process.handle import DirectHandle
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.seat import Seat, refusal
from tests.runtime.engines import Running, command, engine
from tests.runtime.small_core import first_snapshot
from tests.waiting import eventually

STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "watch", "view", "take_over", "leave"]), st.integers(0, 4)),
    max_size=40,
)


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield Path(folder) / "c.sock"


@given(steps=STEPS)
def test_at_most_one_screen_acts_and_it_is_one_that_is_here_and_may(steps: list[tuple[str, int]]) -> None:
    seat, here, read_only = Seat(), set[int](), set[int]()
    for step, who in steps:
        match step:
            case "take_over":
                assert seat.take_over(who) is (who in here and who not in read_only)
            case "leave":
                seat.leave(who)
                here.discard(who)
                read_only.discard(who)
            case _ if who not in here:
                seat.join(who, pid=who, sits=step == "join", read_only=step == "view")
                here.add(who)
                read_only |= {who} if step == "view" else set()

        acting = [one for one in here if seat.view(one).acting]
        assert len(acting) <= 1
        assert not set(acting) & read_only
        assert all(seat.view(one).watchers == len(here) - len(acting) for one in here)


@pytest.mark.parametrize("kind", list(CommandKind))
def test_a_watcher_may_brake_ask_and_take_over_and_nothing_else(kind: CommandKind) -> None:
    asked = command(kind)
    no = refusal(asked, SeatView(acting=False, holder_pid=7))

    assert (no is None) is (kind in OPEN_TO_WATCHERS)
    assert refusal(asked, SeatView()) is None
    view = refusal(asked, SeatView(acting=False, read_only=True))
    assert (view is None) is (kind in ONLY_LOOKS), "a read-only view asks for nothing but to look"
    if no is not None:
        assert (no.code, no.command_id) == ("not_acting_client", asked.command_id)
        assert "process 7" in no.text


def test_the_second_screen_watches_and_the_engine_refuses_it_all_but_the_safe_direction(path: Path) -> None:
    with engine(socket=path) as running:
        first = SocketHandle.connect(path, role="screen")
        second = SocketHandle.connect(path, role="screen")

        assert first.seat().acting
        assert second.seat() == SeatView(acting=False, holder_pid=os.getpid(), watchers=1)
        no = second.submit(command(CommandKind.FLATTEN)).result(60.0)
        assert (no.status, no.code) == (OutcomeStatus.REFUSED, "not_acting_client")
        assert CommandKind.FLATTEN not in _asked(running)
        for brake in (CommandKind.PAUSE, CommandKind.HALT, CommandKind.KILL):
            assert second.submit(command(brake, confirmed=True)).result(60.0).status is OutcomeStatus.DONE
        first.close()
        second.close()


def test_taking_over_is_told_to_both_and_turns_the_roles_round(path: Path) -> None:
    with engine(socket=path) as running:
        first = SocketHandle.connect(path, role="screen")
        second = SocketHandle.connect(path, role="screen")
        told: list[bool] = []
        first.subscribe(lambda: told.append(True))

        assert second.submit(command(CommandKind.TAKE_OVER)).result(60.0).status is OutcomeStatus.DONE

        eventually(lambda: told and not first.seat().acting and second.seat().acting)
        assert CommandKind.TAKE_OVER in _asked(running), "the engine keeps it in its record"
        assert first.submit(command(CommandKind.FLATTEN)).result(60.0).code == "not_acting_client"
        assert second.submit(command(CommandKind.FLATTEN)).result(60.0).status is OutcomeStatus.DONE
        first.close()
        second.close()


def test_the_screen_of_the_engines_own_process_gives_the_seat_up_as_well(path: Path) -> None:
    with engine(socket=path) as running:
        own = DirectHandle(running.thread, running.feed, seat=running.seat)
        running.seat.join(own, pid=1)
        other = SocketHandle.connect(path, role="screen")

        other.submit(command(CommandKind.TAKE_OVER)).result(60.0)

        assert not own.seat().acting
        assert own.submit(command(CommandKind.RESUME)).result(0).code == "not_acting_client"
        assert own.submit(command(CommandKind.HALT)).result(60.0).status is OutcomeStatus.DONE
        assert own.submit(command(CommandKind.TAKE_OVER)).result(60.0).status is OutcomeStatus.DONE
        eventually(lambda: own.seat().acting and not other.seat().acting)
        other.close()


def test_watchers_take_no_free_seat_and_a_viewer_never_acts(path: Path) -> None:
    with engine(socket=path) as running:
        watcher = SocketHandle.connect(path, role="watcher")
        viewer = SocketHandle.connect(path, role="viewer")
        assert not watcher.seat().acting
        assert viewer.seat().read_only

        for kind in (CommandKind.HALT, CommandKind.TAKE_OVER):
            assert viewer.submit(command(kind)).result(60.0).code == "not_acting_client"
        assert watcher.submit(command(CommandKind.TAKE_OVER)).result(60.0).status is OutcomeStatus.DONE

        eventually(lambda: watcher.seat().acting)
        watcher.close()
        eventually(lambda: running.seat.pid == 0)
        viewer.close()
        assert [one.kind for one in running.core.commands].count(CommandKind.DETACHED) == 1


def test_a_killed_screen_frees_the_seat_at_once_and_one_that_watched_is_no_lost_terminal(path: Path) -> None:
    with engine(socket=path) as running:
        children = [_screen_process(path) for _ in range(2)]
        acting = next(child for child in children if child.pid == running.seat.pid)
        (watching,) = (child for child in children if child is not acting)

        watching.kill()
        watching.wait()
        eventually(lambda: len(running.seat._screens) == 1)
        assert CommandKind.DETACHED not in _asked(running)

        acting.kill()
        acting.wait()
        eventually(lambda: running.seat.pid == 0, why="the seat of a killed screen to be free")
        assert eventually(lambda: [c.target for c in running.core.commands if c.kind == "detached"]) == [
            "lost"
        ]
        for child in children:
            assert child.stdout is not None
            child.stdout.close()


def test_a_screen_that_comes_back_hears_how_it_left_and_a_new_one_hears_nothing(path: Path) -> None:
    with engine(socket=path) as running:
        first = SocketHandle.connect(path, role="screen")
        assert first.departure() is None
        first.close()
        eventually(lambda: running.seat.pid == 0)

        again = SocketHandle.connect(path, role="screen")

        left = again.departure()
        assert left is not None
        assert left.positions == (("SPY", 100),)
        again.close()


def test_departures_are_kept_per_origin_and_the_oldest_are_forgotten() -> None:
    departures = Departures()
    snapshot = first_snapshot()
    for number in range(MOST_ORIGINS + 1):
        departures.note(f"u@{number}", snapshot)

    assert departures.of("u@0") is None
    assert departures.of("u@1") is not None
    assert origin_of({"USER": "kim", "SSH_CONNECTION": "10.0.0.7 5022 10.0.0.1 22"}) == "kim@10.0.0.7"
    assert origin_of({"USER": "kim"}) == "kim@local"


def _asked(running: Running) -> list[CommandKind]:
    return [one.kind for one in running.core.commands]


_SCREEN = """
import sys, threading
from pathlib import Path
from engine.runtime.process.link import SocketHandle
SocketHandle.connect(Path(sys.argv[1]), role="screen")
print("in", flush=True)
threading.Event().wait()
"""


def _screen_process(path: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", _SCREEN, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"in\n"
    return child
