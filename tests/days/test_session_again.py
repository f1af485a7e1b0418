"""A whole session decided twice: live over the wire, and once more from nothing but its own event log.

Bars, ticks, account and the broker's words come from the log; wishes, verdicts, orders and every row of the
tables are made anew by the same strategies, gate and ledger, and must be the same to the last byte.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import time
from pathlib import Path
from unittest.mock import patch

import pytest

from engine.backtest.relive.session import Relived
from engine.runtime import publisher
from engine.runtime.shell.relive import relive_file
from tests.days.invented import DAY, SYMBOL, at, write_tape
from tests.days.lockstep import LockstepLoop, loaded, lockstep

SECONDS = 150
STRATEGIES: dict[str, Mapping[str, object]] = {
    "cross": {
        "kind": "ma_crossover",
        "timeframe": "5s",
        "symbols": [SYMBOL],
        "params": {"fast": 2, "slow": 4, "stop_atr": 8.0, "min_stop_pct": 1.0},
    }
}
OVERRIDES: dict[str, object] = {
    "sessions.entry_start": "09:30",
    "sessions.open_delay_s": 0.0,
    "risk.cooldown_minutes": 0.0,
    "risk.cooldown_after_stop_minutes": 0.0,
    "risk.allow_short.STK": True,
    "risk.orders_per_minute": 9,
}


async def live(folder: Path) -> None:
    """The session over the wire, from the start of the engine to its end."""
    with patch.multiple(publisher, MARKET_INTERVAL_S=5.0, SILENCE_S=5.0):
        async with lockstep(
            folder,
            tape=write_tape(folder / "tape", seconds=SECONDS),
            day=DAY,
            strategies=STRATEGIES,
            overrides=OVERRIDES,
        ) as here:
            await here.ready()
            await here.play(at(time(9, 30 + SECONDS // 60, SECONDS % 60)))
        await here.store.close()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state file of a session that has ended."""
    folder = tmp_path_factory.mktemp("session")
    with asyncio.Runner(loop_factory=LockstepLoop) as runner:
        runner.run(live(folder))
    return folder / "cockpit.db"


def again(path: Path, folder: Path, strategies: Mapping[str, Mapping[str, object]] = STRATEGIES) -> Relived:
    """The session of a state file once more."""
    return relive_file(loaded(folder, strategies, OVERRIDES), path)


@pytest.mark.req("REQ-TEST-005")
def test_the_whole_log_of_a_session_gives_the_same_wishes_verdicts_orders_and_rows(
    session: Path, tmp_path: Path
) -> None:
    found = again(session, tmp_path)

    assert found.differences == ()
    with closing(sqlite3.connect(session)) as conn:
        (said,) = conn.execute("SELECT count(*) FROM event WHERE kind = 'proposal'").fetchone()
        (orders,) = conn.execute("SELECT count(*) FROM intent").fetchone()
        (fills,) = conn.execute("SELECT count(*) FROM fill").fetchone()
        verdicts = {
            v for (v,) in conn.execute("SELECT DISTINCT json_extract(payload, '$.verdict') FROM event")
        }
    assert found.decisions == said >= 10
    assert found.orders == orders >= 10
    assert fills >= 6
    assert found.rows > 100
    assert {"passed", "exit", "message_rate"} <= verdicts


def test_another_strategy_is_found_out(session: Path, tmp_path: Path) -> None:
    other = {"cross": {**STRATEGIES["cross"], "params": {"fast": 2, "slow": 5, "stop_atr": 8.0}}}

    found = again(session, tmp_path, other)

    assert found.differences
    assert found.differences[0].what == f"enter {SYMBOL} by cross"


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE fill SET price = '1' WHERE seq = 3", "fill"),
        ("UPDATE intent SET quantity = quantity + 1 WHERE rowid = 5", "intent"),
        ("DELETE FROM trade WHERE rowid = 2", "trade"),
        ("UPDATE order_event SET at = '2026-03-02T14:31:00.000000Z' WHERE seq = 7", "order_event"),
    ],
)
def test_a_row_that_was_written_otherwise_is_named(
    session: Path, tmp_path: Path, change: str, table: str
) -> None:
    copy = tmp_path / "cockpit.db"
    shutil.copy(session, copy)
    with closing(sqlite3.connect(copy)) as conn:
        assert conn.execute(change).rowcount == 1
        conn.commit()

    (found,) = again(copy, tmp_path).differences

    assert found.what.startswith(f"table {table}, row ")


def test_a_log_without_its_flow_is_not_called_the_same(session: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cockpit.db"
    shutil.copy(session, copy)
    with closing(sqlite3.connect(copy)) as conn:
        conn.execute("DELETE FROM event WHERE kind = 'flow'")
        conn.commit()

    with pytest.raises(ValueError, match="no flow of decisions"):
        again(copy, tmp_path)


@pytest.mark.parametrize("of_one_order", [False, True])
def test_only_the_order_of_rows_of_one_order_counts(
    session: Path, tmp_path: Path, of_one_order: bool
) -> None:
    copy = tmp_path / "cockpit.db"
    shutil.copy(session, copy)
    with closing(sqlite3.connect(copy)) as conn:
        same = "=" if of_one_order else "!="
        first, second = conn.execute(
            "SELECT a.seq, b.seq FROM order_event a JOIN order_event b ON b.seq > a.seq "
            f"AND a.ref {same} b.ref AND a.status != b.status ORDER BY b.seq - a.seq, a.seq LIMIT 1"
        ).fetchone()
        moved = conn.executemany(
            "UPDATE order_event SET seq = ? WHERE seq = ?", [(-1, first), (first, second), (second, -1)]
        )
        assert moved.rowcount == 3
        conn.commit()

    tables = [found.what.partition(",")[0] for found in again(copy, tmp_path).differences]

    assert tables == (["table order_event"] if of_one_order else [])
