"""Durable writes: the store against a bare SQLite FULL commit of the same run, and what the loop feels.

Run: `python -m benchmarks.durable_write [--quick] [FOLDER]` (the folder's disk is the one that is measured).
The loop's longest turn is told beside that of a loop with nothing to do, because a busy machine holds up
both.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.figures import Figure, quantile, show
from engine.domain.fill import Fill
from engine.domain.order import OrderIntent, OrderType, Role, Side, Tif
from engine.ledger.events import Executed, Registered
from engine.ledger.ledger import Ledger
from engine.store.store import Store

ROUNDS = 600
AIM_RATIO = 3.0
START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


def order(number: int) -> OrderIntent:
    """An entry of its own for every round."""
    return OrderIntent(
        *(
            f"ck-bench-{number}",
            "bench",
            "SPY",
            756733,
            Role.ENTRY,
            Side.BUY,
            100,
            OrderType.LIMIT,
            START,
            Tif.DAY,
        ),
        limit_price=500.0,
    )


def execution(number: int) -> Executed:
    """The fill of that entry."""
    at = START + timedelta(seconds=number)
    return Executed(
        Fill(
            f"e{number}.01", f"ck-bench-{number}", number + 1, "SPY", 756733, Side.BUY, 100, Decimal(500), at
        ),
        0,
        at,
    )


def bare(path: Path) -> Callable[[int], None]:
    """The control: one row, one FULL commit, nothing else."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, text TEXT)")

    def write(number: int) -> None:
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("INSERT INTO row VALUES (?, ?)", (number, "x" * 200))
        conn.execute("COMMIT")

    return write


class LoopWatch:
    """Turns with the loop and remembers how long it was held up, write times apart."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            self.longest_s = max(self.longest_s, time.perf_counter() - before)


async def measure(folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """Times in seconds of each kind of write, interleaved so that all meet the same disk."""
    times: dict[str, list[float]] = {"bare commit": [], "intent": [], "sending": [], "fill": []}
    control = bare(folder / "control.db")
    store = await Store.open(folder / "state" / "store.db", gateway="embedded", account="DU1")
    ledger = Ledger()
    try:
        for number in range(rounds):
            intent, sent = order(number), ((f"ck-bench-{number}", number + 1),)
            began = time.perf_counter()
            control(number)
            times["bare commit"].append(time.perf_counter() - began)
            began = time.perf_counter()
            await store.record_intents([intent], at=START)
            times["intent"].append(time.perf_counter() - began)
            began = time.perf_counter()
            await store.mark_sending(sent, at=START)
            times["sending"].append(time.perf_counter() - began)
            ledger.apply(Registered((intent,), START))
            changes = ledger.apply(execution(number))
            began = time.perf_counter()
            await store.apply(changes, at=START)
            times["fill"].append(time.perf_counter() - began)
    finally:
        await store.close()
    return times


async def blocked(folder: Path, *, writes: int) -> tuple[float, float]:
    """Longest turn in seconds of a loop that writes, and of the same loop waiting as long without a write."""
    store = await Store.open(folder / "watched" / "store.db", gateway="embedded", account="DU1")
    try:
        began = time.perf_counter()
        writing = await _longest(lambda number: store.record_intents([order(number)], at=START), writes)
        pause_s = (time.perf_counter() - began) / writes
        idle = await _longest(lambda _: asyncio.sleep(pause_s), writes)
    finally:
        await store.close()
    return writing, idle


async def _longest(act: Callable[[int], Awaitable[object]], times: int) -> float:
    watch = LoopWatch()
    watcher = asyncio.create_task(watch.run())
    try:
        for number in range(times):
            await act(number)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    return watch.longest_s


def figures(*, quick: bool = False, base: Path | None = None) -> list[Figure]:
    """The figures of one run."""
    rounds = 50 if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="ck-", dir=base) as name:
        times = asyncio.run(measure(Path(name), rounds=rounds))
        writing_s, idle_s = asyncio.run(blocked(Path(name), writes=rounds))
    control = times.pop("bare commit")
    made = []
    for kind, taken in times.items():
        p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
        note = (
            f"{p50 * 1e3:.2f} ms against {quantile(control, 0.5) * 1e3:.2f} ms; "
            f"p99 {p99 * 1e3:.2f} against {quantile(control, 0.99) * 1e3:.2f} ms"
        )
        ratio = p50 / quantile(control, 0.5)
        made.append(Figure(f"durable write: {kind}, p50 / bare FULL commit", ratio, "x", AIM_RATIO, note))
    note = f"with nothing to do {idle_s * 1e3:.1f} ms"
    made.append(Figure("loop's longest turn while writing", writing_s * 1e3, "ms", None, note))
    return made


def main() -> None:
    """Print the table."""
    given = [word for word in sys.argv[1:] if word != "--quick"]
    show(figures(quick="--quick" in sys.argv, base=Path(given[0]) if given else None))


if __name__ == "__main__":
    main()
