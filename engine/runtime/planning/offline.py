"""Asks the broker without an engine: connected read-only, one question, gone again."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeVar

from engine.api import Mode
from engine.broker.deaf import Deaf
from engine.broker.port import AccountError, Broker, BrokerError
from engine.config import Gateway, Loaded
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.errors import FailedError, RefusedError
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from engine.runtime.process.lock import Holder, InstanceLock
from engine.runtime.process.options import RunOptions
from engine.runtime.process.takeover import reach_gateway

T = TypeVar("T")

Question = Callable[[Broker, datetime], Awaitable[T]]
"""Asked with a connected broker and the exchange's time."""


def ask_broker(loaded: Loaded, question: Question[T], *, environ: Mapping[str, str]) -> T:
    """Connect, ask, leave. The state folder is held meanwhile, so that no engine wants the same client id.

    Raises LockHeldError (an engine runs), FailedError (no broker) or RefusedError (not our account).
    """
    lock = InstanceLock.acquire(loaded.state_dir, Holder(os.getpid(), "scan", socket="", run_id=""))
    try:
        was_running = running_gateway(loaded.state_dir) is not None
        try:
            return asyncio.run(_ask(loaded, question, environ))
        finally:
            left = running_gateway(loaded.state_dir)
            if loaded.gateway is Gateway.EMBEDDED and left is not None and not was_running:
                end_gateway(left.pid)
    finally:
        lock.release()


async def _ask(loaded: Loaded, question: Question[T], environ: Mapping[str, str]) -> T:
    # Imports the broker's library: half a second that only this way pays.
    from engine.runtime.boot import make_broker

    endpoint, clock = await reach_gateway(loaded, environ)
    options = RunOptions(
        mode=Mode.DRY_RUN,
        headless=True,
        run_id=uuid.uuid4().hex,
        state_dir=loaded.state_dir,
        gateway=endpoint,
        clock=clock,
        lag=LoopLagProbe(),
        version="",
    )
    broker = make_broker(loaded.config, options, highest_order_id=0)
    try:
        await broker.connect(Deaf())
        return await question(broker, clock.now())
    except AccountError as err:
        raise RefusedError(f"this is not the account that the configuration means: {err}") from err
    except BrokerError as err:
        raise FailedError(f"the broker could not be asked: {err}") from err
    finally:
        await broker.disconnect()
