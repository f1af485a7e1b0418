"""The real screen on a real engine in its own thread, driven by keys; over both links."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tomli_w
from textual.pilot import Pilot
from textual.screen import Screen

from cockpit.app import CockpitApp
from cockpit.exits import Exit
from cockpit.screens.cockpit import CockpitScreen
from cockpit.settings import UiSettings
from engine.api import EngineState, Mode, Snapshot
from engine.api_handle import EngineHandle
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import BrokerState
from engine.broker.wire import ConnectionSettings
from engine.config import load
from engine.domain.order import Side
from engine.runtime.process.gateway_process import running_gateway
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.paths import runtime_dir, socket_path
from engine.runtime.process.session import EngineSession, RunRequest
from tests.broker.hearing import Hearing
from tests.cockpit.painting import painted_at_the_end
from tests.e2e import scripted
from tests.e2e.live import ONE_STOCK, PATIENT, trade_elsewhere
from tests.waiting import eventually, eventually_async

__all__ = ["Cockpit", "cockpit", "scripted"]

Link = Literal["direct", "socket"]


@dataclass
class Cockpit:
    """A running cockpit."""

    session: EngineSession
    handle: EngineHandle
    pilot: Pilot[Exit]
    state_dir: Path
    exit_code: int | None = None
    """The process's, once everything was given back."""

    @property
    def snapshot(self) -> Snapshot:
        """What the screen is given."""
        return self.handle.snapshot()

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen settle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type text."""
        await self.press(*("space" if char == " " else char for char in text))

    async def until(self, condition: Callable[[Snapshot], object], *, why: str) -> None:
        """Until a snapshot shows it; the screen goes on meanwhile."""
        await eventually_async(lambda: condition(self.snapshot), within_s=60.0, why=why)
        await self.pilot.pause()

    async def in_position(self, symbol: str) -> None:
        """Until a protected position is shown."""
        await self.until(
            lambda s: any(
                p.symbol == symbol and p.protected_quantity == abs(p.quantity) for p in s.positions
            ),
            why=f"no protected position in {symbol}",
        )

    async def trade_elsewhere(
        self, symbol: str, side: Side, quantity: int, *, limit: float | None = None
    ) -> None:
        """Another client of the same account trades (or, with `limit`, leaves a working order)."""
        gateway = running_gateway(self.state_dir)
        assert gateway is not None
        at = self.snapshot.session.now
        await trade_elsewhere(gateway.port, symbol, side, quantity, limit=limit, at=at)

    async def shows(self, kind: type[Screen[Any]]) -> None:
        """Until this kind of screen is on top."""
        await eventually_async(
            lambda: isinstance(self.pilot.app.screen, kind), within_s=60.0, why=f"no {kind.__name__}"
        )
        await self.pilot.pause()

    async def at_broker(self) -> BrokerState:
        """What the broker itself says, asked by another client."""
        gateway = running_gateway(self.state_dir)
        assert gateway is not None
        eye = IbkrBroker(ConnectionSettings(port=gateway.port, client_id=99))
        await eye.connect(Hearing())
        try:
            answer = await eye.state()
        finally:
            await eye.disconnect()
        assert answer.value is not None, answer.error
        return answer.value


@asynccontextmanager
async def cockpit(
    state_dir: Path, *, link: Link, strategies: Mapping[str, object] | None = None
) -> AsyncIterator[Cockpit]:
    """Open it, READY; stop engine and gateway at the end."""
    config = state_dir / "cockpit.toml"
    config.write_text(tomli_w.dumps({"strategies": dict(strategies or {"script": ONE_STOCK})}))
    overrides = {"state.dir": str(state_dir), "broker.speed": 5.0, "broker.seed": 11, **PATIENT}
    loaded = load(path=config, overrides=overrides, environ={}, cwd=state_dir, mode="PAPER")
    environ = {"XDG_RUNTIME_DIR": str(state_dir)}
    session = EngineSession(loaded, RunRequest(Mode.PAPER, headless=True, version="0", environ=environ))
    session.open()
    handle: EngineHandle = session.handle
    opened: Cockpit | None = None
    try:
        eventually(
            lambda: session.handle.snapshot().engine_state is EngineState.READY, within_s=60, why="not READY"
        )
        if link == "socket":
            path = socket_path(runtime_dir(environ), loaded.state_dir)
            handle = SocketHandle.connect(path, role="screen")
        app = CockpitApp(handle, settings=UiSettings(refresh_s=0.05, freeze_gc=False))
        async with painted_at_the_end(app, size=(120, 40)) as pilot:
            # A key pressed before the screen stands would go nowhere.
            await eventually_async(
                lambda: isinstance(app.screen, CockpitScreen) and app.focused is not None,
                why="the screen never stood",
            )
            opened = Cockpit(session, handle, pilot, state_dir)
            yield opened
    finally:
        if isinstance(handle, SocketHandle):
            handle.close()
        session.stop("keep")
        session.wait(30)
        code = session.close()
        if opened is not None:
            opened.exit_code = code
