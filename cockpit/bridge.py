"""The screen's side of the engine handle: wishes go up with an id, outcomes come back as a callback."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TypedDict, Unpack

from engine.api import Command, CommandKind, Outcome, OutcomeStatus, Scope
from engine.api_handle import EngineHandle
from engine.api_orders import OrderWish
from engine.api_recovery import Settlement


class Details(TypedDict, total=False):
    """What a wish may say besides its kind; each as in `Command`, which has the defaults."""

    scope: Scope
    target: str
    value: float
    seen: float | None
    reason: str
    confirmed: bool
    typed: str
    settlements: tuple[Settlement, ...]
    order: OrderWish | None


OnOutcome = Callable[[Command, Outcome], None]
"""Called from any thread, once per command."""


class Bridge:
    """Sends commands and never assumes that they worked."""

    def __init__(
        self, handle: EngineHandle, *, on_outcome: OnOutcome, new_id: Callable[[], str] | None = None
    ) -> None:
        self._handle = handle
        self._on_outcome = on_outcome
        self._new_id = new_id or (lambda: uuid.uuid4().hex)

    def submit(self, kind: CommandKind, **details: Unpack[Details]) -> Command:
        """Send one wish; its outcome arrives at `on_outcome`, also when it could not be delivered."""
        command = Command(self._new_id(), kind, asked_s=time.monotonic(), **details)
        try:
            future = self._handle.submit(command)
        except (RuntimeError, OSError) as err:
            self._on_outcome(command, _undelivered(command, err))
            return command
        future.add_done_callback(lambda done: self._on_outcome(command, _result_of(command, done)))
        return command

    def tell_seen(self) -> None:
        """Somebody is there. Nobody waits for an answer, and a link that is gone says so elsewhere."""
        with contextlib.suppress(RuntimeError, OSError):
            self._handle.submit(Command(self._new_id(), CommandKind.SEEN, who="screen"))

    def tell_watch(self, symbol: str, bar_s: int) -> None:
        """Which market this screen looks at. It sees the answer by what it is shown."""
        with contextlib.suppress(RuntimeError, OSError):
            watch = Command(self._new_id(), CommandKind.WATCH, target=symbol, value=bar_s, who="screen")
            self._handle.submit(watch)


def _result_of(command: Command, done: Future[Outcome]) -> Outcome:
    """The future's outcome; a broken one becomes a failed outcome, so that it is seen."""
    try:
        error = done.exception()
    except CancelledError as err:
        return _undelivered(command, err)
    return done.result() if error is None else _undelivered(command, error)


def _undelivered(command: Command, error: BaseException) -> Outcome:
    why = str(error) or type(error).__name__
    return Outcome(
        command_id=command.command_id,
        status=OutcomeStatus.FAILED,
        code="internal_error",
        text=f"no answer from the engine to {command.kind.value} ({why}); look before you repeat it",
    )
