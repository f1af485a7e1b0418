"""Backups: whole and checked although the store writes on, private, thinned out, never taken from damage."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store.backup import (
    KEPT_DAYS,
    KEPT_NEWEST,
    KEPT_WEEKS,
    Binding,
    back_up,
    thinned_out,
    verify,
)
from engine.store.backup_names import Backup, backups_of
from engine.store.errors import StoreCorruptError, StoreError
from tests.ledger.building import T0, intent
from tests.store.building import ACCOUNT, GATEWAY, opened

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def refs(path: Path) -> set[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return {ref for (ref,) in conn.execute("SELECT ref FROM intent")}


@pytest.mark.req("RECOVERY-RISK-1")
async def test_a_backup_made_while_orders_are_written_is_whole_private_and_says_whose_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cockpit.db"
    async with opened(path) as store:
        await store.record_intents([intent("before")], at=T0)
        writing = [asyncio.create_task(store.record_intents([intent(f"n{i}")], at=T0)) for i in range(50)]

        made = await asyncio.to_thread(back_up, path, at=NOON, why="regular")
        await asyncio.gather(*writing)

        assert verify(made) == Binding(GATEWAY, ACCOUNT)
    assert "before" in refs(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert [p.name for p in made.parent.iterdir()] == ["cockpit-20261120T120000000000Z-regular.db"]


async def test_a_damaged_store_gives_no_backup_and_the_older_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    async with opened(path) as store:
        await store.record_intents([intent("a")], at=T0)
        good = back_up(path, at=NOON, why="start")
        await store.run(lambda c: c.execute("UPDATE event SET kind = 'changed' WHERE seq = 1"))

        with pytest.raises(StoreCorruptError, match="event 1 was changed"):
            back_up(path, at=NOON + timedelta(minutes=5), why="regular")

    assert [b.path for b in backups_of(path)] == [good]
    assert list(good.parent.glob("*.part")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    async with opened(path):
        (tmp_path / "backups").mkdir(mode=0o500)

        with pytest.raises(StoreError, match="backup"):
            back_up(path, at=NOON, why="start")


async def test_a_file_in_the_place_of_the_folder_is_an_error_for_people(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    async with opened(path):
        (tmp_path / "backups").touch()

        with pytest.raises(StoreError, match="backups cannot be made"):
            back_up(path, at=NOON, why="start")


async def test_what_a_killed_engine_left_half_made_is_cleared_away_by_the_next_backup(tmp_path: Path) -> None:
    path = tmp_path / "cockpit.db"
    async with opened(path):
        (tmp_path / "backups").mkdir()
        (tmp_path / "backups" / "cockpit-x.db.part").touch()

        made = back_up(path, at=NOON, why="start")

    assert list(made.parent.iterdir()) == [made]


def made_at(*minutes_ago: int) -> list[Backup]:
    times = (NOON - timedelta(minutes=m) for m in sorted(minutes_ago))
    return [Backup(Path(f"{at.isoformat()}"), at) for at in times]


@given(st.sets(st.integers(0, 60 * 24 * 120), max_size=60))
def test_thinning_keeps_the_newest_seven_days_and_four_weeks_and_no_more(minutes: set[int]) -> None:
    found = made_at(*minutes)

    gone = set(thinned_out(found))
    kept = [b for b in found if b not in gone]

    assert kept[:KEPT_NEWEST] == found[:KEPT_NEWEST]
    assert len(kept) <= KEPT_NEWEST + KEPT_DAYS + KEPT_WEEKS
    days = sorted({b.at.date() for b in found}, reverse=True)[:KEPT_DAYS]
    assert {b.at.date() for b in kept} >= set(days)
    weeks = sorted({b.at.isocalendar()[:2] for b in found}, reverse=True)[:KEPT_WEEKS]
    assert {b.at.isocalendar()[:2] for b in kept} >= set(weeks)
    assert thinned_out(kept) == ()


def test_five_minutes_apart_for_two_months_seven_days_and_four_weeks_are_left() -> None:
    kept: list[Backup] = []
    for minute in range(60 * 24 * 60, -1, -60):
        kept = [*made_at(minute), *kept]
        gone = set(thinned_out(kept))
        kept = [b for b in kept if b not in gone]

    ages = [(NOON - b.at).days for b in kept]
    assert ages[KEPT_NEWEST:] == [0, 1, 2, 3, 4, 5, 11, 18][-len(ages[KEPT_NEWEST:]) :]


def test_the_last_copy_from_before_a_migration_stays_beside_the_newest() -> None:
    found = [*made_at(0, 1, 2, 3), *(b._replace(why=f"schema{b.at.minute % 7}") for b in made_at(4, 5))]

    left = [b for b in found if b not in thinned_out(found)]

    assert left == [found[0], found[1], found[2], found[4]]


def test_backups_that_are_too_large_together_go_oldest_first_but_never_the_newest_three() -> None:
    day = 24 * 60
    found = [b._replace(size=100) for b in made_at(*(n * day for n in range(6)))]

    assert thinned_out(found, most_bytes=450) == tuple(found[4:])
    assert thinned_out(found, most_bytes=50) == tuple(found[3:])
