"""An engine without strategies that finishes a KILL in the name of one that was fenced.

It is the same engine: it takes over the client id, restores the books, compares them with the broker, and
its KILL cancels one by one, closes and proves. Only what wants to enter anything is left out.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.api import BrakeKind, Command, EngineState, Level, Mode, Outcome, PositionView
from engine.broker.port import LinkState
from engine.config import Gateway, Loaded, load
from engine.config.redaction import Redactor
from engine.config.values import OrphanPolicy
from engine.runtime.clock import Clock, GatewayClock, SystemClock
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process import logs
from engine.runtime.process.gateway_process import GatewayProcess, gateway_plan
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.runtime.process.registry import Running

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

COMPARED_S: Final = 20.0
"""How long connecting and comparing may take before it acts on what it has."""
_STEP_S: Final = 0.05
_STARTED: Final = ("speed", "seed", "world", "tape")

Word = Callable[[Outcome, tuple[PositionView, ...]], bool]
"""Asked after a halt, with what is held: whether to go the whole way."""


def configuration(engine: Running, *, environ: Mapping[str, str]) -> Loaded:
    """What the fenced engine ran with, wherever this shell stands. Raises ConfigError."""
    holder = engine.holder
    started = {
        f"broker.{name}": _value(name, holder.flags[name]) for name in _STARTED if name in holder.flags
    }
    path = holder.config
    return load(
        path=None if not path else Path(path),
        overrides={**started, "state.dir": str(engine.state_dir)},
        environ=environ,
        cwd=engine.state_dir,
        mode=holder.mode,
    )


def finish(
    engine: Running, loaded: Loaded, command: Command, *, word: Word | None, environ: Mapping[str, str]
) -> Outcome:
    """Carry out a KILL (a HALT first, where `word` is still to be asked) and leave; blocks until then."""
    logs.set_up(
        loaded.state_dir,
        run_id=command.command_id,
        level=loaded.config.log.level.value,
        form=loaded.config.log.format.value,
        to_stderr=False,
        redactor=Redactor.of_environment(environ),
        retention_days=loaded.config.log.retention_days,
    )
    try:
        return asyncio.run(_finish(engine, loaded, command, word=word, environ=environ))
    finally:
        logs.close()


async def _finish(
    engine: Running, loaded: Loaded, command: Command, *, word: Word | None, environ: Mapping[str, str]
) -> Outcome:
    from engine.runtime.boot import build_core

    orphans = loaded.config.orphans.model_copy(update={"policy": OrphanPolicy.ASK})
    loaded = replace(loaded, config=loaded.config.model_copy(update={"orphans": orphans}))
    endpoint, clock = await reach_gateway(loaded, environ)
    options = RunOptions(
        mode=Mode(engine.holder.mode),
        headless=False,
        run_id=command.command_id,
        state_dir=engine.state_dir,
        gateway=endpoint,
        clock=clock,
        lag=LoopLagProbe(),
        version="",
        redactor=Redactor.of_environment(environ),
        warning=f"the engine (pid {engine.holder.pid}) did not answer and was ended; this one only kills",
    )
    core = await build_core(loaded, options, trades=False)
    kind = BrakeKind.KILL if word is None else BrakeKind.HALT
    # Before it even connects: the next start boots with it, whatever comes of this one.
    await core.parts.brakes.pull(kind, command.scope, reason=command.reason, who=command.who)
    running = asyncio.ensure_future(core.run())
    try:
        return await _act(core, command, word)
    finally:
        if not running.done():
            await core.stop("keep")
        await asyncio.gather(running, return_exceptions=True)


async def _act(core: Engine, command: Command, word: Word | None) -> Outcome:
    await _until_compared(core)
    if word is not None:
        halt = replace(command, command_id=uuid.uuid4().hex, confirmed=False)
        halted = await core.execute(halt)
        if not await asyncio.to_thread(word, halted, core.source.latest.positions):
            return halted
    return await core.execute(replace(command, confirmed=True))


async def _until_compared(core: Engine) -> None:
    """READY, ORPHANS, or the time is up: then it acts on what it has, and says what it could not prove."""
    desk = core.parts.desk
    deadline_s = time.monotonic() + COMPARED_S
    while time.monotonic() < deadline_s:
        if desk.state in (EngineState.READY, EngineState.ORPHANS) and desk.link is LinkState.UP:
            return
        await asyncio.sleep(_STEP_S)
    text = f"not compared with the broker within {COMPARED_S:.0f} s; the KILL goes on all the same"
    desk.notices.event(Level.WARNING, "engine", text)


def _value(name: str, text: str) -> object:
    """A flag of the command line as the configuration takes it."""
    return {"speed": float, "seed": int}.get(name, str)(text)


async def reach_gateway(loaded: Loaded, environ: Mapping[str, str]) -> tuple[GatewayEndpoint, Clock]:
    """Where the broker of this configuration listens, and its clock; an embedded gateway is started."""
    if loaded.gateway is not Gateway.EMBEDDED:
        connection = loaded.config.connection
        return GatewayEndpoint("tws", connection.host, connection.port), SystemClock()
    plan = gateway_plan(loaded)
    endpoint = await GatewayProcess.spawn(plan, environ=environ).ready()
    return endpoint, GatewayClock(plan.status_path)
