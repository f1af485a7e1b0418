"""Operator commands: the same few acts whoever asks (key, palette, shell, file), each with an outcome.

A brake is durable before it acts, or, where the store cannot write, is held in memory and acts all the
same. Nothing here decides risk; nothing here raises for bad input.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from engine.api import BrakeKind, Command, CommandKind, Level, Outcome, OutcomeStatus
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.execution.kill import KillSwitch, Reach
from engine.runtime.adjust.adjustments import Adjustments
from engine.runtime.brakes import BrakeDesk, wrong_scope
from engine.runtime.braking.drill import Drill
from engine.runtime.braking.kills import KillDesk
from engine.runtime.desk import Desk
from engine.runtime.outcomes import done, failed, refused
from engine.runtime.reconcile.settling import Settler

_log = structlog.get_logger("engine")

REMEMBERED_COMMANDS = 500
MACHINES = frozenset({"limit", "engine", "drill", "file"})
"""Who asks and is no person."""
FLATTEN_WORD = "FLATTEN"
QUESTIONS = frozenset({CommandKind.JUDGE_ORDER, CommandKind.LOOK_BACK})
"""What a preview asks."""
_BRAKES = frozenset({CommandKind.PAUSE, CommandKind.HALT, CommandKind.KILL})

Act = Callable[[Command], Awaitable[Outcome]]


class Commands:
    """Dispatches commands. The same command id is carried out once; a repeat gets the same outcome."""

    def __init__(
        self,
        desk: Desk,
        *,
        brakes: BrakeDesk,
        executor: Executor,
        kill_switch: KillSwitch,
        kills: KillDesk,
        drill: Drill,
        seen: Callable[[], None],
        adjustments: Adjustments,
        stop: Callable[[str], Awaitable[tuple[str, ...]]],
        on_detached: Callable[[str], None],
        urge: Callable[[], None],
        settler: Settler,
        answers: Mapping[CommandKind, Act] | None = None,
    ) -> None:
        """`answers` are further commands: those that only ask, that only look, and what is done by hand."""
        self._desk = desk
        self._brakes = brakes
        self._seen = seen
        self._executor = executor
        self._kill_switch = kill_switch
        self._stop = stop
        self._on_detached = on_detached
        self._urge = urge
        self._outcomes: OrderedDict[str, asyncio.Future[Outcome]] = OrderedDict()
        self._acts: dict[CommandKind, Act] = {
            CommandKind.PAUSE: self._pause,
            CommandKind.RESUME: self._resume,
            CommandKind.HALT: kills.halt,
            CommandKind.KILL: kills.kill,
            CommandKind.AT_OPEN: kills.at_open,
            CommandKind.DRILL: drill.run,
            CommandKind.FLATTEN: self._flatten,
            CommandKind.CANCEL_ORDER: self._cancel_order,
            CommandKind.SET_VALUE: adjustments.set_value,
            CommandKind.LOOK_BACK: adjustments.look_back,
            CommandKind.SWITCH: adjustments.switch,
            CommandKind.REGIME: adjustments.say_regime,
            CommandKind.ACKNOWLEDGE: self._acknowledge,
            CommandKind.STOP: self._stop_engine,
            CommandKind.SETTLE: settler.settle,
            CommandKind.ABORT: settler.abort,
            CommandKind.DETACHED: self._detached,
            CommandKind.TAKE_OVER: self._taken_over,
            **(answers or {}),
        }

    async def execute(self, command: Command) -> Outcome:
        """Carry out one command and tell everybody that, and how, it ended.

        The same id again, also while the first is under way, waits for that one's outcome.
        """
        if command.kind is CommandKind.WATCH:
            # Said again and again, by a screen and not by a person: no sign of life, and nothing to record.
            return await self._acts[command.kind](command)
        hide = self._desk.notices.redactor
        # What a person typed by mistake must not be kept with a brake for ever.
        command = replace(command, reason=hide(command.reason), target=hide(command.target))
        if command.kind in QUESTIONS:
            # An open dialog asks again and again: no sign of life, and no line of the record.
            return await self._answered(command)
        if command.who not in MACHINES and command.target != "lost":
            self._seen()
        if command.kind is CommandKind.SEEN:
            return done(command, "seen")
        known = self._outcomes.get(command.command_id)
        if known is not None:
            return await asyncio.shield(known)
        ended = self._outcomes[command.command_id] = asyncio.get_running_loop().create_future()
        outcome = failed(command, Reason.NOT_READY.value, f"{command.kind.value}: cut short by the end")
        try:
            outcome = await self._act(command)
        finally:
            ended.set_result(outcome)
            self._forget_old()
        return outcome

    def _forget_old(self) -> None:
        while len(self._outcomes) > REMEMBERED_COMMANDS and next(iter(self._outcomes.values())).done():
            self._outcomes.popitem(last=False)

    async def _answered(self, command: Command) -> Outcome:
        try:
            return self._misdirected(command) or await self._acts[command.kind](command)
        except Exception as err:  # noqa: BLE001 - the operator gets an answer, whatever broke
            _log.error(
                "command.failed", kind=command.kind.value, error=f"{type(err).__name__}: {err}", exc_info=err
            )
            text = f"{command.kind.value} failed inside the engine ({err}); look at orders, positions and log"
            return failed(command, Reason.INTERNAL_ERROR.value, text)

    async def _act(self, command: Command) -> Outcome:
        outcome = await self._answered(command)
        level = Level.INFO if outcome.status is OutcomeStatus.DONE else Level.WARNING
        text = f"{command.who}: {command.kind.value} → {outcome.status.value}: {outcome.text}"
        self._desk.notices.event(level, "command", text)
        self._desk.session_log.command(self._desk.now(), command, outcome)
        self._urge()
        return outcome

    # --- brakes ---------------------------------------------------------------------------------

    def _misdirected(self, command: Command) -> Outcome | None:
        """The refusal of a brake that would hold nothing: whoever pulled it would believe that it does."""
        if command.kind not in _BRAKES:
            return None
        text = wrong_scope(self._desk, command.scope)
        return refused(command, Reason.WRONG_TARGET.value, text) if text else None

    async def _pause(self, command: Command) -> Outcome:
        await self._brakes.pull(BrakeKind.PAUSE, command.scope, reason=command.reason, who=command.who)
        self._urge()
        return done(command, f"entries of {command.scope} are paused; exits and stops go on")

    async def _resume(self, command: Command) -> Outcome:
        return await self._brakes.lift(command)

    # --- positions and orders -------------------------------------------------------------------

    async def _flatten(self, command: Command) -> Outcome:
        reach = Reach(key=command.target)
        if command.target and self._desk.books.position(command.target) is None:
            text = f"{command.target}: no position of ours to close"
            return refused(command, Reason.WRONG_TARGET.value, text)
        results = await self._kill_switch.flatten(reach, role=Role.FLATTEN, reason=Reason.OPERATOR)
        lines = tuple(r.text for r in results)
        if any(r.status is CloseStatus.NOT_FLAT for r in results):
            return failed(command, Reason.NOT_FLAT.value, "; ".join(lines), lines)
        return done(command, "; ".join(lines) or "nothing to close", lines)

    async def _cancel_order(self, command: Command) -> Outcome:
        order = self._desk.books.order(command.target)
        if order is None or order.state.is_done:
            return refused(command, Reason.WRONG_TARGET.value, f"{command.target}: no working order of ours")
        if order.intent.role is Role.STOP and not command.confirmed:
            text = f"{order.intent.key}: this stop protects a position; confirm to cancel it"
            return refused(command, Reason.CONFIRMATION.value, text)
        if await self._executor.cancel(command.target):
            ended = self._desk.books.order(command.target)
            return done(command, f"{command.target} is {'gone' if ended is None else ended.state.value}")
        text = f"{command.target}: the broker has not confirmed the cancel yet"
        return failed(command, Reason.UNKNOWN_ORDER.value, text)

    # --- the rest -------------------------------------------------------------------------------

    async def _acknowledge(self, command: Command) -> Outcome:
        alert = None
        if command.target.isdecimal():
            alert = self._desk.notices.acknowledge(int(command.target), who=command.who)
        if alert is None:
            return refused(command, Reason.WRONG_TARGET.value, f"no alert {command.target!r} stands")
        return done(command, f"alert {alert.alert_id} acknowledged: {alert.text}")

    async def _stop_engine(self, command: Command) -> Outcome:
        choice = command.target or self._desk.config.shutdown.on_signal.value
        if choice not in ("keep", "flatten"):
            text = f"stop {command.target!r}: expected keep or flatten"
            return refused(command, Reason.WRONG_TARGET.value, text)
        left = await self._stop(choice)
        if left and choice == "flatten":
            text = f"stopped, but not flat: {'; '.join(left)}"
            return failed(command, Reason.NOT_FLAT.value, text, left)
        kept = f"; kept with their stops: {'; '.join(left)}" if left else ""
        return done(command, f"stopped, positions: {choice}{kept}", left)

    async def _taken_over(self, command: Command) -> Outcome:
        """Who sits where is the control socket's; here it is told and kept."""
        return done(command, f"{command.reason or 'another screen'} acts from now on; the others watch")

    async def _detached(self, command: Command) -> Outcome:
        self._on_detached(command.target)
        return done(command, "no terminal; the engine goes on")
