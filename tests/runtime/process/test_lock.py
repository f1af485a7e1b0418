"""One engine per state folder, found from anywhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.runtime.process.errors import FailedError, NotRunningError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock, LockHeldError, holder_of
from engine.runtime.process.paths import SOCKET_PATH_LIMIT, runtime_dir, socket_path
from engine.runtime.process.registry import register, resolve, running

ME = Holder(pid=os.getpid(), mode="PAPER", socket="/run/x.sock", run_id="r1", flags={"speed": "1"})


def test_a_second_engine_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    lock = InstanceLock.acquire(tmp_path, ME)

    with pytest.raises(LockHeldError, match=f"pid {os.getpid()}, PAPER") as refused:
        InstanceLock.acquire(tmp_path, ME)

    assert refused.value.exit_code == 4
    assert refused.value.holder == ME
    lock.release()


def test_a_released_folder_can_be_taken_again_and_is_held_by_nobody_between(tmp_path: Path) -> None:
    InstanceLock.acquire(tmp_path, ME).release()
    assert holder_of(tmp_path) is None

    again = InstanceLock.acquire(tmp_path, ME)
    assert holder_of(tmp_path) == ME
    again.release()


def test_the_lock_dies_with_its_process_however_it_dies(tmp_path: Path) -> None:
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        InstanceLock.acquire(tmp_path, ME)
        os.write(tell, b"x")
        os.kill(os.getpid(), 9)
    os.read(told, 1)
    os.waitpid(pid, 0)
    os.close(told)
    os.close(tell)

    assert holder_of(tmp_path) is None
    InstanceLock.acquire(tmp_path, ME).release()


def test_the_account_is_added_when_the_broker_has_named_it(tmp_path: Path) -> None:
    lock = InstanceLock.acquire(tmp_path, ME)
    lock.name_account("DU9000001")

    found = holder_of(tmp_path)
    assert found is not None
    assert found.account == "DU9000001"
    assert stat.S_IMODE((tmp_path / "cockpit.lock").stat().st_mode) == 0o600
    lock.release()


@pytest.mark.req("RECOVERY-GATE")
def test_an_unusable_state_folder_is_a_sentence_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    with pytest.raises(FailedError, match="--state DIR"):
        InstanceLock.acquire(tmp_path / "state", ME)


def test_a_named_folder_is_never_replaced_by_another_running_engine(tmp_path: Path) -> None:
    runtime, here, other = tmp_path / "run", tmp_path / "here", tmp_path / "other"
    runtime.mkdir()
    lock = InstanceLock.acquire(other, ME)
    register(runtime, other)

    assert resolve(runtime, state_dir=here, is_named=False).state_dir == other
    with pytest.raises(NotRunningError):
        resolve(runtime, state_dir=here, is_named=True)
    lock.release()


def test_with_several_engines_the_operator_has_to_choose_and_sees_them_all(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    locks = []
    for name in ("a", "b"):
        locks.append(InstanceLock.acquire(tmp_path / name, ME))
        register(runtime, tmp_path / name)

    with pytest.raises(UsageError) as several:
        resolve(runtime, state_dir=tmp_path / "c", is_named=False)

    assert str(tmp_path / "a") in str(several.value)
    assert str(tmp_path / "b") in str(several.value)
    assert resolve(runtime, state_dir=tmp_path / "b", is_named=False).state_dir == tmp_path / "b"
    for lock in locks:
        lock.release()


def test_notes_of_dead_engines_do_not_count_and_are_removed(tmp_path: Path) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    note = register(runtime, tmp_path / "gone")
    (runtime / "broken.json").write_text("{")

    assert running(runtime) == ()
    assert not note.exists()


def test_the_runtime_folder_is_private_and_made_so_again(tmp_path: Path) -> None:
    (tmp_path / "cockpit").mkdir(mode=0o777)
    (tmp_path / "cockpit").chmod(0o777)

    folder = runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_runtime_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cockpit").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FailedError, match="XDG_RUNTIME_DIR"):
        runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)})


@pytest.mark.parametrize("length", [10, 200])
def test_a_sockets_path_always_fits_the_kernels_limit(tmp_path: Path, length: int) -> None:
    path = socket_path(tmp_path / ("x" * length), tmp_path / "state")

    assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
