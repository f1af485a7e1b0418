"""Begins a coroutine at once and leaves the rest of it to a task, as Python 3.12 does with eager tasks.

A task begins a turn of the loop later, behind whatever the line delivered meanwhile. What a bar decides is
handed to the store first and costs that turn while the disk works.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any


def begin(work: Coroutine[Any, Any, object]) -> Coroutine[Any, Any, None] | None:
    """Run `work` up to where it first waits; the rest of it, to be awaited, or None where it is done.

    Until then it is part of its caller: what it raises is raised here, and it cannot use what needs a task
    of its own (`asyncio.timeout`). What it returns is dropped.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return _go_on(work, waits_for)


async def _go_on(work: Coroutine[Any, Any, object], waits_for: object) -> None:
    await _Rest(work, waits_for)


class _Rest:
    """Awaited, it waits for what the coroutine waits for and hands it every answer."""

    __slots__ = ("_waits_for", "_work")

    def __init__(self, work: Coroutine[Any, Any, object], waits_for: object) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        while True:
            error: BaseException | None = None
            answer: Any = None
            try:
                answer = yield self._waits_for
            except GeneratorExit:
                self._work.close()
                raise
            except BaseException as err:  # noqa: BLE001 - a cancellation, say, is the coroutine's to answer
                error = err
            try:
                self._waits_for = self._work.send(answer) if error is None else self._work.throw(error)
            except StopIteration:
                return
