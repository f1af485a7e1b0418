"""Save and load in isolation: every change is seen by another process, and found again by a start."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from engine.ledger.events import Executed, Registered
from engine.ledger.ledger import Ledger
from engine.runtime.boot import rederive
from tests.ledger.building import T0, at, fill, intent
from tests.store.building import opened


def seen(path: Path, sql: str) -> object:
    """What another connection reads right now."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        (value,) = conn.execute(sql).fetchone()
        return value


@pytest.mark.req("REQ-ARCH-002", "RECOVERY-MODULE")
async def test_fifty_changes_are_each_on_the_disk_when_the_call_returns(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    ledger = Ledger()
    async with opened(path) as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        missed = []
        for n in range(25):
            wish = intent(f"o{n}")
            await store.record_intents([wish], at=at(n))
            if seen(path, "SELECT count(*) FROM intent") != n + 1:
                missed.append(f"intent {n}")
            changes = ledger.apply(Registered((wish,), at(n)))
            changes += ledger.apply(Executed(fill(f"e{n}", 1, "500", ref=f"o{n}", seconds=n), n, at(n)))
            await store.apply(changes, at=at(n))
            if seen(path, "SELECT quantity FROM position") != n + 1:
                missed.append(f"fill {n}")

    assert missed == []


@pytest.mark.req("RECOVERY-MODULE", "RECOVERY-STATE-POS")
async def test_what_was_saved_is_what_a_start_loads(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    ledger = Ledger()
    async with opened(path) as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        await store.record_intents([intent("o")], at=T0)
        changes = ledger.apply(Registered((intent("o"),), T0))
        await store.apply(changes + ledger.apply(Executed(fill("e", 100, "500", ref="o"), 1, T0)), at=T0)

    async with opened(path, boot_id="boot-2") as store:
        state = await store.load()

    again = Ledger(state.ledger)
    assert again.positions.legs() == ledger.positions.legs() == state.positions
    assert again.orders.all() == ledger.orders.all()
    assert again.differs_from(state.positions) == ()
    assert state.saved_at == T0


WRONG: dict[str, str] = {
    "another quantity": "UPDATE position SET quantity = 70",
    "a row too few": "DELETE FROM position",
    "a row too many": (
        "INSERT INTO position SELECT 'QQQ', con_id, quantity, cost, multiplier, owner, opened_at, entered, "
        "entry_notional, exit_notional, realized_usd, fees_usd, initial_stop, stop_price, plan, partials "
        "FROM position"
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_position_rows_that_differ_from_the_bookings_are_written_anew_and_named(
    tmp_path: Path, wrong: str
) -> None:
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        await store.apply(ledger.apply(Executed(fill("e", 100, "500"), 1, T0)), at=T0)
        await store.run(executed(WRONG[wrong]))

        named = await rederive(store, await store.load(), at=T0)

        state = await store.load()
        told = await store.read(
            lambda c: c.execute("SELECT text FROM event WHERE level = 'error'").fetchall()
        )
    assert named == (("QQQ",) if wrong == "a row too many" else ("SPY",))
    assert Ledger(state.ledger).differs_from(state.positions) == ()
    assert any(named[0] in text for (text,) in told)


def executed(sql: str) -> Callable[[sqlite3.Connection], object]:
    return lambda conn: conn.execute(sql)


async def test_rows_that_agree_are_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await store.apply(Ledger().apply(Executed(fill("e", 100, "500"), 1, T0)), at=T0)

        assert await rederive(store, await store.load(), at=T0) == ()
