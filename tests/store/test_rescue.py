"""A damaged database: moved aside whole, replaced by the newest good backup or an empty one, and HALTED."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.ledger.changes import Changes
from engine.ledger.events import Executed
from engine.ledger.ledger import Ledger
from engine.store import connection, rescue
from engine.store.backup import back_up
from engine.store.backup_names import backups_of
from engine.store.errors import StoreBindingError
from engine.store.events import NewEvent
from engine.store.quarantine import QuarantinedRow
from engine.store.store import Store
from tests.ledger.building import T0, fill, intent
from tests.store.building import ACCOUNT, GATEWAY, opened

MADE = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


async def rescued(path: Path) -> Store:
    return await Store.open_or_rescue(path, gateway=GATEWAY, account=ACCOUNT, now=lambda: T0)


async def a_store(folder: Path, *, backups: int = 1) -> Path:
    """A closed database with one order in it, and backups that know it; a second order is only in it."""
    path = folder / "embedded-DU1" / "cockpit.db"
    async with opened(path) as store:
        await store.record_intents([intent("in-the-backup")], at=T0)
        await store.apply(Changes(), [NewEvent(T0, "link", "info", "", "", "up")], at=T0)
        for minute in range(backups):
            back_up(path, at=MADE.replace(minute=minute), why="regular")
        await store.record_intents([intent("later")], at=T0)
    return path


def overwrite(path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)


def truncate(path: Path) -> None:
    os.truncate(path, 8192)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def tear_a_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        for statement in statements:
            conn.execute(statement)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "overwritten": overwrite,
    "truncated": truncate,
    "emptied": empty,
    "torn pages": tear_a_page,
    "changed event": lambda path: sql(path, "UPDATE event SET text = 'down' WHERE text = 'up'"),
    "removed event": lambda path: sql(path, "DELETE FROM event WHERE seq = 2"),
    "a table gone": lambda path: sql(path, "DROP TABLE equity"),
    "schema number gone": lambda path: sql(path, "PRAGMA user_version = 0"),
}


@pytest.mark.req("RECOVERY-RISK-1")
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_database_moves_aside_and_the_newest_backup_takes_its_place_halted(
    tmp_path: Path, damage: str
) -> None:
    path = await a_store(tmp_path)
    DAMAGES[damage](path)
    bad = path.read_bytes()

    store = await rescued(path)
    try:
        state = await store.load()
        chain = await store.verify_chain()
    finally:
        await store.close()

    (aside,) = path.parent.glob("corrupt-*")
    assert (aside / "cockpit.db").read_bytes() == bad
    assert store.opening.rescue is not None
    assert store.opening.rescue.from_backup
    assert str(aside) in store.opening.rescue.text
    assert [o.intent.ref for o in state.ledger.orders] == ["in-the-backup"]
    (brake,) = state.brakes
    assert (brake.kind, brake.scope, brake.who) == ("HALT", "account", "engine")
    assert "damaged" in brake.reason
    assert "resume with a reason" in brake.reason
    assert chain.ok


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_large_file_is_looked_through_table_by_table_and_its_damage_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    path = await a_store(tmp_path)
    DAMAGES[damage](path)
    monkeypatch.setattr(connection, "WHOLE_CHECK_BYTES", 0)

    store = await rescued(path)
    await store.close()

    assert store.opening.rescue is not None


@pytest.mark.req("RECOVERY-RISK-1")
async def test_a_backup_that_is_bad_too_is_passed_over_for_the_one_before_it(tmp_path: Path) -> None:
    path = await a_store(tmp_path, backups=2)
    overwrite(backups_of(path)[0].path)
    overwrite(path)

    store = await rescued(path)
    await store.close()

    assert store.opening.rescue is not None
    assert "2026-11-20 16:00:00" in store.opening.rescue.text


@pytest.mark.req("RECOVERY-RISK-1")
async def test_without_a_usable_backup_the_books_start_empty_and_halted(tmp_path: Path) -> None:
    path = await a_store(tmp_path)
    for backup in backups_of(path):
        truncate(backup.path)
    overwrite(path)

    store = await rescued(path)
    try:
        state = await store.load()
        events = await store.read(lambda c: c.execute("SELECT level, kind FROM event").fetchall())
    finally:
        await store.close()

    assert store.opening.rescue is not None
    assert not store.opening.rescue.from_backup
    assert (state.ledger.orders, [b.kind for b in state.brakes]) == ((), ["HALT"])
    assert ("error", "engine") in events


async def test_the_backup_of_another_account_is_never_taken(tmp_path: Path) -> None:
    path = await a_store(tmp_path)
    other = tmp_path / "other.db"
    async with opened(other) as store:
        await store.run(lambda c: c.execute("UPDATE meta SET value = 'DU2' WHERE name = 'account'"))
    with closing(sqlite3.connect(other)) as conn:
        target = backups_of(path)[0].path
        target.unlink()
        conn.execute("VACUUM INTO ?", (str(target),))
    overwrite(path)

    store = await rescued(path)
    await store.close()

    assert store.opening.rescue is not None
    assert not store.opening.rescue.from_backup


async def test_a_file_of_another_account_is_no_damage_and_stays_where_it_is(tmp_path: Path) -> None:
    path = await a_store(tmp_path)

    with pytest.raises(StoreBindingError):
        await Store.open_or_rescue(path, gateway="tws", account="U1", now=lambda: T0)

    assert not list(path.parent.glob("corrupt-*"))


async def test_a_write_ahead_log_whose_database_is_gone_moves_aside_instead_of_being_thrown_away(
    tmp_path: Path,
) -> None:
    path = await a_store(tmp_path)
    log = path.with_name("cockpit.db-wal")
    async with opened(path) as store:
        await store.record_intents([intent("only-in-the-log")], at=T0)
        kept = log.read_bytes()
    path.unlink()
    log.write_bytes(kept)

    store = await rescued(path)
    await store.close()

    (aside,) = path.parent.glob("corrupt-*")
    assert (aside / "cockpit.db-wal").read_bytes() == kept
    assert store.opening.rescue is not None


@pytest.mark.req("RECOVERY-RISK-1")
async def test_a_kill_at_any_step_of_the_rescue_is_finished_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every change of the folder is a place to die; afterwards the state is the backup's, and HALTED."""
    original = await a_store(tmp_path / "golden")
    overwrite(original)
    original.with_name("cockpit.db-wal").write_bytes(b"the log of the damaged one")
    steps = 0
    while True:
        path = tmp_path / f"killed-{steps}" / "embedded-DU1" / "cockpit.db"
        shutil.copytree(original.parent, path.parent)
        if not await died_after(steps, path, monkeypatch):
            break

        store = await rescued(path)
        try:
            state = await store.load()
        finally:
            await store.close()

        assert [o.intent.ref for o in state.ledger.orders] == ["in-the-backup"], steps
        assert [b.kind for b in state.brakes] == ["HALT"], steps
        found = [p.name for p in path.parent.glob("corrupt-*/*")]
        assert {"cockpit.db", "cockpit.db-wal"} <= set(found), steps
        steps += 1
    assert steps >= 4


