"""The same file and the same transactions without a thread: for the simulation and for tools."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.store.connection import is_disk_trouble, open_database, transact
from engine.store.errors import StoreUnwritableError

T = TypeVar("T")


class SyncStore:
    """Runs the functions of `operations` directly over sqlite3, in the caller's thread."""

    def __init__(self, path: Path, *, gateway: str, account: str) -> None:
        """Open like `Store.open`; the same errors."""
        self._conn = open_database(path, gateway=gateway, account=account)

    def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """One whole transaction; StoreUnwritableError when the disk does not take it."""
        try:
            return transact(self._conn, function)
        except sqlite3.DatabaseError as err:
            if not is_disk_trouble(err):
                raise
            raise StoreUnwritableError(f"the state file did not take a write ({err})") from err

    def close(self) -> None:
        """Close the file."""
        self._conn.close()
