"""A rig whose brakes are carried out and kept, with the upkeep that puts stops back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

from engine.api import Command, CommandKind, Outcome
from engine.domain.instrument import SessionHours
from engine.execution.far_orders import FarOrders
from engine.execution.sender import Sender
from engine.risk.brakes import Brake, BrakeSet
from engine.runtime.brakes import BrakeDesk, restored
from engine.runtime.braking.drill import Drill
from engine.runtime.braking.kills import KillDesk
from engine.runtime.day import DayBook
from engine.runtime.daypnl import DayPnl
from engine.runtime.upkeep import Upkeep
from tests.builders import TEN, stock
from tests.execution.rig import Rig, rig

Result = tuple[bool, dict[str, object]]

_ids = count(1)


@dataclass
class Braked:
    """Brakes at work."""

    here: Rig
    brakes: BrakeDesk
    kills: KillDesk
    drill: Drill
    results: list[Result]
    """Of drills: passed, and its facts."""

    async def kill(self, **more: object) -> Outcome:
        """The whole way, as `--yes` goes it."""
        return await self.kills.kill(self.command(CommandKind.KILL, confirmed=True, **more))

    async def halt(self, **more: object) -> Outcome:
        """At once."""
        return await self.kills.halt(self.command(CommandKind.HALT, **more))

    def command(self, kind: CommandKind, **more: object) -> Command:
        """A command of a person."""
        return Command(f"b{next(_ids)}", kind, reason="wild", **more)  # type: ignore[arg-type]  # as named

    @property
    def brake(self) -> Brake:
        """The strongest brake that is on."""
        return max(self.here.desk.brakes.brakes, key=lambda b: b.level)

    async def restart_brakes(self) -> None:
        """What a next start would know of them."""
        stored = await self.here.store.live_brakes()
        self.here.desk.brakes = BrakeSet(tuple(restored(b) for b in stored))

    def shut_until(self, seconds: float, key: str = "SPY") -> None:
        """The market of `key` opens that many seconds after the beginning."""
        hours = SessionHours(TEN + timedelta(seconds=seconds), TEN + timedelta(hours=6))
        self.here.desk.instruments[key] = stock(key, trading_hours=(hours,), liquid_hours=(hours,))


def drill_of(here: Rig, *, kills: KillDesk, brakes: BrakeDesk, results: list[Result]) -> Drill:
    """A drill whose results go into a list."""

    async def record(*, passed: bool, facts: Mapping[str, object]) -> bool:
        results.append((passed, dict(facts)))
        return True

    desk = here.desk
    sender = Sender(broker=here.broker, books=desk.books, now=desk.now, preview=desk.preview, confirm_s=3.0)
    orders = FarOrders(sender, books=desk.books, refs=here.refs, now=desk.now, may_enter=desk.may_enter)
    return Drill(desk, orders=orders, executor=here.executor, kills=kills, brakes=brakes, record=record)


@asynccontextmanager
async def braked(folder: Path, *, keys: tuple[str, ...] = ("SPY",)) -> AsyncIterator[Braked]:
    """A rig with brakes and upkeep."""
    async with rig(folder, keys=keys) as here:
        brakes = BrakeDesk(here.desk, store=here.store, new_id=here.refs.new_id)
        kills = KillDesk(
            here.desk,
            brakes=brakes,
            kill_switch=here.kill_switch,
            executor=here.executor,
            spawn=here.spawn,
            urge=lambda: None,
        )
        upkeep = Upkeep(
            here.desk,
            executor=here.executor,
            store=here.store,
            day=DayBook(here.desk, store=here.store, pnl=DayPnl(), stored=await here.store.load()),
            kill_file=folder / "KILL",
            on_kill_file=kills.by_file,
            spawn=here.spawn,
            heartbeat=dict,
            chores={"brakes": kills.round},
        )
        here.books.on_changes(upkeep.on_changes)
        await upkeep.begin()
        task = asyncio.ensure_future(upkeep.run())
        try:
            results: list[Result] = []
            drill = drill_of(here, kills=kills, brakes=brakes, results=results)
            yield Braked(here, brakes, kills, drill, results)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
