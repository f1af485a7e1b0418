"""How soon is there something to see: `cockpit --help` and the first frame, against a bare interpreter.

    python -m benchmarks.first_paint [--quick]

Each figure is the median of the runs, in ms and as a ratio to starting the interpreter in the same run,
so that a busy machine shows as such. Aims on a quiet machine: help 200 ms, first frame 600 ms.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, show

ROOT = Path(__file__).resolve().parents[1]
FRAME = re.compile(rb"PAPER")
DEADLINE_S = 30.0
AIMS_MS = {"cockpit --help": 200.0, "first frame": 600.0}


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    runs = 1 if quick else 7
    control: list[float] = []
    taken: dict[str, list[float]] = {"cockpit --help": [], "first frame": []}
    for _ in range(runs):
        control.append(run_ms([sys.executable, "-c", "pass"]))
        taken["cockpit --help"].append(run_ms([sys.executable, "-m", "cockpit", "--help"]))
        taken["first frame"].append(first_frame_ms())
    base = statistics.median(control)
    made = []
    for name, values in taken.items():
        median = statistics.median(values)
        note = f"{median / base:.1f}x a bare interpreter ({base:.0f} ms); best {min(values):.0f}, {runs} runs"
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
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        config = Path(folder) / "cockpit.toml"
        config.write_text(f'[state]\ndir = "{folder}/state"\n', encoding="utf-8")
        command = [sys.executable, "-m", "cockpit", "--paper", "--config", str(config)]
        start = time.perf_counter()
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.execve(command[0], command, environ() | {"XDG_RUNTIME_DIR": folder})
        try:
            wait_for(master, FRAME)
            return (time.perf_counter() - start) * 1000
        finally:
            end(pid, master)


def wait_for(master: int, wanted: re.Pattern[bytes]) -> None:
    """Read the terminal until the text is there."""
    seen = b""
    deadline = time.monotonic() + DEADLINE_S
    while not wanted.search(seen):
        ready, _, _ = select.select([master], [], [], deadline - time.monotonic())
        if not ready:
            raise SystemExit(f"no frame within {DEADLINE_S} s; got {seen[-300:]!r}")
        seen += os.read(master, 65536)


def end(pid: int, master: int) -> None:
    """Stop it as an operator would from a shell, reading until it has gone."""
    os.kill(pid, signal.SIGTERM)
    while True:
        try:
            if not os.read(master, 65536):
                break
        except OSError:
            break
    os.close(master)
    os.waitpid(pid, 0)


def environ() -> dict[str, str]:
    """The environment of a modern terminal."""
    return {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    main()
