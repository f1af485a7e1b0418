"""The control socket and the link over it: who gets in, what they get, who is dropped."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from engine.api import API_VERSION, CommandKind, EngineState, OutcomeStatus
from engine.runtime.process import wire
from engine.runtime.process.errors import FailedError, NotRunningError
from engine.runtime.process.link import SocketHandle
from tests.runtime.engines import command, engine
from tests.waiting import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


def test_the_socket_is_private_and_gone_after_the_end(path: Path) -> None:
    with engine(socket=path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    assert not path.exists()


def test_an_attached_screen_sees_what_the_engine_shows_and_follows_it(path: Path) -> None:
    with engine(socket=path) as running:
        link = SocketHandle.connect(path, role="screen")
        assert link.snapshot().positions == running.handle.snapshot().positions

        seq = link.snapshot().seq
        eventually(lambda: link.snapshot().seq > seq + 2, why="the stream to go on")
        link.close()


def test_an_urgent_change_arrives_without_waiting_for_the_beat(path: Path) -> None:
    with engine(socket=path) as running:
        link = SocketHandle.connect(path, role="screen")
        told: list[bool] = []
        link.subscribe(lambda: told.append(True))

        running.handle.submit(command(CommandKind.PAUSE, reason="x", confirmed=True))

        eventually(lambda: link.snapshot().brakes and told)
        link.close()


def test_a_command_over_the_socket_comes_back_with_its_outcome(path: Path) -> None:
    with engine(socket=path) as running:
        link = SocketHandle.connect(path, role="command")
        asked = command(CommandKind.HALT, reason="too fast", confirmed=True)

        outcome = link.submit(asked).result(60.0)

        assert (outcome.status, outcome.command_id) == (OutcomeStatus.DONE, asked.command_id)
        assert running.core.commands[-1] == asked
        link.close()


@pytest.mark.parametrize(("asked", "target"), [(True, "asked"), (False, "lost")])
def test_the_engine_learns_whether_a_screen_left_or_lost_its_terminal(
    path: Path, *, asked: bool, target: str
) -> None:
    with engine(socket=path) as running:
        SocketHandle.connect(path, role="screen").close(asked=asked)

        told = eventually(lambda: [c for c in running.core.commands if c.kind is CommandKind.DETACHED])
        assert [one.target for one in told] == [target]


def test_when_the_engine_ends_the_link_has_its_last_snapshot_and_exit_code(path: Path) -> None:
    with engine(socket=path, exit_code=1) as running:
        link = SocketHandle.connect(path, role="screen")
        running.handle.submit(command(CommandKind.STOP))

        assert link.wait_for_end(5.0)
        assert link.exit_code == 1
        assert link.snapshot().engine_state is EngineState.STOPPED
        assert not link.is_alive
        assert link.submit(command(CommandKind.HALT)).result(0).code == "link_down"
        link.close()


def test_a_command_whose_link_breaks_is_answered_as_unknown(path: Path) -> None:
    with engine(socket=path) as running:
        link = SocketHandle.connect(path, role="command")
        waiting = link.submit(command(CommandKind.FLATTEN, reason="hang"))
        eventually(lambda: running.core.commands)

        link.close()

        assert waiting.result(60.0).code == "link_down"


def test_a_client_that_reads_nothing_is_dropped_and_the_engine_never_waits_for_it(path: Path) -> None:
    with engine(socket=path, slow_client_s=0.3) as running:
        stuck = _raw(path)
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        stuck.sendall(wire.encode("hello", api=API_VERSION, role="screen", pid=1) + wire.encode("watch"))
        eventually(lambda: running.seat.pid == 1)

        def grow() -> bool:
            text = "x" * 200_000
            running.thread.call(lambda: running.core.publish(state_reason=text))
            return running.seat.pid == 0

        eventually(grow, within_s=15.0, why="the stuck client to be dropped")
        assert running.thread.lag.max_ms < 1000.0
        stuck.close()


@pytest.mark.parametrize(
    "line",
    [
        b"\x00\xff\xfe garbage\n",
        b"{}\n",
        b'{"type":"hello"}\n',
        b'{"type":"hello","api":999,"role":"screen","pid":1}\n',
        b"[" * 5000 + b"\n",
        b"x" * 200_000,
        wire.encode("hello", api=API_VERSION, role="command", pid=1) + b'{"type":"shout"}\n',
        wire.encode("hello", api=API_VERSION, role="command", pid=1) + b'{"type":"command","data":{}}\n',
    ],
)
def test_bad_lines_cost_their_sender_the_connection_and_nobody_else_anything(path: Path, line: bytes) -> None:
    with engine(socket=path) as running:
        bad = _raw(path)
        bad.sendall(line)
        _read_to_end(bad)
        bad.close()

        assert running.handle.submit(command(CommandKind.PAUSE)).result(60.0).status is OutcomeStatus.DONE
        SocketHandle.connect(path, role="command").close()


def test_nobody_listening_is_said_as_such(path: Path) -> None:
    with pytest.raises(NotRunningError, match="no engine listens"):
        SocketHandle.connect(path, role="command")


def test_an_engine_that_does_not_answer_is_noticed_within_the_time_given(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen(1)
        with pytest.raises(FailedError, match="does not answer"):
            SocketHandle.connect(path, role="command", timeout_s=0.2)


def _raw(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10.0)
    connection.connect(str(path))
    return connection


def _read_to_end(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return
