"""An event loop whose time jumps to the next timer when nothing is left to do: no test waits for a clock."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

_STUCK_S = 30.0
"""Real seconds without any event after which a test that waits for nothing is called stuck."""


class _JumpingSelector(selectors.DefaultSelector):
    """Answers at once; where the loop wants to wait for a timer, moves the virtual time there instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.busy: list[Callable[[], bool]] = []

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if timeout is None or any(is_busy() for is_busy in self.busy):
            # Another thread (the store's writer) owes an answer: its real time is not ours to skip.
            events = super().select(_STUCK_S)
            assert events, "nothing will ever happen: no timer, no thread that works"
            return events
        self.now_s += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual. While `busy` says so, threads get the real time they need."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._in_threads = 0
        self.busy(lambda: self._in_threads > 0)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.now_s

    def busy(self, is_busy: Callable[[], bool]) -> None:
        """Do not skip time while `is_busy()`."""
        self._jumping.busy.append(is_busy)

    def run_in_executor(  # type: ignore[override]  # passes on whatever the base class takes
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        """As usual, and counted, so that no time is skipped under it."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: object) -> None:
        self._in_threads -= 1


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a loop with virtual time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now_s() -> float:
    """Virtual time of the running loop."""
    return asyncio.get_running_loop().time()


async def pass_time(seconds: float) -> None:
    """Let virtual time pass; everything due until then happens."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, done.set_result, None)
    await done
