"""Durable writes: the store against a bare SQLite FULL commit of the same run, and what the loop feels.

Run: `python benchmarks/durable_write.py [folder]` (the folder's disk is the one that is measured).
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

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
            Tif.DAY,
            START,
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


async def measure(folder: Path) -> dict[str, list[float]]:
    """Times in seconds of each kind of write, interleaved so that all meet the same disk."""
    times: dict[str, list[float]] = {"bare commit": [], "intent": [], "sending": [], "fill": []}
    control = bare(folder / "control.db")
    store = await Store.open(folder / "state" / "store.db", gateway="embedded", account="DU1")
    ledger = Ledger()
    try:
        for number in range(ROUNDS):
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


async def blocked_while_writing(folder: Path) -> float:
    """Longest turn of a loop that does nothing but write, in seconds."""
    watch = LoopWatch()
    store = await Store.open(folder / "watched" / "store.db", gateway="embedded", account="DU1")
    watcher = asyncio.create_task(watch.run())
    try:
        for number in range(ROUNDS // 3):
            await store.record_intents([order(number)], at=START)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await store.close()
    return watch.longest_s


def quantile(times: list[float], q: float) -> float:
    """The q-quantile in milliseconds."""
    return sorted(times)[int(len(times) * q)] * 1000.0


def main() -> None:
    """Print the table."""
    base = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        times = asyncio.run(measure(Path(name)))
        longest_s = asyncio.run(blocked_while_writing(Path(name)))
    control = quantile(times["bare commit"], 0.5), quantile(times["bare commit"], 0.99)
    print(
        f"{'write':<12} {'p50 ms':>8} {'ratio':>6} {'p99 ms':>8} {'ratio':>6}   aim: p50 <= {AIM_RATIO:.0f}x"
    )
    for kind, taken in times.items():
        p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
        print(f"{kind:<12} {p50:8.3f} {p50 / control[0]:6.2f} {p99:8.3f} {p99 / control[1]:6.2f}")
    print(
        f"longest turn of the loop while writing: {longest_s * 1000.0:.2f} ms (the disk is never waited for)"
    )


if __name__ == "__main__":
    main()
