"""Notes on decisions, taken down once the orders they led to are on their way to the disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Later:
    """As a context it is around the turn on which acts begin: what is noted in it waits for its end."""

    __slots__ = ("is_held", "notes")

    def __init__(self) -> None:
        self.notes: deque[Callable[[], None]] = deque()
        """What is to be called; whoever adds one outside of the context calls `soon`."""
        self.is_held = False
        """True inside of the context."""

    def __enter__(self) -> None:
        self.is_held = True

    def __exit__(self, *_: object) -> None:
        self.is_held = False
        if self.notes:
            self.soon()

    def soon(self) -> None:
        """Take them down on the next turn of the loop."""
        asyncio.get_running_loop().call_soon(self.take_down)

    def take_down(self) -> None:
        """Take them down now, in the order in which they came."""
        while self.notes:
            self.notes.popleft()()
