"""Purge on request: old logs, rows, backups and reports go; what is held, and what is young, stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.runtime.process.errors import RefusedError, UsageError
from engine.runtime.process.lock import Holder, InstanceLock
from engine.runtime.process.log_files import file_of
from engine.runtime.shell.purge import purge
from engine.store.events import NewEvent, append_events, verify_chain
from tests.store.building import ACCOUNT, GATEWAY, opened

NOW = datetime(2026, 11, 21, 17, tzinfo=UTC)


def line(age_days: int) -> NewEvent:
    return NewEvent(NOW - timedelta(days=age_days), "link", "info", "", "", f"canary of {age_days} days")


async def furnished(state: Path) -> Path:
    """A state folder with logs, a store, backups and reports of several ages."""
    (state / "logs").mkdir(parents=True)
    for age in (3, 29, 31, 200):
        file_of(state / "logs", (NOW - timedelta(days=age)).date()).write_text("x")
    store_dir = state / f"{GATEWAY}-{ACCOUNT}"
    async with opened(store_dir / "cockpit.db") as store:
        events = [line(200), line(40), line(10)]
        await store.run(partial(append_events, events=events, boot_id="b"))
    for name in ("days/daily_summary_20260105.json", "days/daily_summary_20261120.json"):
        (store_dir / name).parent.mkdir(exist_ok=True)
        (store_dir / name).write_text("{}")
    (store_dir / "corrupt-20260105T100000Z").mkdir()
    return store_dir


@pytest.mark.req("REQ-RET1")
async def test_what_is_older_than_asked_goes_and_nothing_of_it_stays_in_the_file(tmp_path: Path) -> None:
    store_dir = await furnished(tmp_path)
    said: list[str] = []

    code = purge(tmp_path, days=30, yes=True, ask=None, say=said.append, now=NOW)

    assert code == 0
    assert sorted(p.name for p in (tmp_path / "logs").iterdir()) == [
        "trader_20261023.log",
        "trader_20261118.log",
    ]
    assert sorted(p.name for p in store_dir.glob("*/*")) == ["daily_summary_20261120.json"]
    assert not list(store_dir.glob("corrupt-*"))
    with closing(sqlite3.connect(store_dir / "cockpit.db")) as conn:
        texts = [text for (text,) in conn.execute("SELECT text FROM event WHERE kind = 'link'")]
        assert texts == ["canary of 10 days"]
        assert verify_chain(conn).ok
    assert b"canary of 200 days" not in (store_dir / "cockpit.db").read_bytes()
    assert said[0].startswith("before 2026-10-22: 4 files, old rows of 1 stores")


@pytest.mark.req("REQ-RET1")
async def test_nothing_goes_without_a_word_beside_a_running_engine_or_for_too_young(tmp_path: Path) -> None:
    await furnished(tmp_path)
    ask = partial(purge, tmp_path, say=lambda _: None, now=NOW)

    with pytest.raises(RefusedError, match="--yes"):
        ask(days=30, yes=False, ask=None)
    with pytest.raises(RefusedError, match="not confirmed"):
        ask(days=30, yes=False, ask=lambda _: "yes")
    with pytest.raises(UsageError, match="at least 7 days"):
        ask(days=6, yes=True, ask=None)
    lock = InstanceLock.acquire(tmp_path, Holder(pid=1, mode="PAPER", socket="", run_id=""))
    try:
        with pytest.raises(RefusedError, match="nothing was deleted"):
            ask(days=30, yes=True, ask=None)
    finally:
        lock.release()
    assert len(list((tmp_path / "logs").iterdir())) == 4

    assert ask(days=30, yes=False, ask=lambda _: "DELETE") == 0
    assert len(list((tmp_path / "logs").iterdir())) == 2
