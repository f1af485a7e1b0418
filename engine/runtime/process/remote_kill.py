"""`cockpit kill` from another terminal: asked of the engine, or done without it where it does not answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Final

from engine.api import Command, CommandKind, Outcome, OutcomeStatus, PositionView, Scope, ScopeKind
from engine.domain.reasons import Reason
from engine.runtime.process import fence, takeover
from engine.runtime.process.errors import FailedError
from engine.runtime.process.kill_preview import preview
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import ANSWER_S, WORK_S, Ask, Say, connect, new_command, tell

WORD: Final = "FLATTEN"
OPEN_WORD: Final = "OPEN"
STAYS_HALTED: Final = "It stays halted. Nothing was closed: positions keep their protective stops."
_HALTED_CODE: Final = 4


class HungError(Exception):
    """The engine holds its lock and shows no sign of life."""


@dataclass(frozen=True, slots=True)
class KillRequest:
    """What was asked for on the command line."""

    scope: Scope
    reason: str
    yes: bool
    """True where no word is asked for."""
    at_open: bool = False
    """Close at the open what a shut market keeps open."""

    def command(self, kind: CommandKind, **more: str | bool) -> Command:
        """A command of this request."""
        return new_command(kind, scope=self.scope, reason=self.reason, **more)  # type: ignore[arg-type]  # names are its own


def kill(
    engine: Running, request: KillRequest, *, ask: Ask | None, say: Say, environ: Mapping[str, str]
) -> int:
    """Halt at once, then flatten: after the word at a terminal, or with `yes`. Returns the exit code.

    An engine that does not answer within 2 s is ended, and the same is done in its name.
    """
    try:
        handle = connect(engine)
    except FailedError:
        return _without_it(engine, request, ask=ask, say=say, environ=environ)
    try:
        return _kill(handle, request, ask=ask, say=say)
    except HungError:
        return _without_it(engine, request, ask=ask, say=say, environ=environ)
    finally:
        handle.close()


def _kill(handle: SocketHandle, request: KillRequest, *, ask: Ask | None, say: Say) -> int:
    if request.at_open and _is_left_open(handle, request.scope):
        return tell(_ask_engine(handle, request.command(CommandKind.AT_OPEN, target="yes")), say=say)
    if not request.yes:
        tell(_ask_engine(handle, request.command(CommandKind.KILL)), say=say)
        if not _word(handle.snapshot().positions, request.scope, ask, say):
            say(STAYS_HALTED)
            return _HALTED_CODE
    outcome = _ask_engine(handle, request.command(CommandKind.KILL, typed=WORD, confirmed=True))
    code = tell(outcome, say=say)
    if outcome.code == Reason.SESSION_CLOSED and _wants_open(request, ask, say):
        tell(_ask_engine(handle, request.command(CommandKind.AT_OPEN, target="yes")), say=say)
    return code


def _ask_engine(handle: SocketHandle, command: Command) -> Outcome:
    """The outcome of a command. Raises HungError where the engine shows no sign of life for 2 s meanwhile."""
    future: Future[Outcome] = handle.submit(command)
    deadline_s = time.monotonic() + WORK_S
    while time.monotonic() < deadline_s:
        try:
            outcome = future.result(ANSWER_S)
        except FutureTimeoutError:
            # Cancelling and closing takes its time; an engine that lives answers meanwhile.
            if not handle.answers(ANSWER_S):
                raise HungError from None
            continue
        if not handle.is_alive and outcome.code == Reason.LINK_DOWN:
            raise HungError
        return outcome
    raise FailedError(f"{command.kind.value}: no end within {WORK_S:.0f} s; look with `cockpit status`.")


def _word(positions: tuple[PositionView, ...], scope: Scope, ask: Ask | None, say: Say) -> bool:
    if ask is None:
        say("To flatten from here, repeat with --yes (the word is asked only at a terminal).")
        return False
    for line in preview(positions, scope):
        say(f"  {line}")
    return ask(f"type {WORD} to go: ").strip() == WORD


def _wants_open(request: KillRequest, ask: Ask | None, say: Say) -> bool:
    if request.at_open:
        return True
    if ask is None:
        say("To close it at the open, repeat with --at-open.")
        return False
    return ask("type OPEN to close it as soon as its market opens: ").strip() == OPEN_WORD


def _is_left_open(handle: SocketHandle, scope: Scope) -> bool:
    """A KILL of this scope has ended and left something: nothing but the open is asked for."""
    brakes = [b for b in handle.snapshot().brakes if b.scope == scope and b.kind.name == "KILL"]
    return any(b.proof.startswith("NOT FLAT ") for b in brakes)


# --- the engine does not answer ---------------------------------------------------------------------


def _without_it(
    engine: Running, request: KillRequest, *, ask: Ask | None, say: Say, environ: Mapping[str, str]
) -> int:
    holder = engine.holder
    say(f"cockpit: the engine (pid {holder.pid}) has not answered within {ANSWER_S:.0f} s; it is ended now.")
    loaded = takeover.configuration(engine, environ=environ)
    if request.yes and request.scope.kind is ScopeKind.ACCOUNT:
        fence.leave_kill_file(engine.state_dir, loaded.config.kill.flag_file, request.reason)
    lock = fence.fence(engine)
    doing = "Cancelling and closing" if request.yes else "Halting"
    say(f"cockpit: pid {holder.pid} is gone. {doing} in its name …")
    try:
        command = request.command(CommandKind.KILL, confirmed=True, typed=WORD)
        word = None if request.yes else _asking(request.scope, ask, say)
        outcome = takeover.finish(engine, loaded, command, word=word, environ=environ)
    finally:
        lock.release()
    code = tell(outcome, say=say)
    if word is not None and outcome.status is OutcomeStatus.DONE and outcome.command_id != command.command_id:
        say(STAYS_HALTED)
        code = _HALTED_CODE
    say("cockpit: no engine runs now. The brake stays on: the next start boots with it.")
    return code


def _asking(scope: Scope, ask: Ask | None, say: Say) -> takeover.Word:
    def asked(halted: Outcome, positions: tuple[PositionView, ...]) -> bool:
        tell(halted, say=say)
        return _word(positions, scope, ask, say)

    return asked
