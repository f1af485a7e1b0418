"""The cockpit on a real terminal: drawn, resized, left, stalled, hung up. The engine never notices."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from engine.runtime.guards.lag import LoopLagProbe
from tests.process.terminal import Place, Terminal, cpu_s, end_all, terminal
from tests.waiting import eventually

pytestmark = pytest.mark.slow

ENTER_ALTERNATE = b"\x1b[?1049h"
LEAVE_ALTERNATE = b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


def drawn(screen: Terminal) -> None:
    """Wait for the first frame of a trading engine."""
    screen.expect("READY")
    screen.expect("S00")


def detach(screen: Terminal) -> None:
    """q, then detach."""
    screen.send("q")
    screen.expect("Leave")
    screen.send("d")


@pytest.mark.req("CARD-CLI")
@pytest.mark.parametrize("term", ["xterm-256color", "xterm"])
def test_it_draws_follows_a_resize_and_gives_the_terminal_back(place: Place, term: str) -> None:
    with terminal(replace(place, term=term), "--paper", size=(80, 24)) as screen:
        drawn(screen)
        assert ENTER_ALTERNATE in screen.raw

        screen.forget()
        screen.resize(160, 45)
        eventually(lambda: b"\x1b[44;" in screen.raw or b"\x1b[45;" in screen.raw, why="rows of the new size")

        detach(screen)
        assert screen.exit_code() == 0
        assert LEAVE_ALTERNATE in screen.raw
        assert SHOW_CURSOR in screen.raw


@pytest.mark.req("CARD-CLI")
def test_detach_gives_the_prompt_back_and_the_same_process_trades_on(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        pid = place.engine_pid()
        detach(screen)

        assert screen.exit_code() == 0
        assert "cockpit attach" in screen.text
        assert place.engine_pid() == pid
        first = place.status()
        assert first is not None
        eventually(lambda: (place.status() or first)["as_of"] > first["as_of"], why="it to trade on")
        assert all(str(Path(f"/proc/{pid}/fd/{number}").readlink()) == "/dev/null" for number in range(3))


def test_attach_draws_the_running_engine_and_leaves_it_running(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        detach(screen)
        screen.expect("attach")
        pid = place.engine_pid()

        with_again = Terminal(place, "attach")
        try:
            drawn(with_again)
            detach(with_again)
            assert with_again.exit_code() == 0
            assert place.engine_pid() == pid
        finally:
            with_again.close()


def test_starting_again_attaches_and_a_second_screen_watches_until_it_takes_over(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        second = Terminal(place, "--paper")
        try:
            drawn(second)
            second.expect("WATCHING")
            second.send("T")
            second.expect("always")
            second.send("y")
            screen.expect("WATCHING")
            detach(second)
            assert second.exit_code() == 0
        finally:
            second.close()

        detach(screen)
        screen.expect("attach")
        third = Terminal(place, "--paper")
        try:
            drawn(third)
        finally:
            third.close()


@pytest.mark.parametrize(
    ("arguments", "difference"), [(["--headless", "--paper"], "--headless"), ([], "mode PAPER")]
)
def test_a_start_that_differs_from_the_running_engine_is_refused(
    place: Place, arguments: list[str], difference: str
) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        other = Terminal(place, *arguments)
        try:
            assert other.exit_code() == 4
            assert f"pid {place.engine_pid()}" in other.text
            assert difference.replace("--headless", "stop") in other.text
        finally:
            other.close()


def test_stopping_from_the_screen_ends_the_engine_and_says_so(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        screen.send("q")
        screen.expect("Leave")
        screen.send("k")

        assert screen.exit_code() == 0
        assert "stopped" in screen.text
        assert not place.engine_pid()


class Control:
    """A loop of its own in the test's process: how late timers fire on this machine right now."""

    def __init__(self) -> None:
        self.probe = LoopLagProbe()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.probe.start(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def __enter__(self) -> LoopLagProbe:
        self._thread.start()
        return self.probe

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60.0)


@pytest.mark.req("CARD-APP", "FUT-DO-1")
def test_a_terminal_that_stalls_freezes_the_screen_and_never_the_engine(place: Place) -> None:
    """30 s under the soak campaign (COCKPIT_STALL_S), shorter here: the queue is full within a second."""
    stall_s = float(os.environ.get("COCKPIT_STALL_S", "4"))
    with terminal(place, "--paper") as screen, Control() as control:
        drawn(screen)
        pid = place.engine_pid()
        screen.stall()
        used = cpu_s(pid)
        before = place.status()
        assert before is not None
        done = threading.Event()
        done.wait(stall_s)
        after = place.status()

        assert after is not None
        assert after["as_of"] > before["as_of"], "the engine stood still behind the terminal"
        lag_ms = after["health"]["loop_lag_max_ms"]
        assert lag_ms < 250.0 + control.worst_ms, f"engine {lag_ms} ms, control {control.worst_ms} ms"
        assert cpu_s(pid) - used < 0.6 * stall_s, "a thread spins behind the stalled terminal"

        screen.forget()
        screen.go_on()
        screen.expect("S00")
        detach(screen)
        assert screen.exit_code() == 0


