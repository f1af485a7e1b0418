"""What a restart continues: every ten seconds saved, on the same trading day continued, never invented."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.api import Level, WhyNot
from engine.broker.port import Fetched
from engine.domain.instrument import SessionHours
from engine.domain.market import Bar
from engine.recovery.checkpoint import KEPT_BARS
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.markets import Markets
from engine.runtime.selection.warming import OVERLAP_BARS
from engine.runtime.trading import Trading
from engine.store.checkpoint import load_checkpoint
from engine.store.store import Store
from tests.builders import TEN, proposal, stock
from tests.execution.rig import LoopClock, Rig, rig
from tests.runtime.test_trading import Script, _running, _trading
from tests.virtual_time import pass_time, virtual


def bar(n: int, key: str = "SPY", *, close: float = 100.0) -> Bar:
    return Bar(key, TEN + timedelta(seconds=5 * n), 100.0, 101.0, 99.0, close, 10)


@dataclass
class Life:
    """One run of an engine's middle over a state folder."""

    here: Rig
    checkpoints: Checkpoints
    trading: Trading
    script: Script

    @property
    def markets(self) -> Markets:
        return Markets(
            self.here.desk,
            broker=self.here.broker,
            trading=self.trading,
            checkpoints=self.checkpoints,
            spawn=self.here.spawn,
        )

    def told(self, word: str) -> list[str]:
        return [e.text for e in self.here.desk.notices.events if word in e.text]


async def last_state(store: Store, *, saved_at: datetime | None = None) -> LastState:
    return LastState(await store.read(load_checkpoint), saved_at=saved_at)


@asynccontextmanager
async def life(
    folder: Path,
    *,
    later: timedelta = timedelta(),
    saved_at: datetime | None = None,
    max_gap_s: float | None = None,
) -> AsyncIterator[Life]:
    """A run that begins `later` than the exchange's ten o'clock."""
    async with rig(folder) as here:
        clock = here.desk.clock
        assert isinstance(clock, LoopClock)
        clock.skipped = later
        if max_gap_s is not None:
            data = here.desk.config.data.model_copy(update={"max_gap_s": max_gap_s})
            here.desk.config = here.desk.config.model_copy(update={"data": data})
        script = Script()
        trading = _trading(here, _running("a", script), warm=False)
        last = await last_state(here.store, saved_at=saved_at)
        checkpoints = Checkpoints(here.desk, store=here.store, running=trading.running, last=last)
        here.broker.chains = {"SPY": Fetched((stock(),))}
        yield Life(here, checkpoints, trading, script)


async def rounds(checkpoints: Checkpoints) -> None:
    while True:
        await checkpoints.round()
        await asyncio.sleep(1.0)


async def saved_with(folder: Path, bars: Sequence[Bar]) -> None:
    """A run that saved these bars and was killed."""
    async with life(folder) as it:
        it.checkpoints.keep(bars)
        await it.checkpoints.save()


