"""Bytes per second that the cockpit writes to a real terminal, by how much of it ticks.

Run `python -m benchmarks.terminal_bytes [--quick]` from the project's root. Each case runs the whole
cockpit on a pty of 120x40 with 30 positions; a thread publishes a new snapshot ten times a second.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import threading
import time
import zlib
from dataclasses import replace

from benchmarks.figures import Figure, show

CASES = (("idle", 0, None, None), ("10 % of rows tick", 3, 8000.0, 1500.0), ("all rows tick", 30, None, None))
"""What ticks, how many rows of it, and the most bytes per second it may take, plain and compressed."""
COLUMNS, LINES = 120, 40


def run_cockpit(*, ticking: int, seconds: float) -> None:
    """The child: a cockpit whose engine ticks, until the time is over."""
    from cockpit.app import CockpitApp
    from cockpit.exits import Exit
    from tests.cockpit.scripted import NORMAL, ScriptedHandle, position

    held = tuple(position(f"SYM{index}", last=100.0 + index, avg_price=100.0) for index in range(30))
    handle = ScriptedHandle(replace(NORMAL, positions=held))
    app = CockpitApp(handle)

    def tick() -> None:
        stop_at, step = time.monotonic() + seconds, 0
        while time.monotonic() < stop_at:
            step += 1
            moved = tuple(
                replace(item, last=100.0 + step * 0.01, unrealized_usd=step * 0.5)
                if index < ticking
                else item
                for index, item in enumerate(held)
            )
            handle.publish_quietly(positions=moved, as_of=app.frame.now)
            time.sleep(0.1)
        app.leave(Exit.DETACH)

    threading.Thread(target=tick, daemon=True).start()
    app.run()


def measure(*, ticking: int, seconds: float) -> tuple[float, float]:
    """Bytes per second and the same after per-chunk zlib, the first paint not counted."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.environ.pop("NO_COLOR", None)
        run_cockpit(ticking=ticking, seconds=seconds + 2.0)
        os._exit(0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    plain, packed = _drain(master, skip_s=2.0, seconds=seconds)
    os.waitpid(pid, 0)
    os.close(master)
    return plain / seconds, packed / seconds


def _drain(master: int, *, skip_s: float, seconds: float) -> tuple[int, int]:
    started = time.monotonic()
    packer = zlib.compressobj()
    plain = packed = 0
    while True:
        ready, _, _ = select.select([master], [], [], 0.5)
        try:
            chunk = os.read(master, 65536) if ready else b""
        except OSError:
            return plain, packed
        passed = time.monotonic() - started
        small = len(packer.compress(chunk)) + len(packer.flush(zlib.Z_SYNC_FLUSH))
        if chunk and skip_s < passed < skip_s + seconds:
            plain += len(chunk)
            packed += small
        if passed > skip_s + seconds + 10.0:
            return plain, packed


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    made = []
    for words, ticking, most_plain, most_packed in CASES[:1] if quick else CASES:
        plain, packed = measure(ticking=ticking, seconds=1.0 if quick else 5.0)
        made.append(Figure(f"to the terminal: {words}", plain, "bytes/s", most_plain, "30 rows, 120x40"))
        made.append(Figure("  as ssh -C would send them", packed, "bytes/s", most_packed))
    return made


def main() -> None:
    """Print one line per case."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
