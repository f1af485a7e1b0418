"""Attached screens that misbehave: stalled, hung up, killed. The engine never waits for one of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.lock import holder_of
from tests.process import forked
from tests.process.terminal import SMALL, Place, Terminal, cpu_s, end_all
from tests.process.test_terminal import Control
from tests.waiting import eventually

pytestmark = pytest.mark.slow

STALL_S = 1.0
"""Its terminal's queue is full within a tenth of that; `python -m benchmarks attached_gap` takes a minute."""


@contextmanager
def headless(place: Place) -> Iterator[int]:
    """The small engine without a screen; its process."""
    with (place.folder / "output.txt").open("ab") as output:
        process = forked.start(
            ["--paper", "--headless"],
            folder=place.folder,
            environ=place.environ(),
            output=output,
            errors=output,
            module=SMALL,
        )
    try:
        eventually(lambda: (place.status() or {}).get("engine_state") == "READY", why="READY")
        yield process.pid
    finally:
        end_all(place)
        process.wait(60.0)


@contextmanager
def attached(place: Place, *options: str) -> Iterator[Terminal]:
    """A screen on the running engine, drawn."""
    screen = Terminal(place, "attach", *options)
    try:
        screen.expect("S00")
        yield screen
    finally:
        screen.close()


def asked(place: Place) -> list[str]:
    """Every command that the engine was given."""
    holder = holder_of(place.state)
    assert holder is not None
    handle = SocketHandle.connect(Path(holder.socket), role="command", timeout_s=5.0)
    try:
        return [event.text for event in handle.snapshot().events]
    finally:
        handle.close()


def kill(screen: Terminal) -> None:
    """kill -9 of the attached client."""
    os.kill(screen.child(), signal.SIGKILL)


class Engine:
    """Looks at the engine while something is done to its screens."""

    def __init__(self, place: Place, pid: int, control: LoopLagProbe) -> None:
        self._place = place
        self._pid = pid
        self._control = control

    def bears(self, *acts: Callable[[], object]) -> None:
        """Do it, and see that the engine goes on as if nobody had been there."""
        used, before = cpu_s(self._pid), self._place.status()
        for act in acts:
            act()
        threading.Event().wait(STALL_S)
        after = self._place.status()
        assert before is not None
        assert after is not None
        assert after["as_of"] > before["as_of"], "the engine stood still"
        lag_ms, control_ms = after["health"]["loop_lag_max_ms"], self._control.worst_ms
        # The control's worst is one draw of how long this machine lets a process wait; ours may be another.
        assert lag_ms < 250.0 + 3 * control_ms, f"engine {lag_ms} ms, control {control_ms} ms"
        assert cpu_s(self._pid) - used < 0.6 * STALL_S, "something spins behind a dead screen"


@pytest.mark.req("CARD-APP")
def test_an_attached_screen_that_stalls_hangs_up_or_is_killed_never_holds_the_engine_up(place: Place) -> None:
    with Control() as control, headless(place) as pid:
        engine = Engine(place, pid, control)
        with attached(place) as acting, attached(place, "--watch") as watching:
            engine.bears(acting.stall, watching.stall)
            engine.bears(acting.hang_up, lambda: kill(watching))
        eventually(lambda: asked(place).count("detached") == 1, why="the acting one alone to count as lost")
        with attached(place) as acting:
            engine.bears(lambda: kill(acting))
        eventually(lambda: asked(place).count("detached") == 2, why="the killed one to count as lost")
        assert "Traceback" not in place.log_text()
