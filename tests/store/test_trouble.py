"""Trouble while it runs: a full disk, a cancelled task, a killed process, a changed byte, a slow disk."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path

import pytest

from engine.ledger.changes import Changes
from engine.ledger.events import Registered
from engine.ledger.ledger import Ledger
from engine.store.errors import StoreError, StoreUnwritableError
from engine.store.events import NewEvent, append_events
from engine.store.store import Store
from tests.ledger.building import T0, at, intent
from tests.store.building import opened
from tests.waiting import eventually_async

BIG = "x" * 20_000


def line(text: str) -> NewEvent:
    return NewEvent(T0, "link", "info", "", "", text)


async def fill_the_disk(store: Store) -> None:
    """From now on no page can be added: what SQLite does when the disk is full."""
    await store.run(lambda c: c.execute("PRAGMA max_page_count = 1"))


async def free_the_disk(store: Store) -> None:
    await store.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))


async def texts(store: Store) -> list[str]:
    return [event.text[:12] for event in (await store.load()).events]


async def until_asked(store: Store, count: int) -> None:
    """Turn the loop until so many transactions wait for the writer."""
    for _ in range(100):
        if store.metrics().backlog == count:
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing was asked of the store")


@pytest.mark.req("RECOVERY-GATE")
async def test_what_adds_risk_is_refused_while_the_disk_is_full_and_nothing_of_it_stays(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        await fill_the_disk(store)

        with pytest.raises(StoreUnwritableError, match="nothing of it was stored"):
            await store.record_intents([intent(f"{BIG}{i}") for i in range(9)], at=T0)
        still_full = await store.retry()
        sick = store.metrics()
        await free_the_disk(store)
        stored = (await store.load()).ledger.orders
        healed = await store.retry()

        assert not still_full
        assert (sick.healthy, sick.unstored, sick.error) == (False, 0, "database or disk is full")
        assert stored == ()
        assert healed
        assert store.healthy


async def test_records_wait_in_order_and_are_written_first_when_the_disk_is_back(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        await fill_the_disk(store)

        first = await store.apply(Changes(), [line("first" + BIG)], at=T0)
        second = await store.apply(Changes(), [line("second" + BIG)], at=T0)
        brake = await store.put_brake(kind="HALT", scope="account", name="", reason=BIG, who="ann", at=T0)
        waiting = store.unstored
        with pytest.raises(StoreUnwritableError):
            await store.record_intents([intent("small")], at=T0)
        still = await store.retry()
        await free_the_disk(store)
        third = await store.apply(Changes(), [line("third")], at=T0)

        assert (first, second, brake, still) == (False, False, False, False)
        assert waiting == 3
        assert third
        assert (store.unstored, store.healthy) == (0, True)
        assert [t[:5] for t in await texts(store)] == ["first", "secon", "HALT ", "third"]
        assert len(await store.live_brakes()) == 1


async def test_an_exit_decided_while_the_disk_is_full_is_stored_before_its_fill(tmp_path):
    ledger = Ledger()
    leaving = intent("exit" + BIG)
    async with opened(tmp_path / "s.db") as store:
        await fill_the_disk(store)
        kept = await store.record_intents([leaving], at=T0, keep=True)
        marked = await store.mark_sending([(leaving.ref, 5)], at=T0, keep=True)
        await free_the_disk(store)
        stored = await store.apply(ledger.apply(Registered((leaving,), at(1))), at=T0)

        state = await store.load()

    assert (kept, marked, stored) == (False, False, True)
    assert [o.intent.ref for o in state.ledger.orders] == [leaving.ref]
    assert state.highest_order_id == 5


async def test_a_record_that_no_disk_would_take_is_reported_and_holds_up_nobody(tmp_path):
    def impossible(conn: sqlite3.Connection) -> None:
        conn.execute("INSERT INTO position_snapshot (anchor_id, key) VALUES (1, 'x')")

    async with opened(tmp_path / "s.db") as store:
        with pytest.raises(sqlite3.IntegrityError):
            await store.run_or_keep(impossible)

        assert await store.apply(Changes(), [line("next")], at=T0)
        assert await texts(store) == ["next"]


async def test_no_later_write_overtakes_a_record_asked_for_before(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        record = asyncio.create_task(store.apply(Changes(), [line("first")], at=T0))
        event = asyncio.create_task(store.run(partial(append_events, events=[line("second")], boot_id="b")))
        await asyncio.gather(record, event)

        assert await texts(store) == ["first", "second"]


async def test_a_cancelled_task_leaves_its_transaction_whole_or_not_begun(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def two_rows(conn: sqlite3.Connection) -> None:
        conn.execute("INSERT INTO meta (name, value) VALUES ('one', '1')")
        begun.set()
        go_on.wait(60)
        conn.execute("INSERT INTO meta (name, value) VALUES ('two', '2')")

    async with opened(tmp_path / "s.db") as store:
        task = asyncio.create_task(store.run(two_rows))
        await eventually_async(begun.is_set)
        behind = asyncio.create_task(store.run(lambda c: c.execute("DELETE FROM meta WHERE name = 'one'")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        behind.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await behind
        found = await store.run(
            lambda c: c.execute("SELECT name FROM meta WHERE name IN ('one', 'two') ORDER BY name").fetchall()
        )

    assert found in ([("one",), ("two",)], [("two",)])


async def test_a_record_the_disk_refused_is_kept_although_its_asker_was_cancelled(tmp_path):
    begun, go_on = threading.Event(), threading.Event()

    def slow(conn: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait(60)

    async with opened(tmp_path / "s.db") as store:
        await fill_the_disk(store)
        ahead = asyncio.create_task(store.run(slow))
        await eventually_async(begun.is_set)
        asker = asyncio.create_task(store.apply(Changes(), [line("kept" + BIG)], at=T0))
        await asyncio.sleep(0)
        asker.cancel()
        await asyncio.gather(asker, return_exceptions=True)
        go_on.set()
        await ahead
        await eventually_async(lambda: store.unstored == 1)
        await free_the_disk(store)

        assert await store.retry()
        assert [t[:4] for t in await texts(store)] == ["kept"]


async def test_closing_waits_for_everything_that_was_asked(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        asked = [
            asyncio.create_task(store.apply(Changes(), [line(f"last words {i}")], at=T0)) for i in range(5)
        ]
        await until_asked(store, 5)

        await store.close()

    assert await asyncio.gather(*asked) == [True] * 5
    async with opened(tmp_path / "s.db") as again:
        assert len(await texts(again)) == 5


async def test_the_loop_never_waits_for_the_disk(tmp_path):
    """While a transaction is held open in the writer thread, the loop goes on turning."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(conn: sqlite3.Connection) -> str:
        begun.set()
        go_on.wait(60)
        return "done"

    async with opened(tmp_path / "s.db") as store:
        task = asyncio.create_task(store.run(slow))
        await eventually_async(begun.is_set)
        turns = 0
        for _ in range(1000):
            turns += 1
            await asyncio.sleep(0)
        blocked = task.done()
        go_on.set()

        assert await task == "done"
    assert (turns, blocked) == (1000, False)


