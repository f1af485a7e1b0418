"""The engine's longest gap between ticks while a screen that is attached to it misbehaves.

Run `python -m benchmarks.attached_gap [--quick]`: a headless cockpit on the paper gateway, a minute with
nobody attached (the control), then a minute each with a screen from `cockpit attach` whose terminal is read
by nobody, is hung up, or that is killed with -9; once the one that acts, once one that watches. Beside the
gap from one handled tick to the next stands the longest lag of the engine's loop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import Figure, show
from benchmarks.gap_child import Gaps
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from tests.process.terminal import Place, Terminal
from tests.waiting import eventually

LONG_S, SHORT_S = 60.0, 2.0
MOST_MORE_MS: Final = 250.0
"""By how much a gap may be longer than the control's."""
READY_S = 90.0
SETTLE_S = 1.0
"""After a screen was drawn, or taken away, before the next stretch begins."""


class Fate(NamedTuple):
    """What becomes of an attached screen."""

    name: str
    strike: Callable[[Terminal], None]


def _kill(screen: Terminal) -> None:
    os.kill(screen.child(), signal.SIGKILL)


FATES: Final = (
    Fate("stalled", Terminal.stall),
    Fate("hung up", Terminal.hang_up),
    Fate("killed with -9", _kill),
)
ROLES: Final = {"acting": (), "watching": ("--watch",)}


class Stretch(NamedTuple):
    """A time that is looked at; monotonic seconds."""

    name: str
    began_s: float
    ended_s: float

    def longest_ms(self, gaps: list[tuple[float, float]]) -> float:
        """The longest gap that ended within it; 0 where none was worth noting."""
        return max((ms for at_s, ms in gaps if self.began_s <= at_s <= self.ended_s), default=0.0)


class Measured(NamedTuple):
    """One run."""

    control: Stretch
    stretches: tuple[Stretch, ...]
    gaps: Gaps


@contextmanager
def _engine(place: Place) -> Iterator[None]:
    """The headless cockpit, READY; ended with its gateway."""
    with (place.folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            place.command(str(place.folder), module="benchmarks.gap_child"),
            cwd=place.folder,
            env=place.environ(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: (place.status() or {}).get("engine_state") == "READY", within_s=READY_S)
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(READY_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(READY_S)
        running = running_gateway(place.state)
        if running is not None:
            end_gateway(running.pid)


def _look_on(name: str, seconds: float) -> Stretch:
    began_s = time.monotonic()
    threading.Event().wait(seconds)
    return Stretch(name, began_s, time.monotonic())


def _struck(place: Place, fate: Fate, role: str, seconds: float) -> Stretch:
    screen = Terminal(place, "attach", *ROLES[role], module="cockpit", fresh=True)
    try:
        screen.expect("READY")
        threading.Event().wait(SETTLE_S)
        began_s = time.monotonic()
        fate.strike(screen)
        return _look_on(f"{role} one {fate.name}", seconds)._replace(began_s=began_s)
    finally:
        screen.close()


def measured(
    *, seconds: float, fates: tuple[Fate, ...] = FATES, roles: tuple[str, ...] = tuple(ROLES)
) -> Measured:
    """One engine, `seconds` of each. AssertionError where it does not become READY."""
    with tempfile.TemporaryDirectory(prefix="ckg-") as name:
        place = Place(Path(name))
        (place.folder / "cockpit.toml").write_text("", encoding="utf-8")
        with _engine(place):
            threading.Event().wait(SETTLE_S)
            control = _look_on("nobody attached", seconds)
            stretches = []
            for role in roles:
                for fate in fates:
                    stretches.append(_struck(place, fate, role, seconds))
                    threading.Event().wait(SETTLE_S)
        return Measured(control, tuple(stretches), Gaps.read(place.folder))


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    run = measured(seconds=SHORT_S if quick else LONG_S)
    base_ms = run.control.longest_ms(run.gaps.ticks)
    lag_ms = run.control.longest_ms(run.gaps.lags)
    length = f"{run.control.ended_s - run.control.began_s:.0f} s"
    made = [
        Figure(
            "longest tick gap: nobody attached", base_ms, "ms", None, f"{length}; loop's lag {lag_ms:.0f} ms"
        )
    ]
    for stretch in run.stretches:
        note = f"{length}; loop's lag {stretch.longest_ms(run.gaps.lags):.0f} ms"
        value = stretch.longest_ms(run.gaps.ticks)
        made.append(Figure(f"  {stretch.name}", value, "ms", round(base_ms + MOST_MORE_MS, 1), note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
