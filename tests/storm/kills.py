"""Real kill -9 of the real cockpit at random moments: `python -m tests.storm.kills --runs 100 [--seed N]`.

Every run lets a strategy that never rests trade on the gateway's process, kills the cockpit (now and then
the gateway too), holds the dead engine's database against the exchange's own journal, starts it again and
waits until both agree. One line per run; exit code 1 where a run failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from engine.api import Snapshot
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.lock import holder_of
from tests.storm.agreement import assert_agreement, broken_for_ever, parked
from tests.storm.real import RealCockpit
from tests.waiting import eventually

SYMBOLS = ("SPY", "QQQ", "TSLA", "NVDA", "AMD")
RUNS_PER_PLACE = 20
MOST_PARKED = 1
"""A parked order blocks its symbol: with more of them too little is traded."""
STRATEGY = {
    "churn": {"kind": "churn", "symbols": list(SYMBOLS), "timeframe": "5s", "params": {"hold": 2}},
}
ROOMY = {
    "max_positions": 5,
    "max_gross_exposure": 500_000.0,
    "max_total_at_risk_pct": 100.0,
    "repeated_execution": {"n": 1000},
    "orders_per_minute": 3000,
    "daily_loss_pct": 50.0,
    "symbol_daily_loss_pct": 50.0,
    "cooldown_minutes": 0.0,
    "cooldown_after_stop_minutes": 0.0,
}
SPEED = 10.0
"""A five-second bar every half second: orders are always on their way."""


@dataclass
class Tally:
    """What the runs have shown."""

    ready_s: list[float] = field(default_factory=list)
    acknowledged: int = 0
    lost: int = 0
    failed: list[str] = field(default_factory=list)


class Moment:
    """When the kill comes. Each waits for its instant and returns what to say about it."""

    def __init__(self, cockpit: RealCockpit, dice: random.Random) -> None:
        self._cockpit = cockpit
        self._dice = dice
        self._pause = Event()

    def any_time(self) -> str:
        """At a random instant."""
        waited = self._dice.uniform(0.0, 1.5)
        self._pause.wait(waited)
        return f"after {waited * 1e3:.0f} ms"

    def at_a_commit(self) -> str:
        """Within a few milliseconds of a durable write: between intent, sending, bytes and answer."""
        database = self._cockpit.database()
        assert database is not None
        wal = database.with_name(f"{database.name}-wal")
        delay = self._dice.uniform(0.0, 0.012)
        before = _stamp(wal)
        deadline = time.monotonic() + 3.0
        while _stamp(wal) == before and time.monotonic() < deadline:
            self._pause.wait(0.0002)
        self._pause.wait(delay)
        return f"{delay * 1e3:.1f} ms after a commit"

    def in_a_partial(self) -> str:
        """While an entry is filled in part."""
        self._cockpit.ask(do="split_next", parts=4, ref="-entry")

        def is_partial() -> bool:
            orders = self._cockpit.ask(do="report")["orders"]
            return any(0 < o["filled"] < o["quantity"] and o["ref"].endswith("-entry") for o in orders)

        try:
            eventually(is_partial, within_s=5.0)
        except AssertionError:
            return "no partial came in time"
        return "in a partial fill"

    def with_answers_on_their_way(self) -> str:
        """While the broker knows more than it has told."""
        self._cockpit.ask(do="delay_orders", seconds=0.4)
        self._pause.wait(self._dice.uniform(0.5, 1.2))
        return "with answers on their way"


MOMENTS = ("at_a_commit", "at_a_commit", "any_time", "in_a_partial", "with_answers_on_their_way")
"""Names of `Moment`'s methods; commits count double."""


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


class Witness:
    """A screen on the engine: whatever it was shown had been durable before, or the engine lied."""

    def __init__(self, cockpit: RealCockpit) -> None:
        holder = holder_of(cockpit.state)
        assert holder is not None
        self._handle = SocketHandle.connect(Path(holder.socket), role="screen", timeout_s=5.0)

    def last_words(self) -> Snapshot:
        """The last snapshot that came out of the dead engine."""
        self._handle.wait_for_end(5.0)
        shown = self._handle.snapshot()
        self._handle.close()
        return shown


