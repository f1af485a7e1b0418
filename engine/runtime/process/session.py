"""One running engine with everything around it: lock, log, gateway, thread, socket, registration.

This is what a process opens to become an engine, with a screen or without. It never draws anything.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from engine.api import Command, CommandKind, Mode, Outcome
from engine.config import Gateway, Loaded
from engine.config.redaction import Redactor, without_secrets
from engine.runtime import catalogue
from engine.runtime.clock import Clock, GatewayClock, SystemClock
from engine.runtime.feed import SnapshotFeed, booting_snapshot
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process import logs, registry
from engine.runtime.process.control import ControlServer
from engine.runtime.process.core import EngineCore
from engine.runtime.process.departures import Departures, origin_of
from engine.runtime.process.gateway_process import GatewayProcess, gateway_plan
from engine.runtime.process.handle import DirectHandle
from engine.runtime.process.lock import Holder, InstanceLock, process_mark
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.runtime.process.paths import runtime_dir, socket_path
from engine.runtime.process.seat import Seat
from engine.runtime.process.spare import usable_state
from engine.runtime.process.thread import EngineThread
from engine.runtime.security.files import make_private

FIRST_PAINT_S: Final = 3.0
"""Longest wait for the screen: an engine must not depend on a terminal that never draws."""

Build = Callable[[Loaded, RunOptions], Awaitable[EngineCore]]
"""Makes the engine, on the engine loop."""

_log = logging.getLogger("cockpit.runtime")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for on the command line."""

    mode: Mode
    headless: bool
    version: str
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    typed_account: str = ""
    """Account id that a person typed for --live."""


