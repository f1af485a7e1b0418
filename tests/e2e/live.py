"""A real engine on the real gateway over the real wire, in this test's loop, and an eye at the broker."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import tomli_w

from engine.api import Command, CommandKind, EngineState, Mode, Outcome, Scope, Snapshot
from engine.broker.ibkr import IbkrBroker
from engine.broker.port import BrokerState, OrderClaim
from engine.broker.wire import ConnectionSettings
from engine.config import load
from engine.domain.order import OrderIntent, OrderType, Role, Side
from engine.runtime.boot import build_core
from engine.runtime.clock import GatewayClock
from engine.runtime.engine import Engine
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.gateway_process import GatewayPlan, GatewayProcess, plan_for, running_gateway
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from tests.broker.hearing import Hearing
from tests.e2e import scripted
from tests.waiting import eventually_async

__all__ = ["Live", "live", "scripted"]

ONE_STOCK: Mapping[str, object] = {
    "kind": "scripted",
    "symbols": ["SPY"],
    "timeframe": "5s",
    "params": {"enter_at": 1},
}


@dataclass
class Live:
    """One running engine."""

    engine: Engine
    task: asyncio.Task[int]
    endpoint: GatewayEndpoint
    plan: GatewayPlan
    process: GatewayProcess
    state_dir: Path

    @property
    def snapshot(self) -> Snapshot:
        """The latest."""
        return self.engine.source.latest

    async def command(
        self, kind: CommandKind, *, scope: Scope | None = None, target: str = "", **more: object
    ) -> Outcome:
        """Give a command and wait for its end."""
        command = Command(uuid4().hex, kind, scope=scope or Scope(), target=target, **more)  # type: ignore[arg-type]
        return await self.engine.execute(command)

    async def until(self, condition: object, *, within_s: float = 60.0, why: str = "") -> Snapshot:
        """The first snapshot for which `condition(snapshot)` holds."""
        assert callable(condition)
        told = why or "snapshot never showed it"
        try:
            await eventually_async(lambda: condition(self.snapshot), within_s=within_s, why=told)
        except AssertionError as error:
            raise AssertionError(f"{error}; kept out by {self.snapshot.why_not}") from None
        return self.snapshot

    async def ready(self) -> Snapshot:
        """READY, or a failed test that says where it stands."""
        return await self.until(lambda s: s.engine_state is EngineState.READY, why="never READY")

    async def at_broker(self) -> BrokerState:
        """What the broker itself says, asked by another client."""
        eye = IbkrBroker(ConnectionSettings(port=self.endpoint.port, client_id=99))
        await eye.connect(Hearing())
        try:
            answer = await eye.state()
        finally:
            await eye.disconnect()
        assert answer.value is not None, answer.error
        return answer.value

    async def trade_elsewhere(
        self, symbol: str, side: Side, quantity: int, *, limit: float | None = None
    ) -> None:
        """Another client of the same account trades (or, with `limit`, leaves a working order)."""
        at = self.snapshot.session.now
        await trade_elsewhere(self.endpoint.port, symbol, side, quantity, limit=limit, at=at)

    def kill_gateway(self) -> None:
        """kill -9 of the gateway's process."""
        running = running_gateway(self.state_dir)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What another process reads in the database while the engine runs."""
        path = next(self.state_dir.glob("*/cockpit.db"))
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
            return list(conn.execute(sql))


async def trade_elsewhere(
    port: int, symbol: str, side: Side, quantity: int, *, limit: float | None = None, at: datetime
) -> None:
    """A client of its own trades in the account (or, with `limit`, leaves a working order)."""
    hand = IbkrBroker(ConnectionSettings(port=port, client_id=98))
    heard = Hearing()
    await hand.connect(heard)
    try:
        found = await hand.instruments(symbol, "STK", "SMART")
        assert found.value, found.error
        intent = OrderIntent(
            ref="",
            strategy="",
            key=symbol,
            con_id=found.value[0].con_id,
            role=Role.ENTRY,
            side=side,
            quantity=quantity,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            created_at=at,
            limit_price=limit,
        )
        await hand.place(((intent, hand.next_order_id()),), found.value[0], parent_ids=(0,))
        wanted = "Filled" if limit is None else "Submitted"
        await eventually_async(
            lambda: any(c.status == wanted for c in heard.of(OrderClaim)),
            within_s=60,
            why="it did not trade",
        )
    finally:
        await hand.disconnect()


PATIENT: Mapping[str, object] = {
    "market_data.max_quote_age_seconds": 120.0,
    "kill.refill_watch_s": 0.5,
    "connection.interval_s": 0.5,
}
"""A busy machine must not make a quote too old; a test must not wait for what it does not test."""


@asynccontextmanager
async def live(
    state_dir: Path,
    *,
    strategies: Mapping[str, object] | None = None,
    mode: Mode = Mode.PAPER,
    speed: float = 5.0,
    seed: int = 11,
    tape: Path | None = None,
    start_at: str = "10:00",
    stop: str = "keep",
    headless: bool = False,
    **more: object,
) -> AsyncIterator[Live]:
    """Start gateway and engine; at the end stop both, however the test went."""
    played = str(tape) if tape is not None else ""
    plan = plan_for(state_dir, speed=speed, seed=seed, world="edge", tape=played, start_at=start_at)
    process = GatewayProcess.spawn(plan)
    task: asyncio.Task[int] | None = None
    try:
        endpoint = await process.ready()
        config = state_dir / "cockpit.toml"
        config.write_text(tomli_w.dumps({"strategies": dict(strategies or {"script": ONE_STOCK})}))
        loaded = load(
            path=config,
            overrides={
                "state.dir": str(state_dir),
                "broker.speed": speed,
                "broker.seed": seed,
                "broker.tape": played,
                **PATIENT,
                **more,
            },
            environ={},
            cwd=state_dir,
            mode=mode.value,
        )
        options = RunOptions(
            mode=mode,
            headless=headless,
            run_id="test-run",
            state_dir=state_dir,
            gateway=endpoint,
            clock=GatewayClock(plan.status_path),
            lag=LoopLagProbe(),
            version="0",
        )
        engine = await build_core(loaded, options)
        task = asyncio.create_task(engine.run())
        here = Live(engine, task, endpoint, plan, process, state_dir)
        yield here
        if not task.done():
            await here.command(CommandKind.STOP, target=stop)
        await task
    finally:
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await process.stop()
