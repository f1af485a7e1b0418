"""A newcomer's first minutes with real processes at real speed: time from READY to the first fill, per seed.

    python -m benchmarks.first_evening --seeds 20 --minutes 1
    python -m benchmarks.first_evening --seeds 2 --minutes 15

Each seed is drawn fresh and printed; the processes are started as `cockpit --paper --headless` starts them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

POLL_S = 1.0
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Evening:
    """What one seed gave."""

    seed: int
    ready: bool
    first_fill_s: float | None
    round_trips: int
    exit_code: int


def play(seed: int, *, minutes: float) -> Evening:
    """One cockpit from its start to its graceful stop."""
    with tempfile.TemporaryDirectory(prefix="ck-") as place:
        state = Path(place)
        environ = {**os.environ, "XDG_RUNTIME_DIR": place}
        command = [
            sys.executable,
            "-m",
            "cockpit",
            "--paper",
            "--headless",
            "--seed",
            str(seed),
            "--state",
            place,
        ]
        engine = subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place
        )
        try:
            ready, first, trips = _watch(_statuses(state, environ), minutes=minutes)
        finally:
            engine.terminate()
            code = engine.wait(timeout=60)
    return Evening(seed, ready, first, trips, code)


def _watch(statuses: Iterator[dict[str, object]], *, minutes: float) -> tuple[bool, float | None, int]:
    began, ready_at, first, trips = time.monotonic(), None, None, 0
    for status in statuses:
        now = time.monotonic()
        if ready_at is None and status.get("engine_state") == "READY":
            ready_at = now
        if ready_at is None:
            if now - began > READY_WITHIN_S:
                break
            continue
        pnl = status["pnl"]
        assert isinstance(pnl, dict)
        trips = int(pnl["trades"])
        if first is None and (status["positions"] or trips):
            first = now - ready_at
        if now - ready_at > minutes * 60 or (minutes <= 1 and first is not None):
            break
    return ready_at is not None, first, trips


def _statuses(state: Path, environ: dict[str, str]) -> Iterator[dict[str, object]]:
    command = [sys.executable, "-P", "-m", "cockpit", "status", "--json", "--state", str(state)]
    while True:
        time.sleep(POLL_S)
        told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=state)
        yield json.loads(told.stdout) if told.returncode == 0 else {}


def main() -> int:
    """Print a line per seed and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    seeds = [secrets.randbelow(2**31) for _ in range(asked.seeds)]
    with ThreadPoolExecutor(asked.at_once) as pool:
        found = list(pool.map(lambda seed: play(seed, minutes=asked.minutes), seeds))
    for evening in found:
        first = "none" if evening.first_fill_s is None else f"{evening.first_fill_s:5.1f} s"
        print(f"seed {evening.seed:>10}  first position {first}  round trips {evening.round_trips}")
    in_time = sum(1 for e in found if e.first_fill_s is not None and e.first_fill_s <= 60)
    needed = asked.seeds * 19 // 20
    trips_ok = asked.minutes < 15 or all(e.round_trips >= 3 for e in found)
    verdict = "PASS" if in_time >= needed and trips_ok else "FALLS SHORT"
    print(f"{in_time} of {asked.seeds} within 60 s (needed {needed}): {verdict}")
    return 0 if verdict == "PASS" else 1


if __name__ == "__main__":
    sys.exit(main())
