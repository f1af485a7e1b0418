"""The embedded gateway as a process: found, refused, stopped, and alive after our death."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.gateway.arguments import parse_arguments
from engine.runtime.process.errors import RefusedError, UsageError
from engine.runtime.process.gateway_process import (
    GatewayPlan,
    GatewayProcess,
    end_gateway,
    is_gateway,
    plan_for,
    running_gateway,
)

pytestmark = pytest.mark.slow


@pytest.fixture
async def plan(tmp_path: Path) -> AsyncIterator[GatewayPlan]:
    """A gateway of this test; ended afterwards."""
    plan = plan_for(tmp_path, speed=1.0, seed=7, world="edge", tape="", start_at="10:00")
    yield plan
    left = running_gateway(tmp_path)
    if left is not None:
        end_gateway(left.pid)


def test_one_that_reads_a_tape_is_given_more_time_to_start(tmp_path: Path) -> None:
    usual, played = (
        plan_for(tmp_path, speed=1.0, seed=7, world="edge", tape=tape, start_at="10:00")
        for tape in ("", "/day")
    )

    assert played.start_s > 4 * usual.start_s, "a whole day is played up to where it goes on"


async def test_it_starts_without_a_terminal_listens_and_stops_when_asked(plan: GatewayPlan) -> None:
    gateway = GatewayProcess.spawn(plan)
    endpoint = await gateway.ready()

    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.close()
    await writer.wait_closed()
    assert endpoint.account.startswith("DU")
    assert os.getsid(endpoint.pid) == endpoint.pid, "it shares a session with nobody"
    assert str(Path(f"/proc/{endpoint.pid}/fd/0").readlink()) == "/dev/null"

    assert await gateway.stop()
    assert not is_gateway(endpoint.pid)


async def test_one_that_runs_with_the_same_flags_is_used_again(plan: GatewayPlan, tmp_path: Path) -> None:
    first = await GatewayProcess.spawn(plan).ready()

    again = GatewayProcess.spawn(plan)
    assert (await again.ready()) == first
    assert running_gateway(tmp_path) == first
    assert await again.stop()


async def test_one_that_runs_with_other_flags_refuses_with_the_reason(plan: GatewayPlan) -> None:
    first = GatewayProcess.spawn(plan)
    endpoint = await first.ready()
    arguments = tuple("9" if word == "7" else word for word in plan.arguments)

    with pytest.raises(RefusedError, match="seed") as refused:
        await GatewayProcess.spawn(replace(plan, arguments=arguments)).ready()

    assert refused.value.exit_code == 4
    assert is_gateway(endpoint.pid), "the running one is left alone"
    assert await first.stop()


async def test_after_its_death_a_stale_status_file_is_not_believed(plan: GatewayPlan, tmp_path: Path) -> None:
    gateway = GatewayProcess.spawn(plan)
    first = await gateway.ready()
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert running_gateway(tmp_path) is None

    again = GatewayProcess.spawn(plan)
    second = await again.ready()

    assert second.pid != first.pid
    assert await again.stop()


async def test_one_that_cannot_start_says_why(plan: GatewayPlan) -> None:
    broken = replace(plan, arguments=("--tape", str(plan.state_dir / "nowhere")))

    with pytest.raises(UsageError, match="nowhere"):
        await GatewayProcess.spawn(broken).ready()


async def test_a_folder_called_engine_in_the_current_directory_is_not_run_instead(
    plan: GatewayPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "trap" / "engine" / "gateway"
    trap.mkdir(parents=True)
    (trap.parent / "__init__.py").touch()
    (trap / "__init__.py").touch()
    (trap / "__main__.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(tmp_path / "trap")

    gateway = GatewayProcess.spawn(plan)
    await gateway.ready()
    assert await gateway.stop()


def test_a_pid_that_now_belongs_to_another_program_is_not_taken_for_a_gateway() -> None:
    assert not is_gateway(os.getpid())
    assert not is_gateway(2**22 + 1)


def test_an_account_with_more_data_lines_is_simulated_with_as_many(plan: GatewayPlan, tmp_path: Path) -> None:
    more = plan_for(tmp_path, speed=1.0, seed=7, world="edge", tape="", start_at="10:00", data_lines=200)

    given = [parse_arguments(["--state", str(tmp_path), *one.arguments]) for one in (plan, more)]
    assert [settings.limits.data_lines for settings in given] == [100, 200]
    with pytest.raises(SystemExit):
        parse_arguments(["--state", str(tmp_path), "--data-lines", "0"])