async def test_a_changed_byte_a_missing_and_a_cut_off_event_are_found(tmp_path):
    path = tmp_path / "s.db"
    async with opened(path) as store:
        for i in range(6):
            await store.apply(Changes(), [line(f"event {i}")], at=T0)
        assert (await store.verify_chain()).ok

        async def broken_by(sql: str) -> int | None:
            saved = await store.read(lambda c: c.execute("SELECT * FROM event").fetchall())
            await store.run(lambda c: c.execute(sql))
            report = await store.verify_chain()
            marks = ", ".join("?" * len(saved[0]))
            await store.run(lambda c: c.execute("DELETE FROM event"))
            await store.run(lambda c: c.executemany(f"INSERT INTO event VALUES ({marks})", saved))
            return report.broken_at

        assert await broken_by("UPDATE event SET text = 'event X' WHERE seq = 3") == 3
        assert await broken_by("UPDATE event SET level = '', kind = 'linkinfo' WHERE seq = 2") == 2
        assert await broken_by("DELETE FROM event WHERE seq = 4") == 4
        assert await broken_by("DELETE FROM event WHERE seq > 4") == 5
        assert (await store.verify_chain()).ok


_WRITER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from engine.ledger.changes import Changes
    from engine.store.events import NewEvent, append_events
    from engine.store.store import Store
    from tests.ledger.building import T0, intent

    async def main() -> None:
        store = await Store.open(Path(sys.argv[1]), gateway="embedded", account="DU100001")
        await store.begin_run(boot_id="victim", run_id="r", version="1", at=T0)
        for i in range(100000):
            await store.record_intents([intent(f"ref-{i}")], at=T0)
            await store.apply(Changes(), [NewEvent(T0, "link", "info", "", "", f"{i}")], at=T0)
            print(i, flush=True)

    asyncio.run(main())
    """
)


@pytest.mark.slow
@pytest.mark.req("CARD-SQLITE", "RECOVERY-RISK-1")
@pytest.mark.parametrize("after", [1, 40, 200])
def test_after_kill_9_every_acknowledged_write_is_there_and_the_chain_holds(tmp_path: Path, after: int):
    path = tmp_path / "s.db"
    root = Path(__file__).resolve().parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = -1
    try:
        for line_ in writer.stdout:
            acknowledged = int(line_)
            if acknowledged >= after:
                break
        writer.send_signal(signal.SIGKILL)
        # What was acknowledged between our reading and its death still sits in the pipe.
        for line_ in writer.stdout:
            if line_.endswith("\n"):
                acknowledged = int(line_)
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()

    async def check() -> None:
        async with opened(path) as store:
            refs = {o.intent.ref for o in (await store.load()).ledger.orders}
            assert {f"ref-{i}" for i in range(acknowledged + 1)} <= refs
            assert len(refs) <= acknowledged + 2
            assert (await store.verify_chain()).ok

    asyncio.run(check())
    assert acknowledged >= after


def test_every_store_error_says_what_to_do_as_a_store_error():
    assert issubclass(StoreUnwritableError, StoreError)