class EngineSession:
    """Opens in the main thread, lives in the engine's thread, is closed in the main thread."""

    def __init__(self, loaded: Loaded, request: RunRequest, *, build: Build | None = None) -> None:
        self._loaded = loaded
        self._warning = ""
        self._redactor = Redactor.of_environment(request.environ)
        self._request = request
        self._build = build or _build_core
        self.run_id = loaded.config.run.id or str(uuid.uuid4())
        self.seat = Seat()
        self._departures = Departures()
        self._lag = LoopLagProbe()
        self._feed = SnapshotFeed(
            booting_snapshot(
                mode=request.mode, gateway=loaded.gateway.value, run_id=self.run_id, version=request.version
            )
        )
        self._screen_drawn: asyncio.Event | None = None
        self._gateway: GatewayProcess | None = None
        self._stopping: Future[Outcome] | None = None
        self._thread = EngineThread(self._prepare, feed=self._feed, lag=self._lag, after=self._after)
        self.handle = DirectHandle(self._thread, self._feed)
        self._lock: InstanceLock | None = None
        self._note: Path | None = None

    def open(self) -> None:
        """Take the state folder, start the gateway and the engine's thread; returns at once.

        Raises ConfigError for a strategy that cannot be made, StartError otherwise: LockHeldError where
        another engine holds the folder, FailedError for the rest.
        """
        catalogue.check(self._loaded)
        self._loaded, self._warning = usable_state(self._loaded, self._request.mode)
        state_dir = self._loaded.state_dir
        make_private(state_dir)
        runtime = runtime_dir(self._request.environ)
        socket = socket_path(runtime, state_dir)
        self._lock = InstanceLock.acquire(state_dir, self._holder(socket))
        try:
            self._note = registry.register(runtime, state_dir)
            if self._loaded.gateway is Gateway.EMBEDDED:
                self._gateway = GatewayProcess.spawn(
                    gateway_plan(self._loaded), environ=without_secrets(self._request.environ)
                )
            self._thread.attend(
                ControlServer(
                    socket,
                    feed=self._feed,
                    execute=self._thread.execute,
                    seat=self.seat,
                    departures=self._departures,
                    version=self._request.version,
                    exit_code=lambda: self._thread.exit_code,
                )
            )
            self._feed.subscribe(self._name_account)
            self._thread.start()
        except BaseException:
            self._release()
            raise

    def screen_drawn(self) -> None:
        """The first frame is on the terminal: the engine may now spend the interpreter on its imports."""
        self._thread.call(self._set_drawn)

    def sit_down(self) -> DirectHandle:
        """A handle for the screen of this process, which acts until another one takes over."""
        screen = DirectHandle(self._thread, self._feed, seat=self.seat)
        self.seat.join(screen, pid=os.getpid())
        return screen

    def get_up(self, screen: DirectHandle) -> bool:
        """The screen of this process has gone; True where it acted until then."""
        self._departures.note(origin_of(self._request.environ), self._feed.latest)
        return self.seat.leave(screen)

    def stop(self, target: str = "", *, who: str = "operator") -> Future[Outcome]:
        """Ask for a graceful stop, once; asking again gives the same answer. Safe in a signal handler."""
        if self._stopping is None:
            self._stopping = self.handle.submit(
                Command(uuid.uuid4().hex, CommandKind.STOP, target=target, who=who, confirmed=True)
            )
        return self._stopping

    def detached(self, *, lost: bool) -> Future[Outcome]:
        """Tell the engine that its terminal is gone: given up, or lost. Safe in a signal handler."""
        target = "lost" if lost else "asked"
        return self.handle.submit(
            Command(uuid.uuid4().hex, CommandKind.DETACHED, target=target, who="screen")
        )

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback`, on the engine's thread, when the engine has ended."""
        self._thread.on_end(callback)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the engine to end; True if it has. Signal handlers run while it waits."""
        return self._thread.join(timeout_s)

    def close(self) -> int:
        """Give everything back after the engine has ended; returns the process exit code."""
        self._release()
        logs.close()
        return self._thread.exit_code

    @property
    def failure(self) -> BaseException | None:
        """What ended the engine, where it did not end by itself."""
        return self._thread.failure

    def _release(self) -> None:
        if self._note is not None:
            self._note.unlink(missing_ok=True)
            self._note = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _prepare(self) -> EngineCore:
        self._screen_drawn = asyncio.Event()
        if not self._request.headless:
            await self._wait_for_screen()
        gc.enable()
        config = self._loaded.config
        logs.set_up(
            self._loaded.state_dir,
            run_id=self.run_id,
            level=config.log.level.value,
            form=config.log.format.value,
            to_stderr=self._request.headless,
            redactor=self._redactor,
            retention_days=config.log.retention_days,
        )
        _log.info("engine thread started", extra={"pid": os.getpid(), "mode": self._request.mode.value})
        endpoint, clock = await self._reach_gateway()
        self._feed.report("loading the engine")
        options = RunOptions(
            mode=self._request.mode,
            headless=self._request.headless,
            run_id=self.run_id,
            state_dir=self._loaded.state_dir,
            gateway=endpoint,
            clock=clock,
            lag=self._lag,
            version=self._request.version,
            typed_account=self._request.typed_account,
            warning=self._warning,
            redactor=self._redactor,
        )
        core = await self._build(self._loaded, options)
        # What the engine's imports left stays for good: a full collection must not walk it while it trades.
        gc.freeze()
        return core

    async def _wait_for_screen(self) -> None:
        if self._screen_drawn is None:
            return
        try:
            async with asyncio.timeout(FIRST_PAINT_S):
                await self._screen_drawn.wait()
        except TimeoutError:
            _log.warning("no first frame within %.0f s; booting without waiting for it", FIRST_PAINT_S)

    def _set_drawn(self) -> None:
        if self._screen_drawn is not None:
            self._screen_drawn.set()

    async def _reach_gateway(self) -> tuple[GatewayEndpoint, Clock]:
        connection = self._loaded.config.connection
        if self._gateway is None:
            return GatewayEndpoint("tws", connection.host, connection.port), SystemClock()
        self._feed.report("starting the paper gateway")
        endpoint = await self._gateway.ready()
        _log.info("paper gateway listens", extra={"port": endpoint.port, "gateway_pid": endpoint.pid})
        return endpoint, GatewayClock(gateway_plan(self._loaded).status_path)

    async def _after(self, code: int | None) -> None:
        """A graceful end takes the paper gateway along; after a failure it is left as it is."""
        if self._gateway is None or code is None:
            return
        if await self._gateway.stop():
            _log.info("paper gateway stopped")
        else:
            _log.warning("the paper gateway did not end in time and was left running")

    def _holder(self, socket: Path) -> Holder:
        return Holder(
            pid=os.getpid(),
            mode=self._request.mode.value,
            socket=str(socket),
            run_id=self.run_id,
            flags=effective_flags(self._loaded),
            headless=self._request.headless,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            config=str(self._loaded.path or ""),
            mark=process_mark(os.getpid()),
        )

    def _name_account(self, urgent: bool) -> None:
        lock = self._lock
        if urgent and lock is not None:
            lock.name_account(self._feed.latest.account)


def effective_flags(loaded: Loaded) -> dict[str, str]:
    """What a second start is compared with: gateway, and for an embedded one its market."""
    flags = {"gateway": loaded.gateway.value}
    if loaded.gateway is Gateway.EMBEDDED:
        broker = loaded.config.broker
        flags |= {
            "speed": f"{broker.speed:g}",
            "seed": str(broker.seed),
            "world": broker.world.value,
            "tape": str(loaded.tape_dir or ""),
        }
    return flags


def _build_core(loaded: Loaded, options: RunOptions) -> Awaitable[EngineCore]:
    # Imported here, on the engine's thread and after the first paint: it pulls in the broker's library.
    from engine.runtime.boot import build_core

    return build_core(loaded, options)
