"""A rig whose health is watched, with a machine that a test can make ill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.api import Mode
from engine.domain.market import Quote
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.health.machine import ClockSync, Share
from engine.risk.gate import check_entry
from engine.risk.refusal import Refusal
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.health.assembly import Watch, Watched
from engine.runtime.health.machine import MachineFigures
from tests.builders import proposal
from tests.execution.rig import Rig, funded, rig

WELL = MachineFigures(Share(1.0, 40.0), Share(3.0, 40.0), 50_000.0, ClockSync(synced=True, drift_ms=2.0))


@dataclass
class Patient:
    """A machine that is as ill as a test says."""

    figures: MachineFigures = WELL

    def look(self) -> MachineFigures:
        return self.figures


@dataclass
class Watching:
    """A rig with the watch at work."""

    here: Rig
    watch: Watch
    machine: Patient
    lag: LoopLagProbe
    urged: list[int] = field(default_factory=list)
    silent: bool = False
    """True while no prices come by themselves."""
    hung: bool = False
    """True while the regular round does not turn."""

    def quote(self, key: str = "SPY") -> None:
        """A fresh price."""
        at = self.here.desk.now().timestamp()
        self.here.desk.quotes.on_quote(Quote(key, 99.99, 100.01, 500, 500, 100.0, 1, at))

    def ask(self, key: str = "SPY") -> EntryTicket | Refusal:
        """What the gate says to an entry right now, its price fresh."""
        self.quote(key)
        desk = self.here.desk
        wish: Proposal = proposal(key, signal_id=self.here.refs.new_id())
        return check_entry(wish, desk.gate_world(wish, allow_short=True), desk.limits())


@asynccontextmanager
async def watching(
    folder: Path, *, mode: Mode = Mode.PAPER, gateway: str = "embedded", keys: tuple[str, ...] = ("SPY",)
) -> AsyncIterator[Watching]:
    async with rig(folder, mode=mode, keys=keys) as here:
        here.desk.gateway = gateway
        funded(here.desk, 1e6)
        here.desk.values |= {"ExcessLiquidity": 9e5, "BuyingPower": 4e6}
        machine, lag = Patient(), LoopLagProbe()
        watch = Watch.make(here.desk, store=here.store, lag=lag, watched=Watched(machine), spawn=here.spawn)
        found = Watching(here, watch, machine, lag)
        watch.monitor.urge = lambda: found.urged.append(1)

        async def quotes() -> None:
            while True:
                for key in keys:
                    if not found.silent:
                        found.quote(key)
                here.desk.heard.values()
                if not found.hung:
                    await watch.monitor.keep_running()
                await asyncio.sleep(0.5)

        feed = asyncio.ensure_future(quotes())
        await watch.monitor.keep_running()
        try:
            yield found
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)
