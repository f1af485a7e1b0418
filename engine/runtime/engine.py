"""The engine: wires its rooms, lives through connect, compare, READY, drain; owns no rule of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass

import structlog

from engine.api import BrakeKind, Command, EngineState, Level, Outcome, Scope
from engine.broker.port import AccountError, Broker, Hello, LinkEvent, LinkState
from engine.config import OnTerminalLoss
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.execution import eager
from engine.execution.executor import CloseStatus
from engine.execution.kill import KillSwitch, Reach
from engine.runtime.brakes import BrakeDesk
from engine.runtime.braking.kills import KillDesk
from engine.runtime.commands import Commands
from engine.runtime.desk import Block, Desk
from engine.runtime.health.inputs import is_quiet
from engine.runtime.inbox import Inbox
from engine.runtime.line import UNVERIFIED_ALERT, Line
from engine.runtime.markets import Markets
from engine.runtime.process.core import SnapshotSource
from engine.runtime.process.errors import RefusedError
from engine.runtime.publisher import Publisher
from engine.runtime.reconcile.account import AccountDesk
from engine.runtime.reconcile.reconciler import Reconciler
from engine.runtime.reconcile.restart import Restart
from engine.runtime.reconcile.state import RecoveryState
from engine.runtime.trading import Trading
from engine.runtime.upkeep import Upkeep

ABORT = "abort"
"""The way out that sends nothing."""

LAST_STOPS_S = 5.0
"""Real seconds for the stops of what stays, after everything else was wound down."""

_log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything an engine is made of; `engine.runtime.assembly` puts it together."""

    desk: Desk
    broker: Broker
    kill_switch: KillSwitch
    brakes: BrakeDesk
    kills: KillDesk
    inbox: Inbox
    account: AccountDesk
    trading: Trading
    markets: Markets
    line: Line
    upkeep: Upkeep
    commands: Commands
    publisher: Publisher
    recovery: RecoveryState
    restart: Restart
    reconciler: Reconciler
    on_first_ready: Callable[[], None]
    """Called once, when booting is over: what booting cost is no measure of trading."""
    report: Callable[[Sequence[str]], Awaitable[tuple[str, ...]]]
    """Makes the day's summary and writes it; given what stays open, returns what could not be written."""
    save: Callable[[bool], Awaitable[bool]]
    """Writes the end of the run, clean or not; False where it is not durable."""
    close: Callable[[], Awaitable[None]]
    """Closes the store."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Why the engine ends."""

    choice: str
    """`keep`, `flatten`, or `abort`: nothing at all is sent."""
    failure: BaseException | None = None


