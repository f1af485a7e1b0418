"""Waiting for the books to show something, with a deadline in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Wakes waiting coroutines whenever the books changed durably."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] = {}
        """In order of asking: who asked first is woken first."""

    def notify(self) -> None:
        """The books changed: every waiter looks again."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """True as soon as `condition()` holds; False where it still does not after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting[future] = None
                    try:
                        await future
                    finally:
                        self._waiting.pop(future, None)
        except TimeoutError:
            return condition()
        return True
