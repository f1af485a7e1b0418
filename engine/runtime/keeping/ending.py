"""The end of a run: what waits in memory is written, then everything is closed."""

from __future__ import annotations

import structlog

from engine.runtime.desk import Desk
from engine.runtime.health.assembly import Watch
from engine.runtime.keeping.memory import Memory
from engine.runtime.modes.account_lock import AccountLock
from engine.runtime.process.late_log import LateLog
from engine.store.errors import StoreError
from engine.store.store import Store

_log = structlog.get_logger("engine")


async def save(desk: Desk, store: Store, memory: Memory, watch: Watch, clean: bool) -> bool:
    """The end of the run, after everything that waits in memory; False where it is not durable."""
    await memory.save()
    if clean:
        watch.service.stopping()
        await watch.uptime.stop()
    try:
        await desk.books.settled()
        await store.end_run(at=desk.now(), clean=clean)
    except StoreError as err:
        _log.error("store.end_not_written", error=str(err))
        return False
    return store.healthy


async def close(store: Store, memory: Memory, late: LateLog, held: AccountLock | None) -> None:
    """Nothing is written after this."""
    await memory.close()
    await store.close()
    if held is not None:
        held.release()
    late.flush()
