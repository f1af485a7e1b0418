"""A disk that outlives the engine: real transactions on a real SQLite database, run without a thread.

It can refuse writes, and the process can die right before or right after the k-th commit.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from engine.store.connection import open_database, transact
from engine.store.store import Store
from tests.storm.exchange import ACCOUNT, Exchange

GATEWAY: Final = "embedded"
CATCH_UP_S = 15.0
"""What a full disk refused is on it this long after it takes writes again."""


@functools.cache
def _template() -> sqlite3.Connection:
    """A migrated, bound, empty state file, copied for every seed."""
    with tempfile.TemporaryDirectory() as folder:
        made = open_database(Path(folder) / "cockpit.db", gateway=GATEWAY, account=ACCOUNT)
        kept = sqlite3.connect(":memory:", isolation_level=None)
        made.backup(kept)
        made.close()
    return kept


@functools.cache
def _folder() -> Path:
    """Where the engine writes what is no database (the day's report); one per process."""
    made = Path(tempfile.mkdtemp(prefix="storm-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


class Disk:
    """What survives a crash."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self.conn = sqlite3.connect(":memory:", isolation_level=None)
        _template().backup(self.conn)
        self.conn.execute("PRAGMA foreign_keys = ON")
        self.commits = 0
        self.is_full = False
        self.was_full_s = float("-inf")
        """When it last refused a write."""
        self._exchange = exchange
        self._rng = random.Random(f"disk {seed}")

    @property
    def is_behind(self) -> bool:
        """Records that it refused a while ago may still wait, or be on their way to it."""
        return self.is_full or self._exchange.now_s - self.was_full_s < CATCH_UP_S

    def slow_s(self) -> float:
        """How long the next commit takes before it is made."""
        exchange = self._exchange
        return self._rng.uniform(0.02, 0.5) if self._rng.random() < exchange.weather.slow_disk else 0.0

    def close(self) -> None:
        """Let go of the memory."""
        self.conn.close()

    def store(self, *, before: Callable[[], bool], after: Callable[[], bool]) -> Store:
        """The real store over this disk. `before` and `after` a commit say whether the process dies there."""
        inline = _Inline(self, before, after)
        return Store(inline, _folder() / "cockpit.db")  # type: ignore[arg-type]  # all the store uses of aiosqlite's

    def commit(self, function: Callable[..., Any]) -> Any:
        """One whole transaction, or the error of a disk that takes none."""
        if self.is_full:
            self.was_full_s = self._exchange.now_s
            raise sqlite3.OperationalError("database or disk is full")
        result = function(self.conn)
        self.commits += 1
        self._exchange.dirty = True
        return result


class _Inline:
    """The part of an aiosqlite connection that the store uses, in the caller's thread."""

    def __init__(self, disk: Disk, before: Callable[[], bool], after: Callable[[], bool]) -> None:
        self._disk = disk
        self._before = before
        self._after = after
        self._conn = disk.conn
        self._turn = asyncio.Lock()

    async def _execute(self, function: Callable[..., Any], *args: Any) -> Any:
        # The writer thread answers a moment later: whatever is ready may come in between, on either side.
        await asyncio.sleep(0)
        if not _is_write(function):
            return function(*args)
        # One writer: what takes long keeps everything behind it waiting.
        async with self._turn:
            return await self._write(function)

    async def _write(self, function: Callable[..., Any]) -> Any:
        if slow_s := self._disk.slow_s():
            await asyncio.sleep(slow_s)
        if self._before():
            await asyncio.get_running_loop().create_future()
        result = self._disk.commit(function)
        if self._after():
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)
        return result

    async def close(self) -> None:
        """The database lives on."""


def _is_write(function: Callable[..., Any]) -> bool:
    return isinstance(function, functools.partial) and function.func is transact
