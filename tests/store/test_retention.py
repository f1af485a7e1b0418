"""Retention: the old end goes in small batches, the log still verifies, and nothing held is ever lost."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.domain.order import OrderState
from engine.ledger.changes import Changes
from engine.ledger.events import Executed, Registered, Resolved
from engine.ledger.ledger import Ledger
from engine.store import retention
from engine.store.alerts import StoredAlert, put_alerts
from engine.store.events import NewEvent, append_events
from engine.store.retention import prune
from engine.store.store import Store
from tests.ledger.building import T0, fill, intent
from tests.store.building import opened

DAY = timedelta(days=1)
NOW = T0 + 100 * DAY


def line(at: datetime) -> NewEvent:
    return NewEvent(at, "link", "info", "", "", "line")


async def prune_all(store: Store, *, before: datetime) -> int:
    removed, batches = 1, 0
    while removed:
        removed = await store.run(partial(prune, before=before, at=NOW, boot_id="boot-1"))
        batches += bool(removed)
    return batches


async def seqs(store: Store) -> list[int]:
    return await store.read(lambda c: [s for (s,) in c.execute("SELECT seq FROM event ORDER BY seq")])


async def test_old_events_go_in_batches_and_the_rest_still_verifies(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        old = [line(T0) for _ in range(retention.BATCH * 2 + 10)]
        await store.run(partial(append_events, events=[*old, line(NOW)], boot_id="b"))

        batches = await prune_all(store, before=NOW - 90 * DAY)

        kept = await seqs(store)
        assert batches == 3
        assert kept[0] == len(old) + 1
        assert (await store.verify_chain()).ok

        await store.run(lambda c: c.execute("DELETE FROM event WHERE seq = ?", (kept[0],)))
        report = await store.verify_chain()
        assert report.broken_at == kept[0]


async def test_events_removed_without_an_anchor_are_named(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await store.run(partial(append_events, events=[line(T0) for _ in range(9)], boot_id="b"))
        await store.run(lambda c: c.execute("DELETE FROM event WHERE seq <= 3"))

        report = await store.verify_chain()

    assert (report.broken_at, report.text) == (1, "event 1 is missing (the next one there is 4)")


async def a_trade(store: Store, ledger: Ledger, name: str, key: str, *, closed: bool) -> None:
    """A filled entry 100 days ago, and its close."""
    steps = [("in", 100), ("out", -100)] if closed else [("in", 100)]
    for n, (word, signed) in enumerate(steps):
        ref = f"{name}-{word}"
        wish = intent(ref, key=key)
        await store.record_intents([wish], at=T0)
        ledger.apply(Registered((wish,), T0))
        done = ledger.apply(Executed(fill(f"{ref}-x", signed, "10", ref=ref, key=key), n, T0))
        await store.apply(done + ledger.apply(Resolved(ref, OrderState.FILLED, "", T0)), at=T0)


async def test_an_open_position_keeps_its_orders_and_fills_whatever_their_age(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with opened(path) as store:
        ledger = Ledger()
        await store.start_day([], day=date(2026, 11, 20), at=T0 - DAY)
        await a_trade(store, ledger, "gone", "QQQ", closed=True)
        await a_trade(store, ledger, "held", "SPY", closed=False)
        await store.start_day(ledger.start_day(), day=date(2027, 2, 28), at=NOW)

        await prune_all(store, before=NOW - 90 * DAY)

        fills = await store.read(lambda c: [e for (e,) in c.execute("SELECT exec_id FROM fill")])
        orders = await store.read(lambda c: [r for (r,) in c.execute("SELECT ref FROM intent")])
        trades = await store.read(lambda c: [k for (k,) in c.execute("SELECT key FROM trade")])
        after = Ledger((await store.load()).ledger)
    assert (fills, orders, trades) == (["held-in-x"], ["held-in"], ["QQQ"])
    assert [(p.key, p.quantity) for p in after.positions.positions()] == [("SPY", 100)]


async def test_what_the_ledger_of_the_day_starts_from_stays_although_it_is_old(tmp_path: Path) -> None:
    """An engine that slept a hundred days: its anchor is old, and all it has."""
    async with opened(tmp_path / "s.db") as store:
        ledger = Ledger()
        await store.start_day([], day=date(2026, 11, 20), at=T0 - DAY)
        await a_trade(store, ledger, "gone", "QQQ", closed=True)
        before = await store.load()

        await prune_all(store, before=NOW - 90 * DAY)

        after = await store.load()
    assert after.ledger.fills == before.ledger.fills
    assert after.day == before.day


async def test_an_order_that_is_not_done_stays(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await store.record_intents([intent("unknown", key="QQQ")], at=T0)
        await store.start_day([], day=date(2027, 2, 28), at=NOW)

        await prune_all(store, before=NOW - 90 * DAY)

        assert [o.intent.ref for o in (await store.load()).ledger.orders] == ["unknown"]


async def test_nothing_young_is_touched(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        await store.apply(Changes(), [line(T0)], at=T0)

        assert await prune_all(store, before=T0) == 0
        assert len(await seqs(store)) == 1


@pytest.mark.req("REQ-RET1")
async def test_old_alerts_go_when_they_have_ended_and_stay_while_they_stand(tmp_path: Path) -> None:
    ended = StoredAlert(1, "link_down", "error", "", "gone", T0, resolved_at=T0)
    stands = StoredAlert(2, "unknown_order", "critical", "SPY", "which?", T0)
    newest = StoredAlert(3, "link_down", "error", "", "gone", NOW, resolved_at=NOW)
    async with opened(tmp_path / "s.db") as store:
        await store.run(partial(put_alerts, alerts=(ended, stands, newest), boot_id="b"))

        await prune_all(store, before=NOW - 90 * DAY)

        assert await store.read(lambda c: c.execute("SELECT id FROM alert").fetchall()) == [(2,), (3,)]


@pytest.mark.req("REQ-RET1", "247-GATE-2")
async def test_evidence_for_going_live_is_never_let_go(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.db") as store:
        values = "'day', 'x', ?, 1, 'tws', 'DU1', 'PAPER', 1, '', '', '', '{}', ''"
        await store.run(lambda c: c.execute(f"INSERT INTO evidence VALUES ({values})", (T0.isoformat(),)))

        await prune_all(store, before=NOW - 90 * DAY)

        assert await store.read(lambda c: c.execute("SELECT kind FROM evidence").fetchall()) == [("day",)]
