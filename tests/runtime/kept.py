"""A rig with the regular round at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.api import Mode
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.upkeep import Upkeep
from tests.execution.rig import Rig, rig


@dataclass
class Kept:
    """A rig with its upkeep at work."""

    here: Rig
    upkeep: Upkeep
    kill_file: Path
    killed: list[str] = field(default_factory=list)
    breaks: list[Exception] = field(default_factory=list)
    """What acting on the kill file raises."""


@asynccontextmanager
async def kept(folder: Path, *, mode: Mode = Mode.PAPER) -> AsyncIterator[Kept]:
    async with rig(folder, mode=mode) as here:
        stored = await here.store.load()
        killed: list[str] = []
        breaks: list[Exception] = []

        async def on_kill_file(reason: str) -> None:
            if breaks:
                raise breaks[0]
            killed.append(reason)

        upkeep = Upkeep(
            here.desk,
            executor=here.executor,
            store=here.store,
            day=DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=stored),
            kill_file=folder / "KILL",
            on_kill_file=on_kill_file,
            spawn=here.spawn,
            heartbeat=dict,
        )
        here.books.on_changes(upkeep.on_changes)
        await upkeep.begin()
        task = asyncio.ensure_future(upkeep.run())
        try:
            yield Kept(here, upkeep, folder / "KILL", killed, breaks)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
