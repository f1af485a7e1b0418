"""Puts the calendars' step of the regular round together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.sessions.tables import Make, SessionTables
from engine.store.store import Store


def session_chores(
    desk: Desk, store: Store, engine: Engine, *, make: Make | None
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name."""
    return {"sessions": SessionTables(desk, store=store, make=make, spawn=engine.spawn).round}
