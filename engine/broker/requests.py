"""Questions waiting for their answer: nothing counts as answered before its End marker."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from engine.broker.pacing import Priority, Sender
from engine.broker.port import BrokerError
from engine.broker.retry import PassingError

FIRST_REQUEST_ID: Final = 1_000_000_000
"""Request ids live far above order ids: the wire's errors name either with the same field."""

Key = int | str
"""A request id, or a name where the protocol allows only one such question at a time."""


@dataclass(slots=True)
class _Open:
    done: asyncio.Future[None]
    items: list[Any] = field(default_factory=list)


class Requests:
    """The table of open questions of one connection."""

    def __init__(
        self,
        sender: Sender,
        *,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        on_answer: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`on_answer` hears how long each answer took, ms, from the bytes of its question; not of history."""
        self._sender = sender
        self._clock = clock
        self._on_answer = on_answer
        self._timeout_s = timeout_s
        self._open: dict[Key, _Open] = {}
        self._ids = itertools.count(FIRST_REQUEST_ID)

    def new_id(self) -> int:
        """A request id never used in this connection."""
        return next(self._ids)

    async def ask(
        self,
        key: Key,
        write: Callable[[], None],
        *,
        what: str,
        priority: Priority = Priority.OTHER,
        timeout_s: float | None = None,
        cost: int = 1,
    ) -> list[Any]:
        """Send a question and collect its answers until the End marker.

        Raises BrokerError naming `what` where the broker refused, the line was lost, or no End marker came.
        """
        if key in self._open:
            raise BrokerError(f"{what}: the same question is still open; wait for its answer")
        question = self._open[key] = _Open(asyncio.get_running_loop().create_future())
        # A refusal may come while the question itself still waits to be sent, or after the time limit.
        question.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._sender.submit(write, priority=priority, what=what, cost=cost)
                asked_s = self._clock()
                await question.done
            if priority is not Priority.HISTORY:
                self._on_answer((self._clock() - asked_s) * 1000.0)
        except TimeoutError:
            got = f"{len(question.items)} answers but no end of them" if question.items else "no answer"
            raise BrokerError(f"{what}: {got} within {limit_s:g} s") from None
        finally:
            self._open.pop(key, None)
        return question.items

    def add(self, key: Key, item: Any) -> bool:
        """Keep one answer; False where nobody asked."""
        question = self._open.get(key)
        if question is None:
            return False
        question.items.append(item)
        return True

    def end(self, key: Key) -> None:
        """The End marker came."""
        question = self._open.get(key)
        if question is not None and not question.done.done():
            question.done.set_result(None)

    def fail(self, key: Key, text: str, *, passing: bool = False) -> bool:
        """The broker refused (`passing`: only for the moment); False where nobody asked."""
        question = self._open.get(key)
        if question is None:
            return False
        if not question.done.done():
            question.done.set_exception(PassingError(text) if passing else BrokerError(text))
        return True

    def fail_all(self, text: str) -> None:
        """The line is gone: every open question ends with that."""
        for key in tuple(self._open):
            self.fail(key, text)
