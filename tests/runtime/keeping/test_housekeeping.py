"""Backups at their times and old rows let go, without a word where all is well and an alert where not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from engine.api import Level
from engine.runtime.keeping import housekeeping
from engine.runtime.keeping.housekeeping import Housekeeping, tell_opening
from engine.store.backup_names import backups_of
from engine.store.events import NewEvent, append_events
from engine.store.quarantine import QuarantinedRow
from engine.store.rescue import Rescue
from engine.store.store import Opening
from tests.builders import TEN
from tests.execution.rig import LoopClock, Rig, rig
from tests.virtual_time import pass_time, virtual


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[tuple[Rig, Housekeeping]]:
    async with rig(folder) as here:
        keeping = Housekeeping(here.desk, store=here.store, spawn=here.spawn)

        async def rounds() -> None:
            while True:
                await keeping.round()
                await asyncio.sleep(1.0)

        task = asyncio.ensure_future(rounds())
        try:
            yield here, keeping
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def reasons(here: Rig) -> list[str]:
    return [b.path.stem.rsplit("-", 1)[-1] for b in reversed(backups_of(here.store.path))]


@virtual
async def test_a_backup_is_made_at_the_start_and_every_five_minutes(tmp_path: Path) -> None:
    async with kept(tmp_path) as (here, _):
        await pass_time(2)
        assert reasons(here) == ["start"]

        await pass_time(290)
        assert reasons(here) == ["start"]
        await pass_time(15)
        assert reasons(here) == ["start", "regular"]


@virtual
async def test_a_new_trading_day_makes_one_too(tmp_path: Path) -> None:
    async with kept(tmp_path) as (here, _):
        await pass_time(2)
        clock = here.desk.clock
        assert isinstance(clock, LoopClock)
        clock.skipped = TEN.replace(day=TEN.day + 1) - TEN

        await pass_time(2)

        assert reasons(here) == ["start", "day"]


@virtual
async def test_a_backup_that_fails_is_an_alert_that_ends_with_the_next_good_one(tmp_path: Path) -> None:
    (tmp_path / "backups").touch()
    async with kept(tmp_path) as (here, keeping):
        await pass_time(2)
        assert "no backup of the state was made" in here.alerts("no_backup")[0]

        (tmp_path / "backups").unlink()
        await keeping.back_up("regular")
        assert here.alerts("no_backup") == []


def _made(backups: list[dict[str, object]], more: dict[str, object], path: Path) -> Path:
    backups.append(more)
    return path


@virtual
async def test_a_large_state_is_copied_less_often_and_never_holds_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that takes ten seconds (told by the clock) waits ten minutes for the next."""
    async with kept(tmp_path) as (here, keeping):
        backup: list[dict[str, object]] = []
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(here.desk.clock, "monotonic", lambda: loop.time() + 10 * len(backup))
        monkeypatch.setattr(housekeeping, "back_up", lambda path, **more: _made(backup, more, path))
        await pass_time(2)
        await pass_time(400)
        assert [b["why"] for b in backup] == ["start"]

        await keeping.last_backup()
        assert len(backup) == 1

        await pass_time(250)
        assert [b["why"] for b in backup] == ["start", "regular"]


@virtual
async def test_events_older_than_the_retention_are_let_go_and_the_chain_still_verifies(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as (here, _):
        old = TEN.replace(year=TEN.year - 1)
        lines = [NewEvent(old, "link", "info", "", "", f"{n}") for n in range(1200)]
        await here.store.run(partial(append_events, events=lines, boot_id="boot"))

        await pass_time(3700)

        rows = await here.rows("SELECT text FROM event WHERE kind = 'link'")
        assert rows == []
        assert (await here.store.verify_chain()).ok


@virtual
@pytest.mark.req("REQ-RET1")
async def test_an_engine_that_runs_for_weeks_lets_go_of_what_grows_old_meanwhile(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        keeping = Housekeeping(here.desk, store=here.store, spawn=here.spawn, keeps_backups=False)
        await keeping.round()
        old = TEN.replace(year=TEN.year - 1)
        lines = [NewEvent(old, "link", "info", "", "", "late"), NewEvent(TEN, "link", "info", "", "", "new")]
        await here.store.run(partial(append_events, events=lines, boot_id="b"))

        await pass_time(3500)
        await keeping.round()
        assert ("late",) in await here.rows("SELECT text FROM event")
        await pass_time(200)
        await keeping.round()
        assert ("late",) not in await here.rows("SELECT text FROM event")


@virtual
async def test_what_opening_had_to_do_is_told(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        opening = Opening(Rescue("it was damaged", True), (QuarantinedRow("fill", "{}", "price is 'x'"),))

        tell_opening(here.desk, opening, ("SPY",))

        told = {a.code: (a.level, a.text) for a in here.desk.notices.alerts}
        assert told["state_damaged"] == (Level.WARNING, "it was damaged")
        assert told["state_rows"][0] is Level.ERROR
        assert "fill {}: price is 'x'" in told["state_rows"][1]
        assert "SPY" in told["positions_rederived"][1]


@virtual
async def test_books_that_start_empty_are_an_error_not_a_warning(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        tell_opening(here.desk, Opening(Rescue("no backup", False)), ())

        assert [a.level for a in here.desk.notices.alerts] == [Level.ERROR]


@virtual
async def test_nothing_is_told_where_nothing_was_wrong(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        tell_opening(here.desk, Opening(), ())

        assert here.desk.notices.alerts == ()
