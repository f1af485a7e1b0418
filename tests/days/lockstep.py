"""Engine and paper gateway in lockstep: one loop with virtual time, the real wire between them.

The engine's heartbeat asks the gateway for its time; in lockstep that plays one second of the market, and the
answer goes out behind everything that happened in it. Time moves when both sides have nothing left to do, so
a recorded day passes as fast as the machine can think, and always the same.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from engine.api import CommandKind, EngineState, Mode
from engine.config import Loaded, load
from engine.gateway.assembly import Gateway, build
from engine.gateway.model import GatewaySettings
from engine.gateway.server import LOOPBACK, GatewayServer
from engine.runtime.assembly import Given, IdSource, assemble
from engine.runtime.boot import make_broker, make_strategies
from engine.runtime.engine import Engine
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.runtime.process.remote import new_command
from engine.store.store import Store, Transaction
from tests.virtual_time import VirtualLoop, pass_time

T = TypeVar("T")

ACCOUNT = "DU9000001"
_LOOK_S = 1.0
READY_WITHIN_S = 60.0


class LockstepLoop(VirtualLoop):
    """Virtual time; connections are pairs of local sockets.

    What one end writes the other end can read at once. Over TCP the kernel may take a moment, and time would
    jump meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[int, Callable[[], asyncio.Protocol]] = {}
        self._ports = count(40_000)

    async def create_server(  # type: ignore[override]  # only what the gateway calls
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> Any:
        """Remember who listens; the number is a name, no port is opened."""
        del host
        number = port or next(self._ports)
        self._listeners[number] = protocol_factory
        return _Listening(number, partial(self._listeners.pop, number, None))

    async def create_connection(  # type: ignore[override]  # only what the broker's library calls
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> Any:
        """Connect to a listener of this loop; ConnectionRefusedError where there is none."""
        if port not in self._listeners:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        ours, theirs = socket.socketpair()
        await self.connect_accepted_socket(self._listeners[port], theirs)
        return await super().create_connection(protocol_factory, sock=ours)


def in_lockstep(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a LockstepLoop."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=LockstepLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class _Listening:
    """As much of an `asyncio.Server` as the gateway asks for."""

    def __init__(self, number: int, close: Callable[[], object]) -> None:
        self.sockets = (self,)
        self._number = number
        self.close = close

    def getsockname(self) -> tuple[str, int]:
        return LOOPBACK, self._number

    async def wait_closed(self) -> None:
        """Nothing is open."""


class TapeClock:
    """Exchange time is the gateway's, to the second it has played; real time is the loop's."""

    speed = 1.0

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._gateway.venue.clock.now(), UTC)

    def monotonic(self) -> float:
        return self._loop.time()


class CountingStore(Store):
    """Says while its thread owes an answer, to a reader too: its real time must not be skipped."""

    owed = 0

    async def _in_writer(self, function: Transaction[T]) -> T:
        self.owed += 1
        try:
            return await super()._in_writer(function)
        finally:
            self.owed -= 1


@dataclass
class Lockstep:
    """One engine on one tape."""

    engine: Engine
    task: asyncio.Task[int]
    clock: TapeClock
    store: Store

    async def play(self, until: datetime) -> None:
        """Let the tape run up to an instant of exchange time; an engine that ends before fails."""
        while self.clock.now() < until:
            assert not self.task.done(), "the engine ended"
            await pass_time(_LOOK_S)

    async def ready(self) -> None:
        """Wait for READY."""
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + READY_WITHIN_S
        while self.engine.parts.desk.state is not EngineState.READY:
            assert loop.time() < limit_s, f"never READY: {self.engine.source.latest.state_reason}"
            await pass_time(0.1)

    async def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """What the database holds."""
        return await self.store.read(lambda conn: list(conn.execute(sql)))


def loaded(folder: Path, strategies: Mapping[str, object], overrides: Mapping[str, object]) -> Loaded:
    """A configuration with these strategies and nothing else but the defaults."""
    path = folder / "cockpit.toml"
    path.write_text(tomli_w.dumps({"strategies": dict(strategies)}))
    over = {"state.dir": str(folder), **overrides}
    return load(path=path, overrides=over, environ={}, cwd=folder, mode="PAPER")


@asynccontextmanager
async def lockstep(
    folder: Path,
    *,
    tape: Path,
    day: date,
    strategies: Mapping[str, object],
    start_at: str = "09:30",
    overrides: Mapping[str, object] | None = None,
) -> AsyncIterator[Lockstep]:
    """A gateway on the tape and an engine on the gateway, both in the running LockstepLoop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LockstepLoop)
    settings = GatewaySettings(
        state_dir=str(folder / "exchange"),
        tape=str(tape),
        session_date=day.isoformat(),
        start_at=start_at,
        account=ACCOUNT,
        lockstep=True,
    )
    Path(settings.state_dir).mkdir(parents=True)
    gateway = build(settings, monotonic=loop.time, today=day)
    server = GatewayServer(gateway.venue)
    port = await server.listen(0)
    clock = TapeClock(gateway)
    config = loaded(folder, strategies, overrides or {})
    options = RunOptions(
        mode=Mode.PAPER,
        headless=True,
        run_id="lockstep",
        state_dir=folder,
        gateway=GatewayEndpoint("embedded", LOOPBACK, port, ACCOUNT),
        clock=clock,
        lag=LoopLagProbe(),
        version="0",
    )
    store = await _open(loop, folder, clock)
    try:
        engine = await _engine(config, options, store)
        task = asyncio.create_task(engine.run())
        try:
            yield Lockstep(engine, task, clock, store)
            if not task.done():
                await engine.execute(new_command(CommandKind.STOP, target="keep"))
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    finally:
        await server.close()
        gateway.journal.close()


async def _open(loop: LockstepLoop, folder: Path, clock: TapeClock) -> Store:
    store = await CountingStore.open(folder / "cockpit.db", gateway="embedded", account=ACCOUNT)
    assert isinstance(store, CountingStore)
    loop.busy(lambda: store.owed > 0)
    await store.begin_run(boot_id=uuid.uuid4().hex, run_id="lockstep", version="0", at=clock.now())
    return store


async def _engine(config: Loaded, options: RunOptions, store: Store) -> Engine:
    """As the boot does it, with ids that repeat and without a look at the machine, which is not the day's."""
    stored = await store.load()
    numbers = count(1)
    given = Given(
        config,
        options,
        ACCOUNT,
        store,
        stored,
        make_broker(config.config, options, highest_order_id=stored.highest_order_id),
        make_strategies(config),
        ids=IdSource(lambda: 0, lambda n: next(numbers).to_bytes(n, "big")),
    )
    return Engine(partial(assemble, given))
