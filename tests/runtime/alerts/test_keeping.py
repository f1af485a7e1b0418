"""Alerts outlive the process: in their table at once, under the same id, until somebody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import EventView, Level
from engine.runtime.alerts.keeper import AlertKeeper
from engine.runtime.alerts.notices import Notices, Telling
from engine.store.alerts import highest_alert_id, standing_alerts
from tests.builders import TEN
from tests.execution.rig import Rig, rig
from tests.execution.test_executor import fill_the_disk
from tests.virtual_time import pass_time, virtual


async def keep(it: Rig) -> AlertKeeper:
    """A keeper whose engine runs."""
    keeper = AlertKeeper(it.desk.notices, store=it.store, spawn=it.spawn)
    await keeper.round()
    return keeper


async def reborn(it: Rig) -> tuple[Notices, list[tuple[int, Telling]]]:
    """The notices of the next run over the same table."""
    log: list[EventView] = []
    told: list[tuple[int, Telling]] = []
    notices = Notices(now=lambda: TEN, monotonic=lambda: 0.0, log=log.append)
    notices.on_told(lambda alert, why: told.append((alert.alert_id, why)))
    notices.restore(await it.store.read(standing_alerts), highest_id=await it.store.read(highest_alert_id))
    return notices, told


@pytest.mark.req("PS60-ALERTS", "REQ-AL1")
@virtual
async def test_no_alert_is_lost_over_a_restart_and_ids_stay(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await keep(it)
        raise_alert = it.desk.notices.raise_alert
        raise_alert(Level.CRITICAL, "naked", "no stop", symbol="SPY")
        raise_alert(Level.ERROR, "link_down", "gone")
        raise_alert(Level.CRITICAL, "kill", "NOT PROVEN")
        raise_alert(Level.CRITICAL, "unknown_order", "which?", symbol="QQQ")
        it.desk.notices.clear_alert("link_down")
        it.desk.notices.acknowledge(3, who="me")
        it.desk.notices.acknowledge(4, who="me")
        await pass_time(0.5)

        notices, told = await reborn(it)

        # 2 has ended, 3 only a person could end and did; 4 was seen and its cause may go on.
        assert [(a.alert_id, a.code, a.acknowledged) for a in notices.alerts] == [
            (1, "naked", False),
            (4, "unknown_order", True),
        ]
        assert told == [(1, Telling.REPEATED)]
        assert notices.blocking("SPY") is not None
        assert notices.blocking("QQQ") is None
        notices.raise_alert(Level.ERROR, "link_down", "gone again")
        assert notices.alerts[-1].alert_id == 5
        rows = await it.rows("SELECT id, acknowledged_by, resolved_at IS NULL FROM alert ORDER BY id")
        assert rows == [(1, "", 1), (2, "", 0), (3, "me", 0), (4, "me", 1)]


@pytest.mark.req("REQ-AL1")
@virtual
async def test_an_alert_is_in_its_table_within_five_seconds_without_waiting_for_a_round(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as it:
        await keep(it)
        it.desk.notices.raise_alert(Level.ERROR, "health", "bad")
        await pass_time(0.5)

        assert await it.rows("SELECT code, level, text FROM alert") == [("health", "error", "bad")]


@virtual
async def test_a_round_escalates_and_the_row_says_so(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        keeper = await keep(it)
        it.desk.notices.raise_alert(Level.ERROR, "health", "bad")
        for _ in range(122):
            await pass_time(1.0)
            await keeper.round()

        assert await it.rows("SELECT escalated_at IS NOT NULL, raised FROM alert") == [(1, 1)]


@pytest.mark.req("PS60-ALERTS")
@virtual
async def test_what_a_full_disk_does_not_take_is_written_when_it_is_back(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        keeper = await keep(it)
        await fill_the_disk(it)
        it.desk.notices.raise_alert(Level.CRITICAL, "kill", "x" * 100_000)
        await pass_time(0.5)
        assert await it.rows("SELECT id FROM alert") == []
        it.desk.notices.acknowledge(1, who="me")
        await pass_time(0.5)

        await it.store.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
        await it.store.retry()
        await keeper.round()

        assert await it.rows("SELECT code, acknowledged_by FROM alert") == [("kill", "me")]
