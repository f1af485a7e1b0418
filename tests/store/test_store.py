"""The store: what was acknowledged is there after a restart, and the ledger stands where it stood."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.order import OrderState, Role, Side
from engine.ledger.changes import Changes
from engine.ledger.events import (
    Adjustment,
    CommissionReported,
    Described,
    LedgerEvent,
    Registered,
    SendingMarked,
)
from engine.ledger.ledger import Ledger
from engine.store.connection import open_for_reading
from engine.store.errors import DuplicateIntentError, SendingRefusedError, StoreClosedError
from engine.store.events import NewEvent
from engine.store.intents import order_events
from engine.store.journal import AuditEntry, EquityPoint, audit_entries, load_peaks
from engine.store.store import Store
from tests.ledger.building import T0, at, claim, executed, fill, intent
from tests.store.building import opened, restored

ENTRY = intent("ck-1-SPY-a-entry", signal_id="s1")
STOP = intent(
    "ck-1-SPY-a-stop", role=Role.STOP, side=Side.SELL, parent_ref="ck-1-SPY-a-entry", stop_price=495.0
)


async def tell(store: Store, ledger: Ledger, *events: LedgerEvent) -> None:
    for event in events:
        assert await store.apply(ledger.apply(event), at=T0)


async def trade_a_bracket(store: Store, ledger: Ledger) -> None:
    """Entry and stop sent, entry filled in two parts, one commission reported."""
    await store.record_intents([ENTRY, STOP], at=T0)
    ledger.apply(Registered((ENTRY, STOP), T0))
    ids = ((ENTRY.ref, 11), (STOP.ref, 12))
    await store.mark_sending(ids, at=at(1))
    ledger.apply(SendingMarked(ids, at(1)))
    await tell(
        store,
        ledger,
        Described("SPY", 756733, Decimal(1), "STK"),
        claim(ENTRY.ref, "Submitted", perm_id=901, order_id=11, seconds=2),
        claim(STOP.ref, "PreSubmitted", perm_id=902, order_id=12, seconds=2),
        executed(fill("e1.01", 60, "500.10", seconds=3, ref=ENTRY.ref, perm_id=901), 11),
        executed(fill("e2.01", 40, "500.20", seconds=4, ref=ENTRY.ref, perm_id=901), 11),
        CommissionReported("e1.01", Decimal("0.35"), at(5)),
    )


def same(ledger: Ledger, other: Ledger) -> bool:
    return (
        ledger.positions.positions() == other.positions.positions()
        and ledger.positions.trades() == other.positions.trades()
        and ledger.positions.realized_usd() == other.positions.realized_usd()
        and ledger.positions.fees_usd() == other.positions.fees_usd()
        and ledger.orders.all() == other.orders.all()
    )


@pytest.mark.req("CARD-SQLITE")
async def test_a_restart_finds_orders_fills_positions_and_trades_as_they_were(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)
        await tell(store, ledger, executed(fill("e3.01", -100, "495", seconds=9, ref=STOP.ref), 12))

    again = await restored(tmp_path / "s.db")

    assert same(again, ledger)
    assert again.positions.trades()[0].reason == "stop"


async def test_a_restart_in_the_middle_of_a_trade_finds_the_open_position_with_its_stop(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)
        state = await store.load()

    again = await restored(tmp_path / "s.db")

    assert same(again, ledger)
    (held,) = again.positions.positions()
    assert (held.quantity, held.owner, held.initial_stop) == (100, "ma", 495.0)
    assert state.positions == again.positions.legs()
    assert state.highest_order_id == 12


async def test_after_a_crash_ids_that_a_full_disk_never_heard_of_are_left_out_and_no_id_comes_twice(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, Ledger())
    highest = []
    for boot in ("b2", "b3"):
        async with opened(tmp_path / "s.db", boot_id=boot) as store:
            highest.append((await store.load()).highest_order_id)

    assert highest == [1012, 2012]


async def test_a_restart_after_the_day_began_keeps_positions_and_books_nothing_twice(tmp_path):
    ledger = Ledger()
    first = executed(fill("e1.01", 60, "500.10", seconds=3, ref=ENTRY.ref, perm_id=901))
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)
        await store.start_day(ledger.start_day(), day=date(2026, 11, 23), at=at(86400))
        await tell(store, ledger, executed(fill("e9.01", -10, "501", seconds=86410, ref=STOP.ref)))

    again = await restored(tmp_path / "s.db")

    assert again.positions.positions() == ledger.positions.positions()
    assert again.positions.realized_usd() == ledger.positions.realized_usd() != 0
    assert not again.apply(first)
    assert again.orders.get(STOP.ref) == ledger.orders.get(STOP.ref)


async def test_a_partial_fill_of_yesterday_still_counts_in_its_order_today(tmp_path):
    entry = intent("ck-1-SPY-b-entry", quantity=100)
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await tell(
            store,
            ledger,
            Registered((entry,), T0),
            executed(fill("e1.01", 60, "500", seconds=3, ref=entry.ref)),
        )
        await store.start_day(ledger.start_day(), day=date(2026, 11, 23), at=at(86400))

    again = await restored(tmp_path / "s.db")
    again.apply(executed(fill("e2.01", 40, "501", seconds=86410, ref=entry.ref)))

    order = again.orders.get(entry.ref)
    assert order is not None
    assert (order.filled, order.state) == (100, OrderState.FILLED)


async def test_corrections_and_adjustments_survive_a_restart(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)
        await tell(
            store,
            ledger,
            executed(fill("e2.02", 30, "500.30", seconds=4, ref=ENTRY.ref, perm_id=901)),
            Adjustment("ext-1", "SPY", 756733, -20, Decimal("501"), at(20), "external_close"),
        )

    again = await restored(tmp_path / "s.db")

    assert same(again, ledger)
    assert again.positions.positions()[0].quantity == 70
    assert not again.apply(executed(fill("e2.01", 40, "500.20", seconds=4, ref=ENTRY.ref)))


async def test_a_corrected_fill_keeps_its_place_among_fills_of_the_same_second(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await tell(
            store,
            ledger,
            executed(fill("e1.01", 10, "500")),
            executed(fill("e2.01", -10, "501")),
            executed(fill("e1.02", 10, "500.5")),
        )

    again = await restored(tmp_path / "s.db")

    assert again.positions.trades() == ledger.positions.trades()
    assert again.positions.trades()[0].quantity == 10


async def test_joined_changes_of_a_position_that_opened_and_closed_leave_no_position_row(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        joined = sum(
            (
                ledger.apply(executed(fill(f"e{i}.01", size, "10", seconds=i)))
                for i, size in enumerate([10, -10, 5, -5])
            ),
            Changes(),
        )
        await store.apply(joined, at=T0)

        state = await store.load()

    assert state.positions == ()
    assert len(state.trades) == 2


async def test_a_second_live_entry_for_one_signal_is_refused_and_nothing_of_it_stored(tmp_path):
    twin = intent("ck-1-SPY-b-entry", signal_id="s1")
    async with opened(tmp_path / "s.db") as store:
        await store.record_intents([ENTRY], at=T0)

        with pytest.raises(DuplicateIntentError, match="ck-1-SPY-b-entry"):
            await store.record_intents([intent("other", key="QQQ"), twin], at=T0)

        refs = [o.intent.ref for o in (await store.load()).ledger.orders]
    assert refs == [ENTRY.ref]


async def test_an_order_is_marked_as_sending_only_once_and_all_or_none(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        await store.record_intents([ENTRY, STOP], at=T0)
        await store.mark_sending([(ENTRY.ref, 11)], at=T0)

        with pytest.raises(SendingRefusedError, match="sending, not pending"):
            await store.mark_sending([(STOP.ref, 12), (ENTRY.ref, 13)], at=T0)

        states = {o.intent.ref: o.state for o in (await store.load()).ledger.orders}
    assert states == {ENTRY.ref: OrderState.SENDING, STOP.ref: OrderState.PENDING}


async def test_every_status_of_an_order_is_kept_with_its_time(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)

        said = await store.read(lambda c: order_events(c, ENTRY.ref))

    assert [(e.status, e.source, e.at) for e in said] == [
        ("pending", "engine", T0),
        ("sending", "engine", at(1)),
        ("Submitted", "broker", at(2)),
        ("execution", "broker", at(3)),
        ("execution", "broker", at(4)),
    ]


@pytest.mark.req("PS60-ENTRYWIN")
async def test_brakes_outlive_the_process_until_they_are_lifted_with_a_reason(tmp_path):
    path = tmp_path / "s.db"
    async with opened(path) as store:
        await store.put_brake(kind="HALT", scope="account", name="", reason="news", who="ann", at=T0)
        await store.put_brake(kind="HALT", scope="account", name="", reason="again", who="bob", at=at(1))
        await store.put_brake(kind="PAUSE", scope="symbol", name="SPY", reason="x", who="ann", at=T0)
        await store.set_proof("NOT PROVEN", kind="HALT", scope="account", name="")
    async with opened(path, boot_id="boot-2") as store:
        kept = (await store.load()).brakes
        lifted = await store.clear_brake(
            kind="HALT", scope="account", name="", who="ann", reason="calm", at=at(9)
        )
        twice = await store.clear_brake(
            kind="HALT", scope="account", name="", who="ann", reason="calm", at=at(9)
        )
        left = await store.live_brakes()

    assert [(b.kind, b.name, b.reason, b.proof) for b in kept] == [
        ("HALT", "", "news", "NOT PROVEN"),
        ("PAUSE", "SPY", "x", ""),
    ]
    assert (lifted, twice) == (True, False)
    assert [b.kind for b in left] == ["PAUSE"]


async def test_the_last_run_tells_whether_it_was_killed(tmp_path):
    path = tmp_path / "s.db"
    async with opened(path, boot_id="one") as store:
        assert (await store.load()).last_run is None
    async with opened(path, boot_id="two") as store:
        killed = (await store.load()).last_run
        await store.end_run(at=at(5), clean=True)
    async with opened(path, boot_id="three") as store:
        stopped = (await store.load()).last_run

    assert killed is not None
    assert (killed.boot_id, killed.clean, killed.ended_at) == ("one", False, None)
    assert stopped is not None
    assert (stopped.boot_id, stopped.clean, stopped.ended_at) == ("two", True, at(5))


async def test_the_equity_curve_and_the_audit_are_kept(tmp_path):
    entry = AuditEntry(T0, "ann", "risk.max_positions", "5", "3", "news")
    async with opened(tmp_path / "s.db") as store:
        await store.start_day([], day=date(2026, 11, 20), at=T0)
        await store.save_equity(EquityPoint(at(60), -12.5, 99_987.5), day=date(2026, 11, 20))
        await store.audit(entry)

        state = await store.load()
        audited = await store.read(audit_entries)

    assert state.equity == (EquityPoint(at(60), -12.5, 99_987.5),)
    assert (state.day, state.day_started_at) == (date(2026, 11, 20), T0)
    assert audited == (entry,)


async def test_lines_for_people_come_back_in_order(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        for i in range(3):
            event = NewEvent(at(i), "link", "info", "", "", f"line {i}")
            await store.apply(Changes(), [event], at=at(i))

        state = await store.load()

    assert [e.text for e in state.events] == ["line 0", "line 1", "line 2"]
    assert state.last_event_seq == state.events[-1].seq


@pytest.mark.req("CARD-SQLITE")
async def test_another_tool_reads_the_file_while_it_is_in_use_and_cannot_write_it(tmp_path):
    ledger = Ledger()
    async with opened(tmp_path / "s.db") as store:
        await trade_a_bracket(store, ledger)

        reader = open_for_reading(tmp_path / "s.db")
        try:
            (fills,) = reader.execute("SELECT count(*) FROM fill").fetchone()
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("DELETE FROM fill")
        finally:
            reader.close()

    assert fills == 2


async def test_a_transaction_that_raises_leaves_nothing_behind(tmp_path):
    def half(conn: sqlite3.Connection) -> None:
        conn.execute("INSERT INTO meta (name, value) VALUES ('half', 'x')")
        raise LookupError("no")

    async with opened(tmp_path / "s.db") as store:
        with pytest.raises(LookupError):
            await store.run(half)
        left = await store.read(lambda c: c.execute("SELECT 1 FROM meta WHERE name = 'half'").fetchone())

    assert left is None
    assert not store.healthy or store.unstored == 0


async def test_a_closed_store_refuses_and_closing_twice_is_harmless(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        pass
    await store.close()

    with pytest.raises(StoreClosedError):
        await store.run(lambda c: None)


async def test_naive_times_are_refused_and_nothing_is_stored(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        with pytest.raises(ValueError, match="no time zone"):
            await store.record_intents([ENTRY], at=T0.replace(tzinfo=None))

        assert (await store.load()).ledger.orders == ()


async def test_many_writers_at_once_are_all_stored_in_their_order(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        events = [NewEvent(at(i), "link", "info", "", "", f"{i}") for i in range(60)]
        await asyncio.gather(*(store.apply(Changes(), [e], at=e.at) for e in events))

        state = await store.load()
        metrics = store.metrics()

    assert [e.text for e in state.events] == [str(i) for i in range(60)]
    assert metrics.writes >= 60
    assert metrics.backlog == 0
    assert metrics.last_ms is not None


def test_paths_with_odd_characters_open(tmp_path: Path):
    odd = tmp_path / "a b?#%25"

    async def go() -> int:
        async with opened(odd / "s.db"):
            reader = open_for_reading(odd / "s.db")
            try:
                return int(reader.execute("SELECT count(*) FROM run").fetchone()[0])
            finally:
                reader.close()

    assert asyncio.run(go()) == 1


async def test_the_best_of_each_earlier_day_is_kept_for_the_rolling_drawdown(tmp_path):
    async with opened(tmp_path / "s.db") as store:
        for day, values in ((18, (100.0, 120.0)), (19, (110.0, None)), (20, (130.0, 90.0))):
            for n, value in enumerate(values):
                await store.save_equity(EquityPoint(at(60 * day + n), 0.0, value), day=date(2026, 11, day))
        peaks = await store.read(lambda conn: load_peaks(conn, before=date(2026, 11, 20), days=60))
        newest = await store.read(lambda conn: load_peaks(conn, before=date(2026, 11, 20), days=1))

    assert peaks == (120.0, 110.0)
    assert newest == (110.0,)
