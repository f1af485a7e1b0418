"""Opening: modes, pragmas, migrations, and every way a file can be wrong, said to people."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import date
from pathlib import Path

import pytest

from engine.store import connection, operations
from engine.store.backup import verify
from engine.store.backup_names import backups_of
from engine.store.connection import open_database, transact
from engine.store.errors import (
    StoreBindingError,
    StoreCorruptError,
    StoreFolderError,
    StoreTooNewError,
    StoreUnwritableError,
)
from engine.store.schema import MIGRATIONS
from engine.store.store import Store
from engine.store.sync import SyncStore
from tests.ledger.building import T0, intent
from tests.store.building import ACCOUNT, GATEWAY, opened

AN_OLD_ORDER = """INSERT INTO intent
    (ref, strategy, key, con_id, role, side, quantity, order_type, tif, state, created_at, updated_at)
    VALUES ('kept', 'ma', 'SPY', 1, 'entry', 'BUY', 100, 'LMT', 'DAY', 'working',
            '2026-11-20T15:00:00.000000Z', '2026-11-20T15:00:00.000000Z')"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def open_and_close(path: Path, gateway: str = GATEWAY, account: str = ACCOUNT) -> None:
    """Opening that should fail; one that does not is closed, so that the test fails instead of hanging."""
    store = await Store.open(path, gateway=gateway, account=account)
    await store.close()


@pytest.fixture
def loose_umask():
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.mark.usefixtures("loose_umask")
async def test_the_folder_is_0700_and_every_file_0600_whatever_the_umask(tmp_path):
    path = tmp_path / "state" / "embedded-DU1" / "s.db"

    async with opened(path):
        files = {p.name: mode(p) for p in path.parent.iterdir()}

    assert mode(path.parent) == 0o700
    assert files == {"s.db": 0o600, "s.db-wal": 0o600, "s.db-shm": 0o600}


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "s.db"
    path.touch(mode=0o644)

    async with opened(path):
        assert mode(path) == 0o600


@pytest.mark.req("CARD-SQLITE")
async def test_the_writer_runs_with_full_durability_and_checked_keys(tmp_path):
    names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout", "user_version")

    async with opened(tmp_path / "s.db") as store:
        found = [await store.read(lambda c, n=n: c.execute(f"PRAGMA {n}").fetchone()[0]) for n in names]

    assert found == ["wal", 2, 1, 0, 5000, len(MIGRATIONS)]


@pytest.mark.req("CARD-SQLITE")
async def test_an_older_schema_migrates_with_its_data_and_leaves_a_backup(tmp_path):
    path = tmp_path / "s.db"
    old = open_database(path, gateway=GATEWAY, account=ACCOUNT, migrations=MIGRATIONS[:1])
    transact(old, lambda c: c.execute(AN_OLD_ORDER))
    old.close()

    async with opened(path) as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        orders = (await store.load()).ledger.orders

    (listed,) = backups_of(path)
    backup = listed.path
    assert (listed.why, verify(backup)) == ("schema1", (GATEWAY, ACCOUNT))
    copy = sqlite3.connect(backup)
    try:
        (version,) = copy.execute("PRAGMA user_version").fetchone()
        kept = copy.execute("SELECT ref FROM intent").fetchall()
    finally:
        copy.close()
    assert [o.intent.ref for o in orders] == ["kept"]
    assert (version, kept, mode(backup)) == (1, [("kept",)], 0o600)


async def test_a_migration_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "s.db"
    open_database(path, gateway=GATEWAY, account=ACCOUNT, migrations=MIGRATIONS[:1]).close()

    def broken(conn: sqlite3.Connection) -> None:
        conn.execute("CREATE TABLE half (x)")
        raise LookupError("half way")

    with pytest.raises(LookupError):
        open_database(path, gateway=GATEWAY, account=ACCOUNT, migrations=(MIGRATIONS[0], broken))

    left = sqlite3.connect(path)
    try:
        tables = left.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
        assert (left.execute("PRAGMA user_version").fetchone(), tables) == ((1,), [])
    finally:
        left.close()


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "s.db"
    async with opened(path) as store:
        await store.run(lambda c: c.execute("PRAGMA user_version = 99"))
    before = path.read_bytes()

    with pytest.raises(StoreTooNewError, match="schema 99"):
        await open_and_close(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(("gateway", "account"), [("tws", ACCOUNT), (GATEWAY, "DU2")])
async def test_a_file_of_another_gateway_or_account_is_refused(tmp_path, gateway, account):
    async with opened(tmp_path / "s.db"):
        pass

    with pytest.raises(StoreBindingError, match=ACCOUNT):
        await open_and_close(tmp_path / "s.db", gateway, account)


@pytest.mark.req("RECOVERY-GATE")
@pytest.mark.parametrize("damage", ["header", "page", "not_a_database"])
async def test_a_damaged_file_is_refused_named_and_never_touched(tmp_path, damage):
    path = tmp_path / "s.db"
    async with opened(path) as store:
        await store.record_intents([intent(f"r{i}") for i in range(200)], at=T0)
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[0:16] = b"damaged header!!"
    elif damage == "page":
        data[4096 : 4096 * 12] = b"\xa5" * (4096 * 11)
    else:
        data = bytearray(b"hello" * 1000)
    path.write_bytes(data)

    with pytest.raises(StoreCorruptError, match="Move it away") as error:
        await open_and_close(path)

    assert str(path) in str(error.value)
    assert path.read_bytes() == bytes(data)


@pytest.mark.req("RECOVERY-GATE")
async def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreFolderError, match="choose another one with --state"):
        await open_and_close(tmp_path / "file" / "s.db")


async def test_a_symbolic_link_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "s.db").symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(StoreFolderError):
        await open_and_close(tmp_path / "s.db")


async def test_a_file_held_by_another_writer_is_an_error_for_people_not_a_hang(tmp_path, monkeypatch):
    path = tmp_path / "s.db"
    async with opened(path):
        pass
    fast = tuple((n, "20", 20) if n == "busy_timeout" else (n, v, e) for n, v, e in connection._PRAGMAS)
    monkeypatch.setattr(connection, "_PRAGMAS", fast)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreUnwritableError, match="locked"):
            await open_and_close(path)
    finally:
        other.close()


def test_the_synchronous_store_writes_the_same_file(tmp_path):
    store = SyncStore(tmp_path / "s.db", gateway=GATEWAY, account=ACCOUNT)
    try:
        store.run(lambda c: operations.record_intents(c, [intent("a")], at=T0, boot_id="b"))
        state = store.run(lambda c: operations.load(c, boot_id="b"))
        store.run(lambda c: c.execute(f"PRAGMA max_page_count = {1}"))
        with pytest.raises(StoreUnwritableError, match="full"):
            store.run(
                lambda c: operations.record_intents(
                    c, [intent(f"x{i}" * 50) for i in range(500)], at=T0, boot_id="b"
                )
            )
    finally:
        store.close()

    assert [o.intent.ref for o in state.ledger.orders] == ["a"]