class Engine:
    """Implements EngineCore."""

    def __init__(self, make: Callable[[Engine], Parts]) -> None:
        """`make` builds the parts around this engine's hooks (`spawn`, `on_up`, `on_down`, `stop` …)."""
        self._group: asyncio.TaskGroup | None = None
        self._closing = False
        """True once its tasks are being ended: from then on no new one can begin."""
        self._acts: dict[asyncio.Task[None], None] = {}
        self._was_ready = False
        self._is_compared = False  # whole, since the line came up; what began before that judges nothing
        self._stop_request: asyncio.Future[StopRequest] = asyncio.get_running_loop().create_future()
        self._drained: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._early: list[tuple[str, Callable[[], object]]] = []
        """Acts asked for before the engine runs."""
        self._clean = False
        self.parts = make(self)
        self.parts.desk.faults.on_fatal = self._fatal

    @property
    def source(self) -> SnapshotSource:
        """Its snapshots."""
        return self.parts.publisher

    async def execute(self, command: Command) -> Outcome:
        """Carry out one operator command."""
        return await self.parts.commands.execute(command)

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> int:
        """Connect, trade, drain. 0 when it ended as asked, 1 when something stayed open or failed."""
        parts = self.parts
        try:
            await parts.upkeep.begin()
            parts.restart.warn()
            async with asyncio.TaskGroup() as group:
                self._group = group
                for name, act in self._early:
                    self.spawn(name, act)
                core = [
                    group.create_task(self._core(name, run), name=name)
                    for name, run in (
                        ("publisher", parts.publisher.run),
                        ("inbox", parts.inbox.pump),
                        ("upkeep", parts.upkeep.run),
                        ("line", parts.line.run),
                        ("reconciler", parts.reconciler.run),
                    )
                ]
                try:
                    request = await self._stop_request
                    left = await self._wind_up(request)
                finally:
                    # Also where the whole engine is cancelled: data goes on arriving until its tasks end.
                    self._closing = True
                for task in core:
                    task.cancel()
                self._cancel_rest()
            self._clean = request.failure is None
        finally:
            self._group = None
            saved = await self._end()
        return self._exit_code(request, left) if saved else 1

    def _exit_code(self, request: StopRequest, left: tuple[str, ...]) -> int:
        """4 where the account is not ours to trade or a person left instead of settling it.

        1 where it failed or left what it should not.
        """
        if isinstance(request.failure, AccountError) or request.choice == ABORT:
            return RefusedError.exit_code
        held = self._held() if request.choice == "keep" else ()
        unsettled = set(left) - set(held)
        return 1 if request.failure is not None or unsettled else 0

    async def _core(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """A core task that fails ends the engine, in order: flatten while connected, save, exit 1."""
        while True:
            try:
                await run()
            except AccountError as err:
                # Not our account any more: nothing may be sent, closing included.
                self.parts.desk.notices.raise_alert(
                    Level.CRITICAL, "wrong_account", f"the engine stops: {err}"
                )
                self._request(StopRequest("keep", err))
            except Exception as err:  # noqa: BLE001 - whatever it is, the way out is the same
                self.parts.desk.faults.failed(name, err)
                self._fatal(err, f"{name} failed: {type(err).__name__}: {err}")
            if name != "inbox":
                return
            # It goes on to the end: without the broker's answers nothing could be closed with proof.

    def _fatal(self, err: Exception, text: str) -> None:
        """An error after which the session cannot go on: the same way out as for a failed core task."""
        if not self.parts.desk.draining and not isinstance(err, AccountError):  # that one sends nothing
            self.parts.desk.notices.raise_alert(Level.CRITICAL, "engine_failed", f"the engine stops: {text}")
            self._request(StopRequest("flatten", err))

    def _cancel_rest(self) -> None:
        """Acts still under way when the engine ends: each is durable up to where it came."""
        for task in self._acts:
            task.cancel()

    def _request(self, request: StopRequest) -> None:
        if not self._stop_request.done():
            self._stop_request.set_result(request)

    async def stop(self, choice: str) -> tuple[str, ...]:
        """Ask for the end; returns what stayed open. A second call waits for the same end."""
        self._request(StopRequest(choice))
        return await asyncio.shield(self._drained)

    async def abort(self, text: str) -> tuple[str, ...]:
        """Leave with code 4 and send nothing, not even a cancel; returns what stays as it is."""
        self.parts.desk.notices.event(Level.CRITICAL, "recovery", text)
        return await self.stop(ABORT)

    # --- draining -------------------------------------------------------------------------------

    async def _wind_up(self, request: StopRequest) -> tuple[str, ...]:
        """No new risk, close what may not stay, then the day's summary and trades; returns what is left."""
        desk = self.parts.desk
        desk.draining = True
        left = await self._drain(request)
        left = (*left, *await self.parts.report(left))
        for line in left:
            desk.notices.event(Level.WARNING, "engine", f"left open: {line}")
        self.parts.publisher.urge()
        self._drained.set_result(left)
        return left

    async def _drain(self, request: StopRequest) -> tuple[str, ...]:
        """Close what may not stay, within the time there is; what stays keeps its stops."""
        desk = self.parts.desk
        self._set_state(EngineState.DRAINING, f"stopping, positions: {request.choice}")
        left: tuple[str, ...] = ()
        if request.choice == ABORT:
            return self._held()
        try:
            async with asyncio.timeout(desk.config.shutdown.timeout_s):
                left = await self._wind_down(request.choice)
        except TimeoutError:
            left = (*self._held(), f"not finished within {desk.config.shutdown.timeout_s:.0f} s")
        except Exception as err:  # noqa: BLE001 - the end must come, and say what it leaves
            _log.error("engine.drain_failed", error=f"{type(err).__name__}: {err}", exc_info=err)
            left = (*self._held(), f"winding down failed: {type(err).__name__}: {err}")
        return (*left, *await self._leave_protected())

    async def _leave_protected(self) -> tuple[str, ...]:
        """What stays must have its stops, and no more than that: nobody watches them from here on."""
        if self.parts.desk.link is not LinkState.UP:
            return ()
        try:
            async with asyncio.timeout(LAST_STOPS_S):
                return await self.parts.upkeep.settle_stops()
        except TimeoutError:
            return (f"the stops were not settled within {LAST_STOPS_S:.0f} s",)
        except Exception as err:  # noqa: BLE001 - as above
            _log.error("engine.stops_failed", error=f"{type(err).__name__}: {err}", exc_info=err)
            return (f"settling the stops failed: {type(err).__name__}: {err}",)

    async def _wind_down(self, choice: str) -> tuple[str, ...]:
        parts = self.parts
        not_cancelled = await parts.kill_switch.cancel_risk(Reach())
        lines = [f"cancel not proven: {ref}" for ref in not_cancelled]
        if choice == "keep":
            return (*lines, *self._held())
        overnight = {r.strategy.name for r in parts.trading.running if r.holds_overnight}
        inside = [p for p in parts.desk.books.positions() if p.owner not in overnight]
        results = await asyncio.gather(
            *(
                parts.kill_switch.flatten(Reach(key=p.key), role=Role.FLATTEN, reason=Reason.SHUTDOWN)
                for p in inside
            )
        )
        lines += [r.text for group in results for r in group if r.status is CloseStatus.NOT_FLAT]
        return tuple(lines)

    def _held(self) -> tuple[str, ...]:
        return tuple(f"{p.key} {p.quantity:+d}" for p in self.parts.desk.books.positions())

    async def _end(self) -> bool:
        """Save first, then leave the broker: a line that hangs must not cost the state."""
        parts = self.parts
        saved = False
        try:
            saved = await parts.save(self._clean)
        finally:
            try:
                await parts.broker.disconnect()
            finally:
                parts.desk.link = LinkState.DOWN
                self._set_state(EngineState.STOPPED, "stopped")
                await parts.close()
        with parts.desk.faults.loop("publisher"):
            await parts.publisher.publish()
        return saved

    # --- hooks ----------------------------------------------------------------------------------

    def spawn(self, name: str, act: Callable[[], object]) -> None:
        """Run an act as its own task. One that fails is told and ends alone; at the end none begins."""
        if self._closing:
            _log.debug("act.dropped", act=name)
            return
        if self._group is None:
            if self.parts.desk.state is not EngineState.STOPPED:
                self._early.append((name, act))
            return
        self._keep(self._group, name, self._guarded(name, act))

    def begin(self, name: str, act: Callable[[], object]) -> None:
        """Like `spawn`, but what needs no waiting happens at once, on the caller's turn."""
        if self._closing or self._group is None:
            self.spawn(name, act)
            return
        rest = eager.begin(self._guarded(name, act))
        if rest is not None:
            self._keep(self._group, name, rest)

    def _keep(self, group: asyncio.TaskGroup, name: str, work: Coroutine[object, object, None]) -> None:
        task = group.create_task(work, name=f"act {name}")
        self._acts[task] = None
        task.add_done_callback(self._acts.pop)

    async def _guarded(self, name: str, act: Callable[[], object]) -> None:
        try:
            result = act()
            if asyncio.iscoroutine(result):
                await result
        except Exception as err:  # noqa: BLE001 - one act's bug must not end the engine
            self.parts.desk.faults.failed(name, err)
            text = f"{name} failed and was given up: {type(err).__name__}: {err}"
            self.parts.desk.notices.raise_alert(Level.ERROR, "act_failed", text)

    async def on_up(self, hello: Hello) -> bool:
        """The line is up: compare, stops, then the markets, then READY (or ORPHANS until all is settled)."""
        parts, desk = self.parts, self.parts.desk
        self._is_compared = False
        self._set_state(EngineState.RECONCILING, "comparing the account with the broker")
        if not await parts.account.compare(new_line=True):
            return False
        desk.notices.clear_alert(UNVERIFIED_ALERT)
        await parts.markets.describe_held()
        # What is held must be covered before anything is asked for that can wait.
        await parts.upkeep.check_stops()
        await parts.restart.first_look()
        if desk.draining:
            return True
        await parts.markets.prepare(data_lost=True)
        if desk.link is not LinkState.UP:
            return False  # lost again while the markets were asked for; what is shown must stay BLOCKED
        parts.kills.finish()
        if not self._was_ready:
            self._was_ready = True
            parts.on_first_ready()
        self._is_compared = True
        self.judge()
        desk.notices.clear_alert("link_down")
        return True

    def judge(self) -> None:
        """READY, or ORPHANS while something at the broker waits for a decision. Asked after comparisons."""
        if self.parts.desk.link is not LinkState.UP or not self._is_compared:
            return
        if not self.parts.markets.watches_held:
            self.spawn("watch what is held", self.parts.markets.watch_held)
        waiting = self.parts.recovery.blocking()
        if waiting:
            text = self.parts.account.said or f"{len(waiting)} differences from the broker wait for you"
            self._set_state(EngineState.ORPHANS, text, reason=Reason.ORPHAN)
        else:
            self._set_state(EngineState.READY, "")

    def on_mismatch(self, text: str) -> None:
        """What we hold was not what the broker holds: no entries until a comparison finds no difference."""
        if self._was_ready and self.parts.desk.state is not EngineState.RECONCILING:
            self._set_state(EngineState.BLOCKED, text, reason=Reason.RECONCILE_MISMATCH)

    def on_down(self, event: LinkEvent) -> None:
        """The line is lost, frozen or the broker lost its own: entries are blocked at once."""
        desk = self.parts.desk
        self._is_compared = False
        self._set_state(EngineState.BLOCKED, event.text, reason=Reason.LINK_DOWN)
        # In a gateway's own restart window a lost line is no trouble yet; the health monitor waits for it.
        level = Level.INFO if is_quiet(desk) else Level.ERROR
        desk.notices.raise_alert(level, "link_down", f"line to the broker: {event.text}")

    def on_detached(self, how: str) -> None:
        """The terminal is gone. Given up on purpose: nothing changes. Lost: `shutdown.on_terminal_loss`."""
        if how != "lost":
            return
        policy = self.parts.desk.config.shutdown.on_terminal_loss
        text = f"the terminal was lost; {policy.value}"
        self.parts.desk.notices.raise_alert(Level.WARNING, "terminal_lost", text)
        if policy is OnTerminalLoss.FLATTEN_AND_STOP:
            self._request(StopRequest("flatten"))
        elif policy is OnTerminalLoss.PAUSE_ENTRIES:
            self.spawn("pause", self._pause_for_terminal)

    async def _pause_for_terminal(self) -> None:
        await self.parts.brakes.pull(BrakeKind.PAUSE, Scope(), reason="terminal lost", who="engine")
        self.parts.publisher.urge()

    def _set_state(self, state: EngineState, why: str, *, reason: Reason = Reason.NOT_READY) -> None:
        desk = self.parts.desk
        if desk.draining and state not in (EngineState.DRAINING, EngineState.STOPPED):
            return
        if desk.state is not state:
            desk.notices.event(Level.INFO, "engine", f"{state.value}{': ' + why if why else ''}")
        desk.state = state
        desk.block = Block(reason, why) if why else None
        self.parts.publisher.urge()
