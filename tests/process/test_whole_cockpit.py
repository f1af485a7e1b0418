"""The whole product on a terminal: real engine, real gateway process, one command."""

from __future__ import annotations

import os
import signal

import pytest

from engine.runtime.process.gateway_process import end_gateway, is_gateway, running_gateway
from tests.process.terminal import Place, Terminal
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def paper(place: Place, *, fresh: bool = False) -> Terminal:
    """`cockpit --paper` with nothing configured; `fresh` as a real shell starts it."""
    (place.folder / "cockpit.toml").write_text("", encoding="utf-8")
    return Terminal(place, "--paper", module="cockpit", fresh=fresh)


def is_ready(place: Place) -> bool:
    """The engine trades."""
    status = place.status()
    return status is not None and status["engine_state"] == "READY"


@pytest.mark.req("CARD-CLI")
def test_one_command_brings_up_gateway_and_engine_and_a_stop_takes_both_down(place: Place) -> None:
    screen = paper(place, fresh=True)
    try:
        screen.expect("simulated prices")
        eventually(lambda: is_ready(place), within_s=40.0, why="READY")
        gateway = running_gateway(place.state)
        assert gateway is not None

        other = place.run("--paper", "--headless", "--speed", "5")
        assert (other.returncode, f"pid {place.engine_pid()}" in other.stderr) == (4, True)
        screen.send("q")
        screen.expect("Leave")
        screen.send("k")

        assert screen.exit_code() == 0
        assert not place.engine_pid()
        assert not is_gateway(gateway.pid)
        assert "Traceback" not in place.log_text() + screen.text
    finally:
        screen.close()


def test_the_gateway_outlives_a_kill_of_the_cockpit_and_the_next_start_goes_on_with_it(place: Place) -> None:
    screen = paper(place)
    again = None
    try:
        eventually(lambda: is_ready(place), within_s=40.0, why="READY")
        gateway = running_gateway(place.state)
        assert gateway is not None
        os.kill(place.engine_pid(), signal.SIGKILL)
        assert screen.exit_code() == 1
        assert is_gateway(gateway.pid)

        again = paper(place)
        eventually(
            lambda: (place.status() or {}).get("connected"), within_s=40.0, why="a link to the same gateway"
        )
        assert running_gateway(place.state) == gateway
        assert place.run("stop").returncode == 0
        assert again.exit_code() == 0
        assert not is_gateway(gateway.pid)
    finally:
        screen.close()
        if again is not None:
            again.close()


def test_a_gateway_left_alone_with_other_flags_refuses_and_stop_removes_it(place: Place) -> None:
    screen = paper(place)
    other = None
    try:
        eventually(lambda: is_ready(place), within_s=40.0, why="READY")
        os.kill(place.engine_pid(), signal.SIGKILL)
        assert screen.exit_code() == 1

        other = Terminal(place, "--paper", "--seed", "99", module="cockpit")
        assert other.exit_code() == 4
        assert "seed" in other.text
        assert place.run("stop").returncode == 0
        assert running_gateway(place.state) is None
    finally:
        screen.close()
        if other is not None:
            other.close()
        left = running_gateway(place.state)
        if left is not None:
            end_gateway(left.pid)
