"""Commands to a running engine from another terminal: found, sent, awaited, told.

Everything a person is told goes through `say`; the return value is the process exit code.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import Final

from engine.api import Command, CommandKind, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.api_recovery import Settlement
from engine.config import Loaded
from engine.domain.reasons import Reason
from engine.runtime.process import registry
from engine.runtime.process.errors import FailedError, NotRunningError
from engine.runtime.process.gateway_process import end_gateway, running_gateway
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.paths import runtime_dir
from engine.runtime.process.registry import Running
from engine.runtime.shell import status

ANSWER_S: Final = 2.0
"""How long an engine may take to answer anything that is not carried out at the broker."""

WORK_S: Final = 120.0
"""How long cancelling, closing and proving may take."""

Say = Callable[[str], None]
Ask = Callable[[str], str]
"""Asks the person at the terminal for a word."""


def find(loaded: Loaded, *, is_named: bool, environ: Mapping[str, str]) -> Running:
    """The engine that is meant. Raises NotRunningError or UsageError."""
    return registry.resolve(runtime_dir(environ), state_dir=loaded.state_dir, is_named=is_named)


def show_status(engine: Running, *, as_json: bool, say: Say) -> int:
    """Print what the engine shows."""
    handle = connect(engine)
    try:
        snapshot = handle.snapshot()
    finally:
        handle.close()
    say(json.dumps(status.document(snapshot), indent=2) if as_json else status.text(snapshot))
    return 0


def show_alerts(engine: Running, *, say: Say) -> int:
    """Print the alerts that stand."""
    handle = connect(engine)
    try:
        snapshot = handle.snapshot()
    finally:
        handle.close()
    for line in status.alert_lines(snapshot) or ("no alert stands",):
        say(line)
    return 0


def give(engine: Running, command: Command, *, say: Say, within_s: float = WORK_S) -> int:
    """Send one command and tell its outcome."""
    handle = connect(engine)
    try:
        return tell(answer_to(handle, command, engine=engine, within_s=within_s), say=say)
    finally:
        handle.close()


def pause_or_halt(engine: Running, kind: CommandKind, *, scope: Scope, reason: str, say: Say) -> int:
    """Put on a brake."""
    return give(engine, new_command(kind, scope=scope, reason=reason, confirmed=True), say=say)


def resume(engine: Running, *, scope: Scope, reason: str, account: str, ask: Ask | None, say: Say) -> int:
    """Lift a brake; after a HALT or KILL the account id is asked for, or given as `account`."""
    handle = connect(engine)
    try:
        command = new_command(
            CommandKind.RESUME, scope=scope, reason=reason, typed=account, confirmed=bool(account)
        )
        outcome = answer_to(handle, command, engine=engine, within_s=WORK_S)
        if outcome.code == Reason.CONFIRMATION and not account and ask is not None:
            tell(outcome, say=say)
            typed = ask("account id to resume: ").strip()
            command = new_command(
                CommandKind.RESUME, scope=scope, reason=reason, typed=typed, confirmed=bool(typed)
            )
            outcome = answer_to(handle, command, engine=engine, within_s=WORK_S)
        return tell(outcome, say=say)
    finally:
        handle.close()


def stop(engine: Running, target: str, *, say: Say) -> int:
    """End the engine gracefully and wait until it has gone."""
    return stop_and_wait(connect(engine), target, say=say)


def stop_and_wait(handle: SocketHandle, target: str, *, say: Say) -> int:
    """Ask over this link for a graceful stop; closes the link."""
    pid = handle.snapshot().pid
    try:
        say(f"cockpit: stopping engine {pid} …")
        outcome = handle.submit(new_command(CommandKind.STOP, target=target, confirmed=True)).result(WORK_S)
        if outcome.status is OutcomeStatus.REFUSED:
            return tell(outcome, say=say)
        if not handle.wait_for_end(WORK_S):
            raise _not_ended(pid)
    except FutureTimeoutError:
        raise _not_ended(pid) from None
    finally:
        handle.close()
    for line in status.farewell(handle.snapshot()):
        say(f"cockpit: {line}")
    return 1 if handle.exit_code is None else handle.exit_code


def _not_ended(pid: int) -> FailedError:
    return FailedError(
        f"the engine (pid {pid}) has not ended within {WORK_S:.0f} s; look with `cockpit status`."
    )


def stop_gateway(state_dir: Path, *, say: Say) -> int:
    """End an embedded gateway that was left without an engine. Raises NotRunningError where there is none."""
    endpoint = running_gateway(state_dir)
    if endpoint is None:
        raise NotRunningError(f"no engine and no paper gateway is running for the state folder {state_dir}.")
    if not end_gateway(endpoint.pid):
        raise FailedError(
            f"the paper gateway (pid {endpoint.pid}) has not ended; end it with `kill {endpoint.pid}`."
        )
    say(f"cockpit: no engine was running; a paper gateway left over (pid {endpoint.pid}) has been stopped.")
    return 0


def tell(outcome: Outcome, *, say: Say) -> int:
    """Say how a command ended; returns the exit code."""
    code = f" [{outcome.code}]" if outcome.code else ""
    say(f"{outcome.status.value}: {printable(outcome.text)}{code}")
    for line in outcome.details:
        say(f"  {printable(line)}")
    return {OutcomeStatus.DONE: 0, OutcomeStatus.FAILED: 1, OutcomeStatus.REFUSED: 4}[outcome.status]


def new_command(
    kind: CommandKind,
    *,
    scope: Scope | None = None,
    target: str = "",
    reason: str = "",
    typed: str = "",
    confirmed: bool = False,
    settlements: tuple[Settlement, ...] = (),
) -> Command:
    """A command with an id of its own, from this user's shell."""
    return Command(
        uuid.uuid4().hex,
        kind,
        scope=scope or Scope(),
        target=target,
        reason=reason,
        who=f"shell uid {os.getuid()}",
        confirmed=confirmed,
        typed=typed,
        settlements=settlements,
        asked_s=time.monotonic(),
    )


def scope_of(*, strategy: str | None, symbol: str | None) -> Scope:
    """The scope that the options name; the account without any."""
    if strategy:
        return Scope(ScopeKind.STRATEGY, strategy)
    return Scope(ScopeKind.SYMBOL, symbol.upper()) if symbol else Scope()


def connect(engine: Running) -> SocketHandle:
    """A handle on the engine. Raises FailedError where it does not answer."""
    try:
        return SocketHandle.connect(Path(engine.holder.socket), role="command", timeout_s=ANSWER_S)
    except (FailedError, NotRunningError) as err:
        raise FailedError(_silent(engine)) from err


def answer_to(handle: SocketHandle, command: Command, *, engine: Running, within_s: float) -> Outcome:
    """How a command ended. Raises FailedError where nothing is heard in time."""
    try:
        return handle.submit(command).result(within_s)
    except FutureTimeoutError:
        raise FailedError(_silent(engine, within_s=within_s)) from None


def _silent(engine: Running, *, within_s: float = ANSWER_S) -> str:
    pid, state_dir = engine.holder.pid, engine.state_dir
    return (
        f"the engine (pid {pid}) did not answer within {within_s:.0f} s; "
        "whether the command arrived is not known.\n"
        "  What to do: look again with `cockpit status`. If it stays silent: `cockpit kill` ends it,\n"
        f"  cancels and closes in its name, and proves it; `kill -9 {pid}` only ends it: protective stops\n"
        f"  are at the broker and stay there, and the next start restores its state from {state_dir}."
    )


def printable(text: str) -> str:
    """Text without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)
