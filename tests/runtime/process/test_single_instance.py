"""Of two processes that start in the same moment exactly one proceeds, also over what kill -9 left behind."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.modes.account_lock import AccountLock
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.lock import Holder, InstanceLock

REPETITIONS = 20

Take = Callable[[Path, int], Any]


def _state_folder(folder: Path, _number: int) -> object:
    return InstanceLock.acquire(folder, Holder(pid=os.getpid(), mode="PAPER", socket="", run_id="r"))


def _account(folder: Path, number: int) -> object:
    return AccountLock.acquire(
        "DU1", state_dir=folder / str(number), environ={"XDG_RUNTIME_DIR": str(folder)}
    )


def _racer(take: Take, folder: Path, number: int, go: int, tell: int) -> int:
    """A process that waits for the start, takes the lock and says how that went; a winner stays."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    signal.alarm(30)  # whatever becomes of the test, no racer outlives it
    with contextlib.suppress(BaseException):
        os.read(go, 1)
        try:
            held = take(folder, number)
            os.write(tell, f"won {os.getpid()}\n".encode())
            signal.pause()
            code = 0 if held else 1
        except RefusedError as refused:
            os.write(tell, f"lost {refused}\n".encode())
            code = refused.exit_code
    os._exit(code)


@pytest.mark.req("REQ-SI1")
@pytest.mark.parametrize("take", [_state_folder, _account])
def test_two_at_once_twenty_times_and_the_winner_killed_each_time(tmp_path: Path, take: Take) -> None:
    for _ in range(REPETITIONS):
        go, start = os.pipe()
        told, tell = os.pipe()
        racers = [_racer(take, tmp_path, number, go, tell) for number in range(2)]
        os.close(tell)
        os.write(start, b"gg")

        with os.fdopen(told) as answers:
            said = [answers.readline(), answers.readline()]
            won = [line for line in said if line.startswith("won ")]
            lost = [line for line in said if line.startswith("lost ")]
            assert (len(won), len(lost)) == (1, 1), said
            winner = int(won[0].split()[1])
            assert f"pid {winner}" in lost[0]

            os.kill(winner, signal.SIGKILL)
            ends = {pid: os.waitpid(pid, 0)[1] for pid in racers}
        assert os.WIFSIGNALED(ends.pop(winner))
        assert [os.waitstatus_to_exitcode(status) for status in ends.values()] == [4]
        os.close(go)
        os.close(start)
