"""After kill -9: how soon the state is loaded, how soon it trades again, what was lost; and how long naked.

Run `python -m benchmarks.recovery [--quick]`. The cockpit is the real one, headless, with a strategy that
never rests, killed at random moments; the gateway's process lives on. A naked position is measured from
the gateway's own journal: stops are cancelled from outside, and the time runs until another one works.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, quantile, show
from engine.api import Snapshot
from engine.runtime.boot import last_checkpoint, open_store, rederive
from tests.storm.exchange_record import ExchangeRecord
from tests.storm.kills import RUNS_PER_PLACE, Tally, one_run, place
from tests.storm.real import RealCockpit
from tests.waiting import eventually

SPEED = 5.0
SYMBOLS = ("SPY", "QQQ", "TSLA")


def figures(*, quick: bool = False) -> list[Figure]:
    """The figures of one run."""
    tally, loaded_s, rows = killed(3 if quick else 40)
    bare_s = naked(9 if quick else 99)
    kills = len(tally.ready_s)
    return [
        Figure(
            "state loaded after kill -9, worst", max(loaded_s) * 1e3, "ms", 500.0, f"{rows} events stored"
        ),
        Figure("READY after kill -9, p95", quantile(tally.ready_s, 0.95), "s", 10.0, f"{kills} kills"),
        Figure("told facts lost by kill -9", tally.lost, "facts", 0.0, f"of {tally.acknowledged}"),
        Figure("naked position, p99", quantile(bare_s, 0.99), "s", 2.0, f"{len(bare_s)} stops cancelled"),
        Figure("naked position, max", max(bare_s), "s", 10.0, f"median {quantile(bare_s, 0.5):.3f} s"),
    ]


def killed(runs: int) -> tuple[Tally, list[float], int]:
    """So many kills; their tally, how long the state of each took to load, and the most events it held."""
    tally, loaded_s, rows = Tally(), [], 0
    while len(tally.ready_s) < runs:
        with place() as cockpit:
            for number in range(min(RUNS_PER_PLACE, runs - len(tally.ready_s))):
                one_run(cockpit, random.Random(number), tally, kills_gateway=False, moment="any_time")
                loaded_s.append(_load(cockpit))
                rows = max(rows, cockpit.rows("SELECT count(*) FROM event")[0][0])
    return tally, loaded_s, rows


def _load(cockpit: RealCockpit) -> float:
    """Seconds from opening a copy of the database to the books as they were."""
    database = cockpit.database()
    assert database is not None
    with tempfile.TemporaryDirectory(prefix="ck-") as name:
        # Without the backups: the engine makes one meanwhile.
        shutil.copytree(
            database.parent, Path(name) / database.parent.name, ignore=shutil.ignore_patterns("backups")
        )
        gateway, _, account = database.parent.name.partition("-")
        return asyncio.run(_open(Path(name), gateway, account))


async def _open(state_dir: Path, gateway: str, account: str) -> float:
    now = datetime.now(UTC)
    began = time.monotonic()
    store = await open_store(state_dir, gateway=gateway, account=account, now=lambda: now)
    stored = await store.load()
    await last_checkpoint(store)
    await rederive(store, stored, at=now)
    took = time.monotonic() - began
    await store.close()
    return took


def naked(samples: int) -> list[float]:
    """Real seconds for which a position had no stop, each after its stop was cancelled from outside."""
    folder = Path(tempfile.mkdtemp(prefix="ck-"))
    cockpit = RealCockpit(folder, fresh=True)
    table = {"kind": "churn", "symbols": list(SYMBOLS), "timeframe": "5s", "params": {"hold": 0}}
    cockpit.configure({"churn": table}, broker={"speed": SPEED, "seed": 11})
    try:
        cockpit.start()
        cockpit.until(_all_covered, within_s=60.0)
        for number in range(samples):
            _cancel_stop(cockpit, SYMBOLS[number % len(SYMBOLS)])
            back = partial(_has_ended, cockpit, number + 1)
            eventually(back, within_s=30.0, why="the stop did not come back")
        return _ended(cockpit)
    finally:
        cockpit.end()


def _has_ended(cockpit: RealCockpit, times: int) -> bool:
    return len(_ended(cockpit)) >= times


def _ended(cockpit: RealCockpit) -> list[float]:
    """Real seconds of every stretch without a stop that is over."""
    spans = cockpit.record().naked
    return [(span.ended - span.began) / SPEED for span in spans if span.ended is not None]


def _all_covered(shown: Snapshot) -> bool:
    covered = [p for p in shown.positions if p.quantity and p.protected_quantity == abs(p.quantity)]
    return len(covered) == len(SYMBOLS)


def _cancel_stop(cockpit: RealCockpit, symbol: str) -> None:
    """Cancel the stop at the exchange; it has written that down before it answers."""
    stop = _stop_of(cockpit.record(), symbol)
    cockpit.ask(do="external_cancel", client_id=stop["client_id"], order_id=stop["order_id"])


def _stop_of(record: ExchangeRecord, symbol: str) -> dict[str, int]:
    orders = [o for o in record.working if record.name_of(o) == symbol]
    (stop,) = (o["request"] for o in orders if o["request"]["order_type"] == "STP")
    found: dict[str, int] = stop
    return found


if __name__ == "__main__":
    show(figures(quick="--quick" in sys.argv))
