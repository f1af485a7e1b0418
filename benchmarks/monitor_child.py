"""The whole cockpit as it is started from a shell, with stamps at its regular round and at every bar.

Run by `monitoring.py` on a pseudo-terminal: python -m benchmarks.monitor_child FOLDER POSITIONS,ROUNDS
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import scripts
from cockpit.launcher import Start, start
from engine.api import Command, Outcome
from engine.config import Loaded
from engine.domain.market import Bar
from engine.runtime import trading, upkeep
from engine.runtime.engine import Engine
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.core import EngineCore, SnapshotSource
from engine.runtime.process.options import RunOptions

STAMPS = "stamps.json"
FULL = "full"
"""This file is there once all positions are held."""
ENOUGH = "enough"
"""This one once as many rounds were timed as were asked for."""
__all__ = ["ENOUGH", "FULL", "Stamps", "scripts"]


@dataclass
class Stamps:
    """What the engine's process noted while it held all its positions; seconds."""

    rounds_s: list[float] = field(default_factory=list)
    """How long each regular round took."""
    looks_s: list[float] = field(default_factory=list)
    """How long the looks at orders and positions took, in each of them."""
    looks_cpu_s: list[float] = field(default_factory=list)
    """The engine thread's processor time of the same."""
    cycles_s: list[float] = field(default_factory=list)
    """From a bar's arrival until every strategy has decided on it."""
    lag_ms: float = 0.0
    """Worst lateness of the loop's timers."""

    @classmethod
    def read(cls, folder: Path) -> Stamps:
        """What a child left in `folder`."""
        return cls(**json.loads((folder / STAMPS).read_text(encoding="utf-8")))


class Watched:
    """The engine; its rounds are timed from the moment it holds all positions, and written at its end."""

    def __init__(self, core: Engine, folder: Path, *, positions: int, rounds: int, lag: LoopLagProbe) -> None:
        self._core = core
        self._path = folder / STAMPS
        self._positions = positions
        self._rounds = rounds
        self._lag = lag
        self._looked_s = self._looked_cpu_s = 0.0
        self._is_full = False
        self.stamps = Stamps()
        self._time_rounds(core.parts.upkeep)
        self._time_bars(core.parts.trading)

    @property
    def source(self) -> SnapshotSource:
        """Its snapshots."""
        return self._core.source

    async def execute(self, command: Command) -> Outcome:
        """Its own."""
        return await self._core.execute(command)

    async def run(self) -> int:
        """Its own life, then the stamps."""
        try:
            return await self._core.run()
        finally:
            self._path.write_text(json.dumps(vars(self.stamps)), encoding="utf-8")

    def _full(self) -> bool:
        """All positions are held and covered; from then on the loop's lag counts, too."""
        if not self._is_full:
            rows = self.source.latest.positions
            covered = [row for row in rows if row.protected_quantity == row.quantity]
            self._is_full = len(covered) >= self._positions
            if self._is_full:
                self._lag.forget()
                self._path.with_name(FULL).touch()
        return self._is_full

    def _time_rounds(self, kept: upkeep.Upkeep) -> None:
        whole, looks = kept.round, kept._looks

        async def timed() -> None:
            full, began_s = self._full(), time.perf_counter()
            self._looked_s = self._looked_cpu_s = 0.0
            await whole()
            if full:
                self.stamps.rounds_s.append(time.perf_counter() - began_s)
                self.stamps.looks_s.append(self._looked_s)
                self.stamps.looks_cpu_s.append(self._looked_cpu_s)
                kept._wake.set()  # as after a change: the next round follows at once
                self.stamps.lag_ms = self._lag.worst_ms
                if len(self.stamps.rounds_s) == self._rounds:
                    self._path.with_name(ENOUGH).touch()

        def timed_looks() -> tuple[tuple[str, Callable[[], Awaitable[None] | None]], ...]:
            return tuple((name, self._timed(look)) for name, look in looks())

        kept.round = timed  # type: ignore[method-assign]  # of this one object: it is what is measured
        kept._looks = timed_looks  # type: ignore[method-assign]  # the same

    def _timed(self, look: Callable[[], Awaitable[None] | None]) -> Callable[[], Awaitable[None]]:
        async def timed() -> None:
            began_s, began_cpu_s = time.perf_counter(), time.thread_time()
            waits = look()
            if waits is not None:
                await waits
            self._looked_s += time.perf_counter() - began_s
            self._looked_cpu_s += time.thread_time() - began_cpu_s

        return timed

    def _time_bars(self, traded: trading.Trading) -> None:
        on_bar = traded.on_bar

        def timed(bar: Bar) -> None:
            began_s = time.perf_counter()
            on_bar(bar)
            if self._is_full:
                self.stamps.cycles_s.append(time.perf_counter() - began_s)

        traded.on_bar = timed  # type: ignore[method-assign]  # as above


def build_watched(
    folder: Path, *, positions: int, rounds: int
) -> Callable[[Loaded, RunOptions], Awaitable[EngineCore]]:
    """How the engine is made: the product's own way."""

    async def build(loaded: Loaded, options: RunOptions) -> EngineCore:
        from engine.runtime.boot import build_core

        core = await build_core(loaded, options)
        return Watched(core, folder, positions=positions, rounds=rounds, lag=options.lag)

    return build


def main() -> int:
    """Start it like `cockpit --paper --config FOLDER/cockpit.toml`."""
    folder, (positions, rounds) = Path(sys.argv[1]), map(int, sys.argv[2].split(","))
    asked = Start(mode="PAPER", config=folder / "cockpit.toml", version="0")
    return start(asked, build=build_watched(folder, positions=positions, rounds=rounds))


if __name__ == "__main__":
    sys.exit(main())
