"""What a restore checks beyond what an opening does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.ledger.changes import Changes
from engine.runtime.process.errors import FailedError
from engine.runtime.shell.state_tools import _checked
from engine.store import connection
from engine.store.backup import Binding, copy_to
from engine.store.events import NewEvent
from tests.ledger.building import T0
from tests.store.building import ACCOUNT, GATEWAY, opened


async def test_the_whole_log_of_a_backup_is_checked_before_it_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An opening looks at the newest events only; a backup from elsewhere is looked through to its begin."""
    async with opened(tmp_path / "s.db") as store:
        for n in range(6):
            await store.apply(Changes(), [NewEvent(T0, "link", "info", "", "", f"{n}")], at=T0)
        source = copy_to(store.path, tmp_path / "backup.db")
    assert _checked(source) == Binding(GATEWAY, ACCOUNT)
    monkeypatch.setattr(connection, "CHECKED_EVENTS", 1)
    with closing(sqlite3.connect(source, isolation_level=None)) as conn:
        conn.execute("UPDATE event SET text = 'other' WHERE seq = 2")

    with pytest.raises(FailedError, match="event 2 was changed after it was written; nothing was changed"):
        _checked(source)
