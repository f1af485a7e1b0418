"""One pass over everything that is held, and one decision cycle, with fifty positions and the screen on.

Run `python -m benchmarks.monitoring [--quick]`. The whole cockpit runs on a pseudo-terminal on a tape of a
hundred stocks, buys fifty of them, and each regular round asks for the next one, as a change of orders does:
a thousand of them, some twenty times as often as while nothing happens.
A pass is what looks at orders and positions in a round (stops, second net, age, overdue orders); the whole
round beside it also reads the kill file and does the chores. A cycle is one bar and all strategies that
decide on it; every bar of a held stock wants to enter once more, and the gate must say no.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks import hundred
from benchmarks.echo import EchoClient, EchoProcess
from benchmarks.figures import Figure, quantile, show
from benchmarks.hundred import SYMBOLS
from benchmarks.monitor_child import ENOUGH, FULL, Stamps
from benchmarks.scripts import ENTER
from benchmarks.tick_to_order import Screen

POSITIONS = 50
READY_S = 90.0
MOST_S = 75.0
"""For as long rounds are counted at most, should they be slow."""
OTHERS = """
[strategies.holder]
kind = "{kind}"
symbols = {symbols}
timeframe = "5s"
[strategies.cross]
kind = "ma_crossover"
symbols = {symbols}
timeframe = "1m"
[strategies.fast]
kind = "momentum"
symbols = {symbols}
timeframe = "1m"
"""


class Times(NamedTuple):
    """What one run measured."""

    stamps: Stamps
    echoes_s: list[float]


async def _run(folder: Path, echo_port: int, *, positions: int, rounds: int) -> list[float]:
    """Let the cockpit run until it made its rounds with everything held; the times of the echo beside it."""
    screen = Screen(folder, f"{positions},{rounds}", module="benchmarks.monitor_child")
    echo = await EchoClient.connect(echo_port)
    try:
        deadline_s = time.monotonic() + READY_S
        while not (folder / FULL).exists():
            if time.monotonic() > deadline_s:
                raise SystemExit(
                    f"no {positions} positions after {READY_S:.0f} s; its screen: {screen.tail!r}"
                )
            await asyncio.sleep(0.25)
        ends_s = time.monotonic() + MOST_S
        while time.monotonic() < ends_s and not (folder / ENOUGH).exists():
            await echo.ask()
            await asyncio.sleep(0.1)
    finally:
        echo.close()
        await screen.end()
    return echo.times_s


def measured(*, positions: int, rounds: int) -> Times:
    """One cockpit with so many positions and so many rounds."""
    with EchoProcess() as echo, tempfile.TemporaryDirectory(prefix="ck-") as name:
        folder = Path(name)
        hundred.prepare(folder)
        text = hundred.CONFIG.format(folder=folder, positions=positions)
        text += OTHERS.format(kind=ENTER, symbols=hundred.listed(SYMBOLS[:positions]))
        (folder / "cockpit.toml").write_text(text, encoding="utf-8")
        echoes_s = asyncio.run(_run(folder, echo.port, positions=positions, rounds=rounds))
        return Times(Stamps.read(folder), echoes_s)


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    stamps, echoes_s = measured(positions=POSITIONS, rounds=100 if quick else 1000)
    control = quantile(echoes_s, 0.5)
    rows = (
        ("monitoring pass over 50 positions, p50", stamps.looks_s, 0.5, None),
        ("monitoring pass over 50 positions, p95", stamps.looks_s, 0.95, 10.0),
        ("  of it processor time, p50", stamps.looks_cpu_s, 0.5, None),
        ("  the whole round, p95", stamps.rounds_s, 0.95, 100.0),
        ("decision cycle, p95", stamps.cycles_s, 0.95, 50.0),
    )
    made = []
    for title, taken_s, q, aim in rows:
        value = quantile(taken_s, q)
        note = f"{value / control:.1f}x an echo's p50 ({control * 1e3:.2f} ms), {len(taken_s)} of them"
        made.append(Figure(title, value * 1e3, "ms", aim, note))
    note = f"{len(stamps.rounds_s)} rounds one after the other, screen on"
    made.append(Figure("  loop's longest lag meanwhile", stamps.lag_ms, "ms", 100.0, note))
    return made


def main() -> None:
    """Print the table."""
    show(figures(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
