"""What is kept of times and uptime: a row a minute, alerts where a time is not kept, spans of being up."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from engine.broker.port import LinkState
from engine.health.telemetry import LEAST_SAMPLES, Timing
from engine.store.health import telemetry_since, up_spans
from tests.builders import TEN
from tests.runtime.health.watching import watching
from tests.virtual_time import pass_time, virtual


@pytest.mark.req("REQ-OB1", "PLAN-LOOP-COUNTERS")
@virtual
async def test_every_minute_leaves_a_row_with_what_came_in_it(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        telemetry, keeper = here.here.desk.telemetry, here.watch.telemetry
        telemetry.counters.bars += 12
        telemetry.counters.submitted += 1
        telemetry.add(Timing.TICK_TO_ORDER, 2.5)
        await pass_time(60.5)
        await keeper.round()
        await pass_time(60.5)
        await keeper.round()

        first, second = await here.here.store.read(lambda conn: telemetry_since(conn, since=TEN))
        assert (first.bars, first.submitted, second.bars) == (12, 1, 0)
        assert first.figures["tick_to_order"] == [1, 2.5, 2.5, 2.5, 2.5]
        assert "tick_to_order" not in second.figures
        assert json.dumps(second.figures)


@pytest.mark.req("REQ-OB1")
@virtual
async def test_a_time_that_is_not_kept_is_an_alert_until_it_is(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        telemetry, keeper = here.here.desk.telemetry, here.watch.telemetry
        for _ in range(LEAST_SAMPLES):
            telemetry.add(Timing.CYCLE, 1200.0)
        await keeper.round()

        assert here.here.alerts("slo_violation") == ["decision cycle p95 is 1.20 s, limit 1.00 s"]
        (row,) = [r for r in keeper.view.timings if r.violated]
        assert (row.name, row.limit) == ("decision cycle", "p95 ≤ 1.00 s, p99 ≤ 2.00 s")
        for _ in range(5):
            await pass_time(61.0)
            await keeper.round()
        await pass_time(3.0)
        await keeper.round()
        assert not here.here.alerts("slo_violation")


@pytest.mark.req("PS60-NFR-REL")
@virtual
async def test_an_outage_of_a_minute_is_a_failure_in_the_record(tmp_path: Path) -> None:
    async with watching(tmp_path) as here:
        desk, record = here.here.desk, here.watch.uptime

        async def rounds(seconds: int) -> None:
            for _ in range(seconds):
                await record.round()
                await pass_time(1.0)

        await rounds(60)
        down_at, desk.link = desk.now(), LinkState.DOWN
        await rounds(60)
        up_at, desk.link = desk.now(), LinkState.UP
        await rounds(60)
        await record.stop()

        lost, back = await here.here.store.read(up_spans)
        assert (lost.ended_by, back.ended_by) == ("line", "stopped")
        # Virtual time also passes while the store's thread reads: by the clock, not by the number of rounds.
        assert down_at <= lost.ended < up_at <= back.began
        assert back.began - lost.ended >= timedelta(seconds=59)
        assert record.view.failures == 1
        assert record.view.pct is not None
        assert 50.0 < record.view.pct < 80.0