def lost_commits(cockpit: RealCockpit, shown: Snapshot) -> tuple[int, list[str]]:
    """How many facts the engine had told, and which of them its database does not have."""
    booked = {row[0] for row in cockpit.rows("SELECT exec_id FROM fill")}
    known = {row[0] for row in cockpit.rows("SELECT ref FROM intent")}
    told = [(f"fill {fill.exec_id}", fill.exec_id in booked) for fill in shown.fills]
    told += [
        (f"order {order.order_ref}", order.order_ref in known) for order in shown.orders if order.is_ours
    ]
    return len(told), [name for name, kept in told if not kept]


def one_run(
    cockpit: RealCockpit, dice: random.Random, tally: Tally, *, kills_gateway: bool, moment: str = ""
) -> str:
    """Wait for a moment, kill, look, start again, look again; a line about it.

    `moment` is the name of one of `Moment`'s, empty = any of them. AssertionError says what broke.
    """
    witness = Witness(cockpit)
    name = moment or dice.choice(MOMENTS)
    told = str(getattr(Moment(cockpit, dice), name)())
    cockpit.kill()
    count, lost = lost_commits(cockpit, witness.last_words())
    tally.acknowledged += count
    tally.lost += len(lost)
    assert not lost, f"told and not stored: {', '.join(lost)}"
    if kills_gateway:
        cockpit.kill_gateway()
        told += ", and the gateway"
    else:
        cockpit.ask(do="clear")
    broken = broken_for_ever(cockpit)
    assert not broken, "; ".join(broken)
    record = cockpit.record()
    held = sum(1 for quantity in record.holdings.values() if quantity)
    cockpit.start()
    ready = cockpit.ready()
    tally.ready_s.append(ready)
    assert_agreement(cockpit)
    waiting = len(parked(cockpit, cockpit.record()))
    return (
        f"killed {told}; {held} held, {len(record.working)} working, {count} told; "
        f"READY after {ready:.2f} s; agreed, {waiting} parked"
    )


@contextmanager
def place() -> Iterator[RealCockpit]:
    """A cockpit that trades, in a folder of its own; everything ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    cockpit = RealCockpit(folder)
    cockpit.configure(STRATEGY, risk=ROOMY, broker={"speed": SPEED, "seed": 11})
    try:
        cockpit.start()
        cockpit.ready()
        cockpit.until(lambda s: s.fills, why="it never traded")
        yield cockpit
    finally:
        cockpit.end()


def campaign(runs: int, *, seed: int) -> Tally:
    """So many kills, told line by line; places are renewed now and then, and after a failure."""
    tally, done = Tally(), 0
    while done < runs:
        with place() as cockpit:
            for number in range(done, min(runs, done + RUNS_PER_PLACE)):
                done = number + 1
                dice = random.Random(seed * 1_000_003 + number)
                try:
                    line = one_run(cockpit, dice, tally, kills_gateway=number % 5 == 4)
                except AssertionError as error:
                    tally.failed.append(f"run {number} of seed {seed}: {error}\n{cockpit.tail()}")
                    print(f"{number + 1:4} FAILED {error}", flush=True)
                    break
                print(f"{number + 1:4} ok  {line}", flush=True)
                if len(parked(cockpit, cockpit.record())) > MOST_PARKED:
                    break
    return tally


def main() -> int:
    """Run the campaign and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    tally = campaign(asked.runs, seed=asked.seed)
    for failure in tally.failed:
        print(f"\n{failure}")
    ready = sorted(tally.ready_s) or [float("nan")]
    p95 = ready[min(len(ready) - 1, int(len(ready) * 0.95))]
    right = asked.runs - len(tally.failed)
    print(f"\n{right} of {asked.runs} kills right; READY p95 {p95:.2f} s, max {ready[-1]:.2f} s")
    print(f"{tally.lost} of {tally.acknowledged} told facts lost")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
