"""A whole trading day of the real cockpit, with drills at random.

    python -m tests.soak_day --symbols 100 --speed 20 --hours 6.5

Prints what goes on, then figures and the verdict; exit code 1 where the day did not end flat, reconciled and
without an error that no drill announced. `--keep FOLDER` copies log, books and journal there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from engine.runtime.process.errors import StartError
from tests.soak_day.day import Course, Day, Plan, prepared
from tests.soak_day.verdict import alerts_of, codes_of, error_lines, left_over, unannounced
from tests.storm.real import RealCockpit

DRILLS_A_DAY = 40
MOST_LINES = 20


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--speed", type=float, default=20.0, help="exchange seconds in a real one")
    parser.add_argument("--hours", type=float, default=6.5, help="of exchange time")
    parser.add_argument("--drills", choices=("random", "none"), default="random")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy its state there, log and all")
    return parser.parse_args()


def judged(cockpit: RealCockpit, course: Course) -> list[str]:
    """Everything that is wrong with the day, and its figures on the way."""
    record, alerts, lines = cockpit.record(), alerts_of(cockpit), error_lines(cockpit.state / "logs")
    bad = unannounced(lines, course.drills, alerts)
    counted = Counter(went.drill.name for went in course.drills)
    codes = Counter(code for line in lines if line not in bad for code in codes_of(line, alerts))
    say(f"{len(record.orders)} orders, {len(record.executions)} executions at the exchange", 0)
    say(f"{len(course.drills)} drills: {', '.join(f'{n} {name}' for name, n in counted.most_common())}", 0)
    say(f"{sum(len(went.settled) for went in course.drills)} verbs given by the operator", 0)
    say(f"at most {course.most_held} positions, {course.lines} data lines", 0)
    say(f"longest lag of the engine's loop {course.lag_ms:.0f} ms", 0)
    for name, seen in course.memory_mb.items():
        say(f"memory of the {name}: {seen[0]:.0f} MB first, {max(seen):.0f} most, {seen[-1]:.0f} last", 0)
    say(f"{len(lines)} lines of ERROR or worse, announced by their drill: {dict(codes)}", 0)
    wrong = left_over(cockpit)
    if course.stopped:
        wrong.append(f"the engine ended with {course.stopped}")
    return wrong + [
        f"{line.level} not announced: {line.kind} {line.symbol} {line.text[:300]}" for line in bad
    ]


def say(text: str, began_s: float) -> None:
    """A line, with the time since the begin where it has one."""
    print(f"{time.monotonic() - began_s:7.1f} s  {text}" if began_s else text, flush=True)


def main() -> int:
    """Play it and judge it."""
    wish, began_s = asked(), time.monotonic()
    real_s = wish.hours * 3600.0 / wish.speed
    pause_s = real_s / DRILLS_A_DAY if wish.drills == "random" else 0.0
    plan = Plan(wish.symbols, wish.speed, wish.hours, wish.seed, pause_s)
    print(f"seed {wish.seed}: {wish.symbols} symbols, {wish.hours:g} h at {wish.speed:g}x", flush=True)
    with prepared(plan, keep=wish.keep) as cockpit:
        day = Day(cockpit, plan, tell=lambda text: say(text, began_s))
        wrong = []
        try:
            day.play()
        except (AssertionError, StartError, OSError) as error:
            wrong.append(f"cut short: {error}")
        wrong += judged(cockpit, day.course)
        for line in wrong[:MOST_LINES]:
            say(f"WRONG {line}", 0)
    say("FAILED" if wrong else "PASS: flat, reconciled, no error that no drill announced", 0)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
