"""How soon a key's outcome is on the screen, at the engine's own screen and at one that is attached.

Run `python -m benchmarks.keys [--quick]`. The real cockpit trades on the paper gateway at a terminal of
120x40; from the byte written to the terminal until the word of the engine's outcome is in the bytes that it
gets back. Each round pauses, resumes (the key of the dialog's button is timed, not the typing) and keeps a
note; each of them is durable before its outcome. The control is a key in the smallest screen that Textual
can make.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import bare_screen
from benchmarks.figures import Figure, quantile, show
from benchmarks.pty_screen import PtyScreen, attached_when_ready, paper_cockpit

ROUNDS, QUICK_ROUNDS = 70, 3
AIM_MS: Final = 100.0
ENTER: Final = "\r"


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="ckk-") as name:
        base_ms = quantile(bare_ms(Path(name), presses=3 * rounds), 0.5)
        own = own_ms(Path(name), rounds)
    with tempfile.TemporaryDirectory(prefix="ckk-") as name:
        attached = attached_ms(Path(name), rounds)
    return [
        _told("key to outcome on screen, p99", own, base_ms),
        _told("  at an attached screen, p99", attached, base_ms),
    ]


def _told(name: str, taken: list[float], base_ms: float) -> Figure:
    p50 = quantile(taken, 0.5)
    note = f"p50 {p50:.1f} ms = {p50 / base_ms:.1f}x a key in a bare Textual screen ({base_ms:.1f} ms)"
    return Figure(name, quantile(taken, 0.99), "ms", AIM_MS, f"{note}; {len(taken)} keys")


def bare_ms(folder: Path, *, presses: int) -> list[float]:
    """The control: keys in a screen that does nothing else."""
    screen = PtyScreen(["-m", "benchmarks.bare_screen"], folder=folder)
    try:
        screen.until(bare_screen.FRAME)
        screen.settle()
        return [screen.press("k", bare_screen.answer(count)) for count in range(1, presses + 1)]
    finally:
        screen.close()


def own_ms(folder: Path, rounds: int) -> list[float]:
    """At the screen that started with the engine."""
    with paper_cockpit(folder) as screen:
        screen.until("READY")
        return rounds_ms(screen, rounds)


def attached_ms(folder: Path, rounds: int) -> list[float]:
    """At a screen over the socket, the only one: it acts."""
    with paper_cockpit(folder, "--headless") as engine:
        engine.until("without a screen")
        screen = attached_when_ready(folder)
        try:
            return rounds_ms(screen, rounds)
        finally:
            screen.close()


def rounds_ms(screen: PtyScreen, rounds: int) -> list[float]:
    """Each outcome's way, in ms."""
    taken: list[float] = []
    for count in range(rounds):
        screen.settle()
        taken.append(screen.press("p", "pause done"))
        _open(screen, "p", typed=f"why-{count}")
        taken.append(screen.press(ENTER, "resume done"))
        _open(screen, "i", typed=f"word-{count}")
        taken.append(screen.press(ENTER, "note done"))
    return taken


def _open(screen: PtyScreen, key: str, *, typed: str) -> None:
    """Open a dialog and type into its field; nothing of it is timed."""
    screen.settle()
    screen.press(key, "esc closes")
    screen.settle()
    screen.press(typed, typed)


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