@virtual
@pytest.mark.req("RECOVERY-CADENCE")
async def test_sixty_seconds_give_six_checkpoints_and_each_has_what_was_there(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        times: list[datetime] = []
        run = it.here.store.run

        async def counting(function: object) -> object:
            times.append(it.here.desk.now())
            return await run(function)  # type: ignore[arg-type]

        it.here.store.run = counting  # type: ignore[method-assign, assignment]
        task = asyncio.ensure_future(rounds(it.checkpoints))
        for n in range(12):
            it.checkpoints.keep([bar(n)])
            await pass_time(5)
        task.cancel()
        saved = await it.here.store.read(load_checkpoint)

    assert len(times) == 6
    assert saved is not None
    assert saved.at == times[-1]
    assert [b.end for b in saved.bars["SPY"]] == [bar(n).end for n in range(len(saved.bars["SPY"]))]
    assert len(saved.bars["SPY"]) >= 10, "at most ten seconds are lost"


@virtual
@pytest.mark.req("RECOVERY-STATE-SESSION", "RECOVERY-GAP", "247-NFR-RESTORE")
async def test_session_analytics_why_not_and_last_bars_are_continued_before_the_first_cycle(
    tmp_path: Path,
) -> None:
    async with life(tmp_path) as before:
        desk = before.here.desk
        desk.analytics.filter_blocks["stale_quote"] = 3
        desk.analytics.entry_paths["scripted"] = 2
        desk.why_not["a", "SPY"] = WhyNot("SPY", "a", "stale_quote", "too old", desk.now())
        before.trading.running[0].last_bars["SPY"] = bar(3).end
        await before.checkpoints.save()

    async with life(tmp_path, later=timedelta(minutes=1)) as after:
        desk = after.here.desk
        assert dict(desk.analytics.filter_blocks) == {"stale_quote": 3}
        assert dict(desk.analytics.entry_paths) == {"scripted": 2}
        assert desk.why_not["a", "SPY"].text == "too old"
        assert after.trading.running[0].last_bars == {"SPY": bar(3).end}
        await after.checkpoints.save()
        saved = await after.here.store.read(load_checkpoint)

    assert saved is not None
    assert saved.document["session_started_at"].startswith(TEN.isoformat()[:16])
    assert saved.document["watchlist"] == ["SPY"]


@virtual
@pytest.mark.req("PLAN-M4-AC-RESTART")
async def test_a_bar_that_was_acted_on_before_the_kill_never_acts_again(tmp_path: Path) -> None:
    wish = proposal("SPY", signal_id="break-1")
    async with life(tmp_path) as before:
        before.trading.running[0].keys.add("SPY")
        before.trading.running[0].warm.add("SPY")
        before.script.answers = [(wish,)]
        before.trading.on_bar(bar(1))
        await before.checkpoints.save()

    async with life(tmp_path, later=timedelta(seconds=7)) as after:
        after.trading.running[0].keys.add("SPY")
        after.trading.running[0].warm.add("SPY")
        after.script.answers = [(wish,), ()]
        after.trading.on_bar(bar(1))
        assert after.script.heard == []
        after.trading.on_bar(bar(2))
        assert after.script.heard == [bar(2)]


@virtual
@pytest.mark.req("RECOVERY-SCN-3", "RECOVERY-STATE-BARS")
async def test_a_minute_later_the_gap_is_filled_from_history_and_nothing_warms_up_twice(
    tmp_path: Path,
) -> None:
    await saved_with(tmp_path, [bar(n) for n in range(1, 31)])

    async with life(tmp_path, later=timedelta(seconds=30 * 5 + 60)) as it:
        it.here.broker.bars = {"SPY": Fetched(tuple(bar(n) for n in range(29, 43)))}
        asked: list[int] = []
        history = it.here.broker.history

        async def counting(*args: object, count: int, **more: object) -> object:
            asked.append(count)
            return await history(*args, count=count, **more)  # type: ignore[arg-type]

        it.here.broker.history = counting  # type: ignore[method-assign, assignment]
        await it.markets.prepare(data_lost=True)

        assert it.trading.running[0].warm == {"SPY"}
        assert [b.end for b in it.script.taught] == [bar(n).end for n in range(1, 43)]
        assert asked == [12 + OVERLAP_BARS], "only the gap"
        assert it.told("not made up") == []


@virtual
@pytest.mark.req("RECOVERY-SCN-3")
async def test_without_history_the_stored_bars_serve_and_the_gap_is_marked(tmp_path: Path) -> None:
    await saved_with(tmp_path, [bar(n) for n in range(1, 31)])

    async with life(tmp_path, later=timedelta(seconds=30 * 5 + 60)) as it:
        it.here.broker.bars = {"SPY": Fetched(None, "pacing violation")}
        await it.markets.prepare(data_lost=True)

        assert it.trading.running[0].warm == {"SPY"}
        assert len(it.script.taught) == 30
        assert it.told(
            "30 bars continued, 0 filled in from history; missing and not made up: the last 12 bars"
        )


@virtual
async def test_a_break_of_the_session_between_stored_bars_and_history_is_no_hole(tmp_path: Path) -> None:
    await saved_with(tmp_path, [bar(n) for n in range(1, 31)])

    async with life(tmp_path, later=timedelta(seconds=30 * 5 + 60)) as it:
        pause = bar(30).end, bar(40).start
        spans = (
            SessionHours(TEN - timedelta(hours=1), pause[0]),
            SessionHours(pause[1], TEN + timedelta(hours=6)),
        )
        it.here.broker.chains["SPY"] = Fetched((stock(liquid_hours=spans),))
        it.here.broker.bars = {"SPY": Fetched(tuple(bar(n) for n in range(40, 43)))}
        await it.markets.prepare(data_lost=True)

        assert it.trading.running[0].warm == {"SPY"}
        assert it.told("not made up") == []


@virtual
@pytest.mark.req("RECOVERY-SCN-3")
async def test_a_hole_that_history_does_not_fill_is_named_by_its_times(tmp_path: Path) -> None:
    await saved_with(tmp_path, [bar(n) for n in range(1, 31)])

    async with life(tmp_path, later=timedelta(seconds=30 * 5 + 60)) as it:
        it.here.broker.bars = {"SPY": Fetched(tuple(bar(n) for n in range(35, 43)))}
        await it.markets.prepare(data_lost=True)

        (told,) = it.told("not made up")
        assert f"{bar(30).end:%H:%M:%S}-{bar(34).end:%H:%M:%S} UTC" in told


@virtual
@pytest.mark.req("RECOVERY-SCN-3")
async def test_a_gap_longer_than_allowed_discards_the_buffer_and_warms_up_anew(tmp_path: Path) -> None:
    await saved_with(tmp_path, [bar(n) for n in range(1, 31)])

    async with life(tmp_path, later=timedelta(minutes=10), max_gap_s=60.0) as it:
        it.here.broker.bars = {"SPY": Fetched(None, "pacing violation")}
        await it.markets.prepare(data_lost=True)

        assert it.trading.rows()[0].state == "warming up"
        assert it.script.taught == []


@virtual
@pytest.mark.req("RECOVERY-RISK-3")
async def test_the_evening_after_is_still_the_same_trading_day_the_morning_after_is_not(
    tmp_path: Path,
) -> None:
    await saved_with(tmp_path, [bar(1)])
    evening = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # 20:30 in New York
    assert evening.date() != TEN.date()

    async with life(tmp_path, later=evening - TEN) as it:
        assert it.told("not continued") == []
        assert it.checkpoints._session_started_at < evening

    async with life(tmp_path, later=evening - TEN + timedelta(hours=12)) as it:
        (told,) = it.told("not continued")
        assert "trading day 2026-11-20, today is 2026-11-21" in told
        assert it.checkpoints.restored_bars("SPY").bars == ()


@virtual
@pytest.mark.req("RECOVERY-RISK-3")
async def test_another_day_begins_with_empty_counters_and_an_empty_buffer(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.here.desk.analytics.filter_blocks["cooldown"] = 1
        it.checkpoints.keep([bar(1)])
        await it.checkpoints.save()
        clock = it.here.desk.clock
        assert isinstance(clock, LoopClock)
        clock.skipped = timedelta(days=1)

        await it.checkpoints.save()
        saved = await it.here.store.read(load_checkpoint)

    assert saved is not None
    assert (saved.document["filter_blocks"], saved.bars) == ({}, {})


@virtual
async def test_a_checkpoint_from_the_future_is_not_believed(tmp_path: Path) -> None:
    async with life(tmp_path, later=timedelta(hours=1)) as it:
        await it.checkpoints.save()

    async with life(tmp_path) as it:
        assert "later than now" in it.told("not continued")[0]


@virtual
async def test_a_checkpoint_that_cannot_be_read_is_dropped_with_its_reason(tmp_path: Path) -> None:
    await saved_with(tmp_path, [])
    async with rig(tmp_path) as here:
        await here.store.run(lambda c: c.execute("UPDATE checkpoint SET document = '{}'"))

    async with life(tmp_path) as it:
        assert "KeyError" in it.told("not continued")[0]


@virtual
@pytest.mark.req("REQ-ARCH-002")
@pytest.mark.parametrize(
    ("age", "warned"), [(timedelta(hours=24, seconds=1), 1), (timedelta(hours=23, minutes=59), 0)]
)
async def test_state_older_than_a_day_warns_once(tmp_path: Path, age: timedelta, warned: int) -> None:
    async with life(tmp_path, saved_at=TEN - age) as it:
        warnings = [e for e in it.here.desk.notices.events if e.level is Level.WARNING]

        assert len(warnings) == len(it.here.alerts("state_old")) == warned


@virtual
@pytest.mark.req("RECOVERY-STATE-BARS")
async def test_fifty_symbols_of_720_bars_stay_under_20_megabytes_and_older_bars_go(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        keys = [f"S{n}" for n in range(50)]
        for begin in range(0, KEPT_BARS + 60, 60):
            it.checkpoints.keep(bar(n, key) for key in keys for n in range(begin, begin + 60))
            await it.checkpoints.save()
        saved = await it.here.store.read(load_checkpoint)
        await it.here.store.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        size = it.here.store.path.stat().st_size

    assert saved is not None
    assert {len(bars) for bars in saved.bars.values()} == {KEPT_BARS}
    assert [b.end for b in saved.bars["S7"]] == [bar(n).end for n in range(60, KEPT_BARS + 60)]
    assert size < 20_000_000


@virtual
async def test_bars_that_the_disk_did_not_take_are_in_the_next_checkpoint(tmp_path: Path) -> None:
    async with life(tmp_path) as it:
        it.checkpoints.keep([bar(1)])
        await it.here.store.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
        await it.checkpoints.save()
        await it.here.store.read(lambda c: c.execute("PRAGMA query_only = OFF").fetchall())
        it.checkpoints.keep([bar(2)])
        await it.checkpoints.save()
        saved = await it.here.store.read(load_checkpoint)

    assert saved is not None
    assert saved.bars["SPY"] == (bar(1), bar(2))
