"""The whole cockpit as it is started from a shell, with stamps at the store and a wiretap before the gateway.

Run by `tick_to_order.py` on a pseudo-terminal: python -m benchmarks.engine_child FOLDER TAP_PORT
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from benchmarks import scripts
from cockpit.launcher import Start, start
from engine.api import Command, Outcome
from engine.config import Loaded
from engine.domain.order import OrderIntent, Proposal
from engine.risk.refusal import Refusal
from engine.runtime.process.core import EngineCore, SnapshotSource
from engine.runtime.process.options import RunOptions
from engine.store.store import Store

STAMPS = "stamps.json"


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the engine's process noted, one entry per bar; seconds (`time.monotonic` for instants)."""

    bar_s: Sequence[float]
    """When the strategy was asked."""
    intent_s: Sequence[float]
    """How long the first durable commit took, as its caller waited."""
    sending_s: Sequence[float]
    """The same for the second."""
    refused: Sequence[tuple[float, str]] = ()
    """When an entry was refused, and by which rule: no order follows such a bar."""

    @classmethod
    def read(cls, folder: Path) -> Stamps:
        """What a child left in `folder`."""
        return cls(**json.loads((folder / STAMPS).read_text(encoding="utf-8")))


def watch_store() -> tuple[list[float], list[float]]:
    """Note how long P1 and P2 take, for every store of this process."""
    intent_s: list[float] = []
    sending_s: list[float] = []
    record, mark = Store.record_intents, Store.mark_sending

    async def record_intents(
        self: Store, intents: Sequence[OrderIntent], *, at: datetime, keep: bool = False
    ) -> bool:
        began = time.monotonic()
        done = await record(self, intents, at=at, keep=keep)
        intent_s.append(time.monotonic() - began)
        return done

    async def mark_sending(
        self: Store, order_ids: Sequence[tuple[str, int]], *, at: datetime, keep: bool = False
    ) -> bool:
        began = time.monotonic()
        done = await mark(self, order_ids, at=at, keep=keep)
        sending_s.append(time.monotonic() - began)
        return done

    for name, method in (("record_intents", record_intents), ("mark_sending", mark_sending)):
        setattr(Store, name, method)
    return intent_s, sending_s


def watch_refusals() -> list[tuple[float, str]]:
    """Note each entry that is refused, for every desk of this process."""
    from engine.runtime.desk import Desk

    refused: list[tuple[float, str]] = []
    before = Desk.refused

    def noted(self: Desk, proposal: Proposal, refusal: Refusal) -> None:
        refused.append((time.monotonic(), refusal.reason.value))
        before(self, proposal, refusal)

    setattr(Desk, "refused", noted)  # noqa: B010 - mypy forbids to assign to a method
    return refused


class _Noted:
    """The engine; when it has ended its stamps are written."""

    def __init__(self, core: EngineCore, write: Callable[[], None]) -> None:
        self._core = core
        self._write = write

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
            self._write()


def build_behind(tap_port: int, folder: Path) -> Callable[[Loaded, RunOptions], Awaitable[EngineCore]]:
    """How the engine is made: the product's own way, but its line goes through the tap."""

    async def build(loaded: Loaded, options: RunOptions) -> EngineCore:
        from engine.runtime.boot import build_core

        (intent_s, sending_s), refused = watch_store(), watch_refusals()
        # Embedded as it is, or the machine's own clock would be judged; without its process, or a lost tap
        # would be answered by a new gateway.
        tapped = replace(options.gateway, host="127.0.0.1", port=tap_port, pid=0)
        core = await build_core(loaded, replace(options, gateway=tapped))

        def write() -> None:
            noted = Stamps(scripts.BAR_STAMPS_S, intent_s, sending_s, refused)
            (folder / STAMPS).write_text(json.dumps(asdict(noted)), encoding="utf-8")

        return _Noted(core, write)

    return build


def main() -> int:
    """Start it like `cockpit --paper --config FOLDER/cockpit.toml`."""
    folder, tap_port = Path(sys.argv[1]), int(sys.argv[2])
    asked = Start(mode="PAPER", config=folder / "cockpit.toml", version="0")
    return start(asked, build=build_behind(tap_port, folder))


if __name__ == "__main__":
    sys.exit(main())
