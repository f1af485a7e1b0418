"""`cockpit kill` on an engine that hangs: it is ended, and what it held is cancelled, closed and proven."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.runtime.process import fence
from engine.runtime.process.errors import FailedError
from engine.runtime.process.lock import Holder, InstanceLock, holder_of, process_mark
from engine.runtime.process.registry import Running
from tests.process.test_kill_and_restart import FAST, holding, in_position
from tests.storm.real import RealCockpit

pytestmark = pytest.mark.slow


@pytest.mark.req("REQ-K1", "CARD-KILL")
def test_an_engine_that_hangs_is_fenced_and_its_positions_are_closed_with_proof(cockpit: RealCockpit) -> None:
    cockpit.configure(holding("TSLA", "SPY"), broker=FAST, kill={"refill_watch_s": 0.5})
    cockpit.start()
    in_position(cockpit, "TSLA", "SPY")
    cockpit.ask(do="external_order", symbol="AAPL", action="BUY", quantity=1, type="LMT", limit=1.0)
    assert cockpit.process is not None
    cockpit.process.send_signal(signal.SIGSTOP)
    began_s = time.monotonic()

    done = cockpit.run("kill", "--yes", "--reason", "it hangs")

    took_s = time.monotonic() - began_s
    assert "PROVEN FLAT" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert took_s < 30.0
    assert cockpit.exit_code() == -signal.SIGKILL
    record = cockpit.record()
    assert [o["request"]["client_id"] for o in record.working] == [77], "what is foreign is spared"
    assert holder_of(cockpit.state) is None
    kept = cockpit.rows("SELECT kind, reason, proof LIKE 'PROVEN FLAT%' FROM brake WHERE cleared_at IS NULL")
    assert kept == [("KILL", "it hangs", 1)]
    assert list(cockpit.state.glob("KILL.taken-*")), "the next start would have booted killed in any case"


# --- whom it may end --------------------------------------------------------------------------------


def _held(folder: Path, **changes: object) -> tuple[InstanceLock, Running]:
    pid = os.getpid()
    holder = Holder(pid=pid, mode="PAPER", socket="s", run_id="r", mark=process_mark(pid))
    lock = InstanceLock.acquire(folder, replace(holder, **changes))  # type: ignore[arg-type]  # as named
    return lock, Running(folder, lock.holder)


def test_a_pid_that_is_another_process_by_now_is_not_ended(tmp_path: Path) -> None:
    lock, engine = _held(tmp_path / "state", mark="another boot/1")
    try:
        with pytest.raises(FailedError, match="another process now"):
            fence.fence(engine)
    finally:
        lock.release()


def test_where_the_engine_is_gone_already_its_place_is_taken(tmp_path: Path) -> None:
    lock, engine = _held(tmp_path / "state", pid=2**22 - 1, mark="x/1")
    lock.release()

    mine = fence.fence(engine)

    try:
        holder = holder_of(engine.state_dir)
        assert holder is not None
        assert holder.pid == os.getpid()
    finally:
        mine.release()


def test_a_new_engine_that_was_faster_is_left_alone(tmp_path: Path) -> None:
    lock, engine = _held(tmp_path / "state")
    dead = replace(engine, holder=replace(engine.holder, pid=2**22 - 1))
    try:
        with pytest.raises(FailedError, match=f"another engine .pid {os.getpid()}."):
            fence.fence(dead)
    finally:
        lock.release()
