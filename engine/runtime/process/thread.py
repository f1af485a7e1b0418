"""The engine's own thread and event loop, so that nothing a terminal does can hold up trading.

Everything that crosses over goes through `call_soon_threadsafe`; a failure on this side is logged, put
into the last snapshot and turned into an exit code. It never reaches the front end's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from typing import Final, Protocol

from engine.api import Command, Outcome, OutcomeStatus
from engine.domain.reasons import Reason
from engine.runtime.feed import SnapshotFeed
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.core import EngineCore
from engine.runtime.process.errors import StartError
from engine.runtime.process.signals import leave_signals_to_main

SWITCH_INTERVAL_S: Final = 0.0005
"""How long the other thread may keep the interpreter: 5 ms (the default) shows as tick latency."""

_LAST_WORD_S: Final = 1.0

_log = logging.getLogger("cockpit.runtime")


class Attendant(Protocol):
    """Something that lives on the engine loop beside the engine: the control socket."""

    async def start(self) -> None:
        """Begin serving."""
        ...

    async def stop(self) -> None:
        """End serving and close what is open."""
        ...


class EngineThread:
    """Runs one engine on a thread named `engine`."""

    def __init__(
        self,
        prepare: Callable[[], Awaitable[EngineCore]],
        *,
        feed: SnapshotFeed,
        lag: LoopLagProbe | None = None,
        after: Callable[[int | None], Awaitable[None]] | None = None,
    ) -> None:
        """Set up; nothing runs before `start`.

        Args:
            prepare: runs on the engine loop and makes the engine; the place for heavy imports.
            feed: receives what front ends are to see.
            lag: measures the loop while it lives.
            after: runs on the loop when the engine has returned its exit code (None: it failed).
        """
        self._prepare = prepare
        self._feed = feed
        self.lag = lag or LoopLagProbe()
        self._after = after
        self._end_callbacks: list[Callable[[], None]] = []
        self._attendants: list[Attendant] = []
        self._commands: set[asyncio.Task[None]] = set()
        self._asked: set[tuple[Command, Future[Outcome]]] = set()
        self._takes_commands = True
        self._ended = threading.Event()
        self._ready: asyncio.Future[EngineCore] | None = None
        self._exit_code = 1
        self.failure: BaseException | None = None
        """What ended the engine, where it did not end by itself."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)

    def attend(self, attendant: Attendant) -> None:
        """Let something serve on the engine loop from the start to the end. Before `start` only."""
        self._attendants.append(attendant)

    def start(self) -> None:
        """Start the thread."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()

    def call(self, function: Callable[[], None]) -> None:
        """Run something on the engine loop soon, from any thread; nothing happens once it has ended."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` on this thread when the engine has ended. Before `start` or soon after."""
        self._end_callbacks.append(callback)

    @property
    def is_alive(self) -> bool:
        """True from the start until the engine has ended."""
        return self._thread.is_alive() and not self._ended.is_set()

    @property
    def exit_code(self) -> int:
        """The process exit code the engine asks for; meaningful once it has ended."""
        return self._exit_code

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; True if it has ended. Signal handlers run while it waits."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def submit(self, command: Command) -> Future[Outcome]:
        """Hand a command to the engine from any thread, also from a signal handler."""
        future: Future[Outcome] = Future()
        if self._ended.is_set():
            future.set_result(stopped_outcome(command))
            return future
        # Noted before it is handed over: whatever the loop does not come to is answered at its end.
        asked = (command, future)
        self._asked.add(asked)
        future.add_done_callback(lambda _: self._asked.discard(asked))
        try:
            self._loop.call_soon_threadsafe(self._begin, command, future)
        except RuntimeError:  # the loop closed between the check and the call
            _answer(future, stopped_outcome(command))
        return future

    async def execute(self, command: Command) -> Outcome:
        """Carry out a command, on the engine loop; while booting it waits for the engine to exist."""
        if self._ready is None:
            return stopped_outcome(command)
        try:
            core = await asyncio.shield(self._ready)
            return await core.execute(command)
        except StartError:
            return stopped_outcome(command)
        except Exception:  # noqa: BLE001 - an operator gets an answer, whatever broke; the log has the trace
            _log.exception("command %s (%s) failed inside the engine", command.command_id, command.kind)
            return Outcome(
                command.command_id,
                OutcomeStatus.FAILED,
                Reason.INTERNAL_ERROR,
                f"{command.kind} failed inside the engine; look at the orders and positions, and at the log.",
            )

    def _begin(self, command: Command, future: Future[Outcome]) -> None:
        if not self._takes_commands:  # a task begun now would be left behind by the loop
            _answer(future, stopped_outcome(command))
            return
        task = self._loop.create_task(self._carry_out(command, future), name=f"command {command.kind}")
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _carry_out(self, command: Command, future: Future[Outcome]) -> None:
        try:
            outcome = await self.execute(command)
        except asyncio.CancelledError:
            outcome = stopped_outcome(command)
        _answer(future, outcome)

    def _main(self) -> None:
        leave_signals_to_main()
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as err:  # noqa: BLE001 - the last line of defence of this thread: reported, never lost
            self._fail(err)
        finally:
            self._ended.set()
            self._loop.close()
            for command, future in tuple(self._asked):
                _answer(future, stopped_outcome(command))
            for callback in self._end_callbacks:
                callback()

    async def _live(self) -> None:
        self._ready = self._loop.create_future()
        self._ready.add_done_callback(_seen)
        self.lag.start(self._loop)
        for attendant in self._attendants:
            await attendant.start()
        try:
            await self._run_core(self._ready)
        finally:
            await self._end_commands()
            self._ended.set()
            for attendant in reversed(self._attendants):
                await attendant.stop()
            self.lag.stop()

    async def _run_core(self, ready: asyncio.Future[EngineCore]) -> None:
        code: int | None = None
        try:
            core = await self._prepare()
            self._loop.call_later(0, self.lag.forget)  # after the timers that the imports made late
            self._feed.follow(core.source)
            ready.set_result(core)
            code = await core.run()
            self._exit_code = code
        except Exception as err:  # noqa: BLE001 - whatever ended the engine is logged and shown, not raised into a thread
            self._fail(err)
        finally:
            if not ready.done():
                ready.set_exception(StartError("the engine did not start"))
            if self._after is not None:
                await self._after(code)
        self._feed.end("" if self.failure is None else _sentence(self.failure))

    async def _end_commands(self) -> None:
        self._takes_commands = False
        if self._commands:
            _, late = await asyncio.wait(set(self._commands), timeout=_LAST_WORD_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _fail(self, err: BaseException) -> None:
        self.failure = err
        self._exit_code = err.exit_code if isinstance(err, StartError) else getattr(err, "exit_code", 1)
        if isinstance(err, StartError):
            _log.error("the engine did not start: %s", err)
        else:
            _log.critical("the engine failed", exc_info=err)


def stopped_outcome(command: Command) -> Outcome:
    """The answer to a command that no engine is there to carry out."""
    return Outcome(
        command.command_id,
        OutcomeStatus.FAILED,
        Reason.NOT_READY,
        f"{command.kind}: the engine has stopped; nothing was done. Orders already at the broker stay there.",
    )


def _answer(future: Future[Outcome], outcome: Outcome) -> None:
    """Answer once: the end of the thread and the caller of a closed loop may both come to it."""
    with contextlib.suppress(InvalidStateError):
        future.set_result(outcome)


def _seen(future: asyncio.Future[EngineCore]) -> None:
    """Mark a failed start as seen: it is reported through the feed, not by the loop's own complaint."""
    if not future.cancelled():
        future.exception()


def _sentence(err: BaseException) -> str:
    text = str(err).strip()
    return (
        text
        if isinstance(err, StartError) and text
        else f"{type(err).__name__}: {text}"
        if text
        else type(err).__name__
    )
