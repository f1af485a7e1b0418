"""Opening stores and ledgers for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.ledger.ledger import Ledger
from engine.store.store import Store
from tests.ledger.building import T0

GATEWAY, ACCOUNT = "embedded", "DU100001"


@asynccontextmanager
async def opened(path: Path, *, boot_id: str = "boot-1") -> AsyncIterator[Store]:
    store = await Store.open(path, gateway=GATEWAY, account=ACCOUNT)
    try:
        known = await store.read(
            lambda c: c.execute("SELECT 1 FROM run WHERE boot_id = ?", (boot_id,)).fetchone()
        )
        if known is None:
            await store.begin_run(boot_id=boot_id, run_id=f"run-{boot_id}", version="1", at=T0)
        yield store
    finally:
        await store.close()


async def restored(path: Path) -> Ledger:
    """What an engine that starts now would begin with."""
    async with opened(path, boot_id="boot-reader") as store:
        return Ledger((await store.load()).ledger)
