"""How soon is there something to see: `cockpit --help` and the first frame, against a bare interpreter.

    python benchmarks/first_paint.py [runs]

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

ROOT = Path(__file__).resolve().parents[1]
FRAME = re.compile(rb"PAPER")
DEADLINE_S = 30.0


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    control: list[float] = []
    helps: list[float] = []
    frames: list[float] = []
    for _ in range(runs):
        control.append(run_ms([sys.executable, "-c", "pass"]))
        helps.append(run_ms([sys.executable, "-m", "cockpit", "--help"]))
        frames.append(first_frame_ms())
    base = statistics.median(control)
    print(f"{'':22}{'median ms':>10}{'best ms':>10}{'ratio':>8}   of {runs} runs")
    for name, values in (("interpreter", control), ("cockpit --help", helps), ("first frame", frames)):
        median = statistics.median(values)
        print(f"{name:22}{median:10.0f}{min(values):10.0f}{median / base:8.1f}")


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
