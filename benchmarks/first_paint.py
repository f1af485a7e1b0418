"""How soon is there something to see: `cockpit --help`, the first frame, and the one of `cockpit attach`.

    python -m benchmarks.first_paint [--quick]

Each figure is the median of the runs, in ms, beside two controls of the same run: starting the interpreter,
and the first frame of the smallest screen that Textual can make. The first frame of `attach` counts when it
shows what the running engine says; `--quick` leaves it out.
Aims on a quiet machine: help 200 ms, the frames 600 ms.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks import bare_screen
from benchmarks.figures import Figure, show
from benchmarks.pty_screen import ROOT, PtyScreen, attached_to, attached_when_ready, environ, paper_cockpit

HELP, FIRST, ATTACH, BARE = "cockpit --help", "first frame", "attach: first frame", "a bare Textual screen"
AIMS_MS: Final = {HELP: 200.0, FIRST: 600.0, ATTACH: 600.0, BARE: None}


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    runs = 1 if quick else 7
    control: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in AIMS_MS}
    with tempfile.TemporaryDirectory(prefix="ck-") as name:
        folder = Path(name)
        for _ in range(runs):
            control.append(run_ms([sys.executable, "-c", "pass"]))
            taken[HELP].append(run_ms([sys.executable, "-m", "cockpit", "--help"]))
            taken[BARE].append(frame_ms(PtyScreen(["-m", "benchmarks.bare_screen"], folder=folder)))
            taken[FIRST].append(first_frame_ms())
        if quick:
            del taken[ATTACH]
        else:
            taken[ATTACH] = attach_ms(folder, runs)
    interpreter_ms, bare_ms = statistics.median(control), statistics.median(taken[BARE])
    made = []
    for name, values in taken.items():
        median = statistics.median(values)
        beside = f", {median / bare_ms:.1f}x the bare screen" if name in {FIRST, ATTACH} else ""
        note = f"{median / interpreter_ms:.1f}x a bare interpreter ({interpreter_ms:.0f} ms){beside}"
        note += f"; best {min(values):.0f}, {runs} runs"
        made.append(Figure(f"{name}, median", median, "ms", AIMS_MS[name], note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


def run_ms(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environ(), stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1000


def first_frame_ms() -> float:
    """From the start of `cockpit --paper` on a terminal to the first frame with its mode in it."""
    with tempfile.TemporaryDirectory(prefix="ck-") as name, paper_cockpit(Path(name)) as screen:
        return (screen.until("PAPER") - screen.started_s) * 1000


def attach_ms(folder: Path, runs: int) -> list[float]:
    """From the start of `cockpit attach` to the state of the engine that runs, on its screen."""
    with paper_cockpit(folder, "--headless") as engine:
        engine.until("without a screen")
        attached_when_ready(folder).close()
        return [frame_ms(attached_to(folder), "READY") for _ in range(runs)]


def frame_ms(screen: PtyScreen, wanted: str = bare_screen.FRAME) -> float:
    """Until the terminal has it; the program is ended."""
    try:
        return (screen.until(wanted) - screen.started_s) * 1000
    finally:
        screen.close()


if __name__ == "__main__":
    main()
