"""Asks the broker without an engine: connected read-only, one question, gone again."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from engine.api import Mode
from engine.broker.deaf import Deaf
from engine.broker.port import AccountError, BrokerError
from engine.config import Gateway, Loaded
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.errors import FailedError, RefusedError
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from engine.runtime.process.lock import Holder, InstanceLock, holder_of
from engine.runtime.process.options import RunOptions
from engine.runtime.process.takeover import reach_gateway
from engine.runtime.security.files import make_private

if TYPE_CHECKING:
    from engine.broker.ibkr import IbkrBroker

T = TypeVar("T")

Question = Callable[["IbkrBroker", datetime], Awaitable[T]]
"""Asked with a connected broker and the exchange's time."""

_GUEST_IDS: Final = range(1_000, 2_000)
"""Added to connection.client_id by who asks beside an engine."""


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


def ask_beside(loaded: Loaded, question: Question[T], *, environ: Mapping[str, str]) -> T:
    """Like `ask_broker`, with a client id of its own, so that an engine may run, or start, meanwhile.

    Raises FailedError (no broker) or RefusedError (not our account, a gateway with other flags).
    """
    was_running = running_gateway(loaded.state_dir) is not None
    make_private(loaded.state_dir)
    own = loaded.config.connection.client_id + _GUEST_IDS[os.getpid() % len(_GUEST_IDS)]
    connection = loaded.config.connection.model_copy(update={"client_id": own % 2**31})
    guest = replace(loaded, config=loaded.config.model_copy(update={"connection": connection}))
    try:
        return asyncio.run(_ask(guest, question, environ))
    finally:
        left = running_gateway(loaded.state_dir)
        is_ours = left is not None and not was_running and holder_of(loaded.state_dir) is None
        if loaded.gateway is Gateway.EMBEDDED and left is not None and is_ours:
            end_gateway(left.pid)


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