@pytest.mark.parametrize("stalled", [False, True])
def test_a_line_that_goes_dead_detaches_without_a_traceback_or_a_spinning_thread(
    place: Place, *, stalled: bool
) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        pid = place.engine_pid()
        if stalled:
            screen.stall()
            seq = place.status()
            eventually(lambda: (place.status() or {}).get("as_of") != (seq or {}).get("as_of"))

        screen.hang_up()

        eventually(lambda: "screen left: terminal_lost" in place.log_text(), why=place.log_text()[-500:])
        assert place.engine_pid() == pid
        status = place.status()
        assert status is not None
        assert status["engine_state"] == "READY"
        used = cpu_s(pid)
        threading.Event().wait(1.0)
        assert cpu_s(pid) - used < 0.5
        assert "Traceback" not in place.log_text()


@pytest.mark.parametrize("whom", ["parent", "engine"])
def test_sighup_detaches_and_the_engine_is_told_that_its_terminal_is_lost(place: Place, whom: str) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        os.kill(screen.child() if whom == "parent" else place.engine_pid(), signal.SIGHUP)

        assert screen.exit_code() == 0
        assert place.status() is not None
        assert "Traceback" not in place.log_text() + screen.text


def test_killing_the_waiting_parent_is_a_lost_terminal_not_the_end(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        pid = place.engine_pid()
        os.kill(screen.child(), signal.SIGKILL)

        assert screen.exit_code() == 137
        eventually(lambda: LEAVE_ALTERNATE in screen.raw, why="the screen to leave the terminal")
        assert place.engine_pid() == pid
        eventually(lambda: "screen left: terminal_lost" in place.log_text())


def test_killing_the_engine_restores_the_terminal_and_says_what_happened(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        screen.forget()
        os.kill(place.engine_pid(), signal.SIGKILL)

        assert screen.exit_code() == 1
        assert "SIGKILL" in screen.text
        assert LEAVE_ALTERNATE in screen.raw
        assert SHOW_CURSOR in screen.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stalled", [False, True])
def test_a_stop_signal_acts_at_once_even_behind_a_stalled_terminal(
    place: Place, number: signal.Signals, *, stalled: bool
) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        if stalled:
            screen.stall()
            threading.Event().wait(1.0)
        os.kill(screen.child(), number)

        eventually(lambda: not place.engine_pid(), why="the engine to end")
        screen.go_on()
        assert screen.exit_code() == 0
        assert LEAVE_ALTERNATE in screen.raw, "a terminal that wakes up again is found in order"


def test_a_screen_that_breaks_leaves_the_engine_trading_and_says_so(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        pid = place.engine_pid()
        place.run("pause", "--reason", "garble")

        assert screen.exit_code() == 1
        assert "the screen failed" in screen.text
        assert "Traceback" not in screen.text
        assert place.engine_pid() == pid
        eventually(place.status, why="the engine to answer")


def test_an_engine_that_may_not_start_gives_its_reason_as_a_sentence_after_the_screen(place: Place) -> None:
    with (place.folder / "cockpit.toml").open("a", encoding="utf-8") as config:
        config.write('[run]\nid = "refuse"\n')
    with terminal(place, "--paper") as screen:
        assert screen.exit_code() == 4
        assert "the store belongs to another account; nothing was sent." in screen.text
        assert "Traceback" not in screen.text


def test_without_a_terminal_the_screen_is_refused_with_advice(place: Place) -> None:
    done = place.run("--paper", module="tests.process.small_cockpit")

    assert done.returncode == 2
    assert "--headless" in done.stderr


def test_a_screen_attached_from_elsewhere_that_hangs_up_is_reported_as_lost(place: Place) -> None:
    with terminal(place, "--paper") as screen:
        drawn(screen)
        detach(screen)
        screen.expect("attach")
        again = Terminal(place, "attach")
        drawn(again)
        again.close()

        third = Terminal(place, "attach")
        try:
            drawn(third)
        finally:
            third.close()
    end_all(place)


def test_keys_that_clash_are_wrong_configuration_before_anything_is_started(place: Place) -> None:
    with (place.folder / "cockpit.toml").open("a", encoding="utf-8") as config:
        config.write('[ui.keys]\nfly = "z"\n')
    with terminal(place, "--paper") as screen:
        assert screen.exit_code() == 2
        assert "ui.keys" in screen.text
        assert not place.state.exists()
