"""Deletes old rows of a store that nobody uses, on request, so that nothing of them stays in the file."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

from engine.store.connection import open_database, transact
from engine.store.retention import prune


def purge_file(path: Path, *, before: datetime, at: datetime) -> int:
    """Delete what retention would let go of at `before`; returns how many rows went.

    The file is checked and migrated as at every opening, and written anew: a deleted row is no longer in
    it. Raises StoreError where it cannot be opened, sqlite3.Error where it cannot be written.
    """
    gateway, _, account = path.parent.name.partition("-")
    step = partial(prune, before=before, at=at, boot_id=uuid.uuid4().hex)
    removed = 0
    with closing(open_database(path, gateway=gateway, account=account)) as conn:
        while gone := transact(conn, step):
            removed += gone
        conn.execute("VACUUM")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return removed
