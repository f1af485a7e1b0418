"""A loop whose time is virtual and whose order of ready callbacks follows a seed; a process on it can die.

An *incarnation* is one life of the engine. What it schedules carries it in its context; once it is dead,
nothing of it ever runs again: no finally block, no timer. That is what kill -9 looks like from outside.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

START_S = 1000.0
_SPINS = 200_000
"""Callbacks at one and the same instant after which nothing waits for anything any more."""


class SpinningError(Exception):
    """Time stands still: the engine runs in a circle."""


class Incarnation:
    """One life of the engine."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.hung: list[asyncio.Handle] | None = None
        """What waits to run while the process hangs; None while it runs."""
        self.context = copy_context()
        self.context.run(_LIFE.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self._most = 64

    def add(self, task: asyncio.Task[Any]) -> None:
        """Hold a task of this life, so that it is not torn down before its time."""
        self._tasks.append(task)
        if len(self._tasks) > self._most:
            self._tasks = [t for t in self._tasks if not t.done()]
            self._most = 2 * len(self._tasks) + 64

    def bury(self) -> None:
        """Let go of a dead life's coroutines. Their last words go nowhere: its ports are dead."""
        for task in self._tasks:
            if task.done():
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it was killed, not forgotten
            for coroutine in reversed(_chain(task.get_coro())):
                _close(coroutine)
        self._tasks.clear()


def _chain(coroutine: Any) -> list[Any]:
    """A suspended coroutine and whatever it awaits, outermost first."""
    found = []
    while hasattr(coroutine, "cr_await"):
        found.append(coroutine)
        coroutine = coroutine.cr_await
    return found


def _close(coroutine: Any) -> None:
    """End it here. One that awaits in its last words is cut off again; a dead process says nothing at all."""
    for _ in range(20):
        try:
            coroutine.close()
        except BaseException:
            if coroutine.cr_frame is not None:
                continue
        return


_LIFE: ContextVar[Incarnation | None] = ContextVar("life", default=None)


def life_of(context: Context) -> Incarnation | None:
    """The life that scheduled something; None for the world around the engine."""
    return context.get(_LIFE)


class StormLoop(asyncio.BaseEventLoop):
    """No selector, no threads, no real time; equal times in an order that the seed draws."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._rng = random.Random(f"loop {seed}")
        self._now_s = START_S
        self._ready: deque[asyncio.Handle]
        self._scheduled: list[asyncio.TimerHandle]
        self.world = copy_context()
        """The context of everything that is not the engine."""
        self.after: Callable[[], None] = lambda: None
        """Called after each callback."""
        self.steps = 0
        self._spins = 0
        self.set_task_factory(_task)  # type: ignore[arg-type]  # typeshed knows the call without context only

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def thaw(self, life: Incarnation) -> None:
        """A process that hung goes on: all that waited runs now, as late as it is."""
        waiting, life.hung = life.hung or [], None
        self._ready.extend(waiting)

    def later(self, delay_s: float, act: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """`call_later` for the world: it happens also where the engine that caused it is dead by then."""
        return self.call_later(delay_s, act, *args, context=self.world)

    def run_in_executor(  # type: ignore[override]  # passes on whatever the base class takes
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        """Inline: a thread would bring back real time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as err:
            future.set_exception(err)
        return future

    def _run_once(self) -> None:
        if not self._ready:
            self._jump()
        while self._scheduled and self._scheduled[0].when() <= self._now_s:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]  # as the base class does
            self._ready.append(timer)
        if self._spins > _SPINS:
            raise SpinningError(f"{self._spins} steps at {self._now_s - START_S:.3f} s: the engine spins")
        batch = list(self._ready)
        self._ready.clear()
        if len(batch) > 1:
            self._rng.shuffle(batch)
        for handle in batch:
            if handle._cancelled:  # as the base class does
                continue
            life = life_of(handle._context)  # type: ignore[attr-defined]  # where it came from
            if life is not None and not life.alive:
                continue
            if life is not None and life.hung is not None:
                life.hung.append(handle)
                continue
            self.steps += 1
            self._spins += 1
            handle._run()
            self.after()

    def _jump(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]  # as the base class
        if not self._scheduled:
            raise RuntimeError("nothing will ever happen: no timer, nothing ready")
        self._now_s = max(self._now_s, self._scheduled[0].when())
        self._spins = 0

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """They go when their time comes."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""

    def _process_events(self, event_list: object) -> None:
        """There is none."""


def _task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], context: Context | None = None
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
    life = life_of(context or copy_context())
    if life is not None:
        life.add(task)
    return task
