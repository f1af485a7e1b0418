"""Waiting for a condition with a deadline: the only way a test may let real time pass."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_STEP_S = 0.01


def eventually(
    condition: Callable[[], T], *, within_s: float = 60.0, step_s: float = _STEP_S, why: str = ""
) -> T:
    """The first truthy result of `condition`, asked every `step_s`; AssertionError after `within_s`."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {within_s} s: {why or condition}; last: {result!r}"
        pause.wait(step_s)


async def eventually_async(
    condition: Callable[[], T | Awaitable[T]], *, within_s: float = 60.0, why: str = ""
) -> T:
    """Like `eventually`, on a running loop; `condition` may be a coroutine function."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        outcome = condition()
        result: T = await outcome if isinstance(outcome, Awaitable) else outcome
        if result:
            return result
        assert loop.time() < deadline, f"not within {within_s} s: {why or condition}; last: {result!r}"
        waker = loop.create_future()
        loop.call_later(_STEP_S, waker.set_result, None)
        await waker


async def lateness_s(ended: asyncio.Event) -> float:
    """How late this machine runs a timer until then: what it cannot do itself is no fault of the engine."""
    worst_s = 0.0
    while not ended.is_set():
        began_s = time.monotonic()
        await asyncio.sleep(_STEP_S)
        worst_s = max(worst_s, time.monotonic() - began_s - _STEP_S)
    return worst_s
