"""The real command line around the small engine: `python -m tests.process.small_cockpit --paper …`."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace

from cockpit import cli, launcher
from engine.api import Command, Outcome
from engine.config import Loaded
from engine.runtime.process.errors import RefusedError
from engine.runtime.process.options import RunOptions
from tests.runtime.small_core import SPY, SmallCore


class LivelyCore(SmallCore):
    """Prices that move ten times a second, and a snapshot that tells its own loop's lag."""

    def __init__(self, options: RunOptions) -> None:
        super().__init__(mode=options.mode)
        self._options = options
        self._garbled_until_s = 0.0

    def publish(self, *, urgent: bool = True, **changes: object) -> None:
        """With a moving price and what only a running process knows."""
        seq = self.latest.seq
        rows = tuple(
            replace(
                SPY, symbol=f"S{n:02}", last=500.0 + (seq * 7 + n) % 100 / 10, unrealized_usd=float(seq % 977)
            )
            for n in range(30)
        )
        if asyncio.get_running_loop().time() < self._garbled_until_s:
            rows = (None,)  # type: ignore[assignment]  # no screen can draw this
        moving = {"positions": rows, "loop_lag_max_ms": self._options.lag.max_ms}
        super().publish(urgent=urgent, **{**moving, **changes})

    async def execute(self, command: Command) -> Outcome:
        """`garble` publishes for a second what no screen can draw."""
        if command.reason == "garble":
            self._garbled_until_s = asyncio.get_running_loop().time() + 1.0
        return await super().execute(command)


async def build(loaded: Loaded, options: RunOptions) -> SmallCore:
    """What the engine's own `build_core` would be."""
    if loaded.config.run.id == "refuse":
        raise RefusedError("the store belongs to another account; nothing was sent.")
    core = LivelyCore(options)
    core.publish(run_id=options.run_id, pid=os.getpid())
    return core


def main() -> int:
    """As `cockpit`, with that engine."""
    start = launcher.start
    launcher.start = lambda asked: start(asked, build=build)  # type: ignore[assignment]
    return cli.run()


if __name__ == "__main__":
    sys.exit(main())