class KilledError(BaseException):
    """The process dies here."""


async def died_after(steps: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Die at rename number `steps`; False where there are not so many."""
    left = steps
    rename = Path.rename

    def dying(self: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            raise KilledError
        left -= 1
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dying)
        try:
            opened_ = await asyncio.to_thread(
                rescue.open_or_rescue, path, gateway=GATEWAY, account=ACCOUNT, now=lambda: T0
            )
        except KilledError:
            return True
    opened_.connection.close()
    return False


# --- rows --------------------------------------------------------------------------------------------


async def quarantined(path: Path) -> tuple[tuple[QuarantinedRow, ...], Store]:
    store = await rescued(path)
    assert store.opening.rescue is None
    return store.opening.quarantined, store


BAD_ROWS = {
    "a word in a quantity": ("UPDATE intent SET quantity = 'many' WHERE ref = 'later'", "quantity is 'many'"),
    "a state that is none": ("UPDATE intent SET state = 'lost' WHERE ref = 'later'", "state is 'lost'"),
    "a time that is none": (
        "UPDATE intent SET updated_at = 'noon' WHERE ref = 'later'",
        "updated_at is 'noon'",
    ),
    "a plan that is none": ("UPDATE intent SET plan = '{' WHERE ref = 'later'", "plan is '{'"),
    "a rule broken": (
        "UPDATE intent SET quantity = 0 WHERE ref = 'later'",
        "CHECK constraint failed: quantity > 0",
    ),
    "nothing where something must be": (
        "UPDATE intent SET strategy = NULL WHERE ref = 'later'",
        "strategy is None",
    ),
}


@pytest.mark.req("RECOVERY-RISK-1")
@pytest.mark.parametrize("bad", BAD_ROWS)
async def test_a_row_that_cannot_be_read_is_put_aside_by_name_and_the_others_are_loaded(
    tmp_path: Path, bad: str
) -> None:
    path = await a_store(tmp_path)
    statement, why = BAD_ROWS[bad]
    relaxed = "UPDATE sqlite_master SET sql = replace(sql, 'strategy TEXT NOT NULL', 'strategy TEXT')"
    strict = "UPDATE sqlite_master SET sql = replace(sql, 'strategy TEXT', 'strategy TEXT NOT NULL')"
    if "NULL" in statement:
        sql(path, "PRAGMA writable_schema = ON", relaxed + " WHERE name = 'intent'")
        sql(path, statement)
        sql(path, "PRAGMA writable_schema = ON", strict + " WHERE name = 'intent'")
    else:
        sql(path, "PRAGMA ignore_check_constraints = ON", statement)

    rows, store = await quarantined(path)
    try:
        state = await store.load()
        kept = await store.read(lambda c: c.execute("SELECT of_table, why FROM quarantine").fetchall())
        told = await store.read(
            lambda c: c.execute("SELECT text FROM event WHERE level = 'error'").fetchall()
        )
    finally:
        await store.close()

    assert [(r.table, r.why) for r in rows] == [("intent", why)]
    assert '"ref": "later"' in rows[0].content
    assert kept == [("intent", why)]
    assert "later" in told[0][0]
    assert [o.intent.ref for o in state.ledger.orders] == ["in-the-backup"]


async def test_what_hangs_on_a_row_that_is_put_aside_goes_with_it(tmp_path: Path) -> None:
    path = await a_store(tmp_path)
    sql(
        path,
        "INSERT INTO broker_order VALUES (7, 'later', 1, 1, 'Sent', 0, 0, '2026-11-20T15:00:00.000000Z')",
        "UPDATE intent SET role = 'nobody' WHERE ref = 'later'",
    )

    rows, store = await quarantined(path)
    await store.close()

    assert [r.table for r in rows] == ["intent", "broker_order"]


async def test_a_brake_that_cannot_be_read_halts_the_account(tmp_path: Path) -> None:
    path = await a_store(tmp_path)
    sql(
        path,
        "INSERT INTO brake (kind, scope, name, reason, who, at) "
        "VALUES ('PAUSE', 'symbol', 'SPY', 'x', 'me', '?')",
    )

    rows, store = await quarantined(path)
    try:
        brakes = await store.live_brakes()
    finally:
        await store.close()

    assert [r.table for r in rows] == ["brake"]
    assert [(b.kind, b.scope, b.who) for b in brakes] == [("HALT", "account", "engine")]


async def test_an_execution_that_was_put_aside_can_be_booked_again_from_the_broker(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    bought = Executed(fill("e-1", 100, "500"), 1, T0)
    async with opened(path) as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        await store.apply(Ledger().apply(bought), at=T0)
    sql(path, "UPDATE fill SET price = 'cheap'")

    rows, store = await quarantined(path)
    try:
        ledger = Ledger((await store.load()).ledger)
        assert ledger.differs_from((await store.load()).positions) == ("SPY",)
        await store.apply(ledger.apply(bought), at=T0)
        again = Ledger((await store.load()).ledger)
    finally:
        await store.close()

    assert [r.table for r in rows] == ["fill"]
    assert [p.quantity for p in again.positions.positions()] == [100]


async def test_a_healthy_file_opens_without_a_word(tmp_path: Path) -> None:
    path = await a_store(tmp_path)

    rows, store = await quarantined(path)
    await store.close()

    assert rows == ()
