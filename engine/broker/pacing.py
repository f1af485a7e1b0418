"""Who may send next: one priority queue with the broker's message budget, before the library.

The library's own throttle is one FIFO: a cancel behind 600 requests would wait 13 s in it. Here a cancel
overtakes everything, some of each second's budget is kept for orders and cancels, and whatever still
waits when the line is lost is known never to have been sent.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from engine.broker.port import NotSentError


class Priority(IntEnum):
    """Who overtakes whom; smaller goes first."""

    CANCEL = 0
    ORDER = 1
    CONTROL = 2
    """Heartbeat and reconciliation: what tells whether the picture is still true."""
    DATA = 3
    HISTORY = 4
    OTHER = 5


WINDOW_S: Final = 1.05
"""Slightly more than the broker's second: arrival times jitter against sending times."""
_DUST_S: Final = 1e-6
"""Sums of floats miss their aim by dust; without this a wait of 1e-16 s could repeat for ever."""
CEILING: Final = {
    Priority.CANCEL: 48,
    Priority.ORDER: 46,
    Priority.CONTROL: 40,
    Priority.DATA: 36,
    Priority.HISTORY: 36,
    Priority.OTHER: 36,
}
"""Messages of one window after which this priority waits (the broker counts 50 a second, all together)."""


class Job(NamedTuple):
    """One piece that goes out whole: a request, or the orders of one bracket."""

    what: str
    cost: int
    """Messages it consists of."""
    write: Callable[[], None]
    sent: asyncio.Future[None]


class PacingQueue:
    """The pure part: which job may go at a given time. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[Priority, int, Job]] = []
        self._order = itertools.count()
        self._spent: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, job: Job, *, priority: Priority) -> None:
        """Queue a job behind those of its own priority and before all lower ones."""
        heapq.heappush(self._heap, (priority, next(self._order), job))

    def take(self, now_s: float) -> Job | None:
        """The next job if the budget allows it now; its messages are counted as spent."""
        if not self._heap:
            return None
        self._forget(now_s)
        self._skip_withdrawn()
        if not self._heap:
            return None
        priority, _, job = self._heap[0]
        if len(self._spent) + job.cost > CEILING[priority] and self._spent:
            return None
        heapq.heappop(self._heap)
        self._spent.extend([now_s] * job.cost)
        return job

    def spend(self, now_s: float, priority: Priority, cost: int) -> bool:
        """Count so many messages as sent past the queue; False where one waits or the budget is used up."""
        if self._heap:
            return False
        self._forget(now_s)
        if self._spent and len(self._spent) + cost > CEILING[priority]:
            return False
        self._spent.extend([now_s] * cost)
        return True

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until `take` can give the next job; None where nothing waits."""
        self._forget(now_s)
        self._skip_withdrawn()
        if not self._heap:
            return None
        priority, _, job = self._heap[0]
        excess = len(self._spent) + job.cost - CEILING[priority]
        if excess <= 0 or not self._spent:
            return 0.0
        last_to_expire = self._spent[min(excess, len(self._spent)) - 1]
        return max(0.0, last_to_expire + WINDOW_S - now_s)

    def drain(self) -> list[Job]:
        """Take everything that waits, best first; for a lost line."""
        jobs = [job for _, _, job in sorted(self._heap, key=lambda entry: entry[:2])]
        self._heap.clear()
        return jobs

    def _forget(self, now_s: float) -> None:
        while self._spent and now_s - self._spent[0] >= WINDOW_S - _DUST_S:
            self._spent.popleft()

    def _skip_withdrawn(self) -> None:
        while self._heap and self._heap[0][2].sent.done():
            heapq.heappop(self._heap)


class Sender:
    """The shell: writes jobs to the transport as the queue allows and tells when the kernel has them.

    A job's bytes are with the kernel when the transport kept none of them back. While it keeps some (the
    peer does not read), no further job is handed to it, so that everything still queued is provably unsent.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._queue = PacingQueue()
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._blocked = False
        self._in_transport: list[Job] = []
        self._closed = ""

    def submit(
        self, write: Callable[[], None], *, priority: Priority, what: str, cost: int = 1
    ) -> asyncio.Future[None]:
        """Queue `write`; the future ends when the bytes are with the kernel.

        It raises NotSentError where the line was lost first. Cancelling it withdraws a job that still waits.
        """
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        job = Job(what, cost, write, sent)
        if self._closed:
            sent.set_exception(_never_sent(what, self._closed))
            return sent
        self._queue.push(job, priority=priority)
        self._pump()
        return sent

    def post(self, write: Callable[[], None], *, priority: Priority, what: str) -> asyncio.Future[None]:
        """Like `submit`, for requests nobody waits for: a lost line is told by its own event."""
        sent = self.submit(write, priority=priority, what=what)
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())
        return sent

    async def deliver(
        self, write: Callable[[], None], *, priority: Priority, what: str, timeout_s: float, cost: int = 1
    ) -> None:
        """Send and wait until the bytes are with the kernel.

        Raises NotSentError where they never left our queue: line lost, or no room within `timeout_s`.
        Returns also where the transport took them and the kernel did not yet: they may leave any time.
        """
        is_free = not self._blocked and not self._closed
        if is_free and self._queue.spend(self._clock(), priority, cost):
            # Nothing waits, so it need not be queued: an order's bytes leave a dozen calls sooner.
            try:
                write()
            except ConnectionError as error:
                raise _never_sent(what, str(error) or "the line is closed") from error
            if not self._blocked:
                return
            sent = asyncio.get_running_loop().create_future()
            self._in_transport.append(Job(what, cost, write, sent))
        else:
            sent = self.submit(write, priority=priority, what=what, cost=cost)
        try:
            await asyncio.wait((sent,), timeout=timeout_s)
        finally:
            self.withdraw(sent)
        if sent.cancelled():
            raise NotSentError(
                f"{what} was never sent: for {timeout_s:g} s the message budget was used up or the peer "
                "did not read"
            )
        if sent.done():
            sent.result()

    def withdraw(self, sent: asyncio.Future[None]) -> bool:
        """Take a job back; False where its bytes are with the transport already."""
        return not any(job.sent is sent for job in self._in_transport) and sent.cancel()

    def on_blocked(self) -> None:
        """The transport kept bytes back (its `pause_writing`)."""
        self._blocked = True

    def on_drained(self) -> None:
        """The kernel took everything (its `resume_writing`)."""
        self._blocked = False
        for job in self._in_transport:
            _resolve(job.sent)
        self._in_transport.clear()
        self._pump()

    def close(self, why: str) -> int:
        """Drop what waits, as never sent; how many jobs that were.

        Bytes the transport already had may or may not have left: those jobs end as sent, because only
        that is safe to assume of an order.
        """
        self._closed = why
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for job in self._in_transport:
            _resolve(job.sent)
        self._in_transport.clear()
        dropped = [job for job in self._queue.drain() if not job.sent.done()]
        for job in dropped:
            job.sent.set_exception(_never_sent(job.what, why))
        return len(dropped)

    def _pump(self) -> None:
        while not self._blocked and not self._closed:
            job = self._queue.take(self._clock())
            if job is None:
                break
            self._write(job)
        self._arm()

    def _write(self, job: Job) -> None:
        try:
            job.write()
        except ConnectionError as error:
            job.sent.set_exception(_never_sent(job.what, str(error) or "the line is closed"))
            return
        except Exception as error:  # noqa: BLE001 - its asker hears it; the queue behind it must go on
            job.sent.set_exception(error)
            return
        if self._blocked:
            self._in_transport.append(job)
        else:
            _resolve(job.sent)

    def _arm(self) -> None:
        wait_s = None if self._closed or self._blocked else self._queue.wait_s(self._clock())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)


def _resolve(sent: asyncio.Future[None]) -> None:
    if not sent.done():
        sent.set_result(None)


def _never_sent(what: str, why: str) -> NotSentError:
    return NotSentError(f"{what} was never sent: {why}")


class HistoryPacing:
    """The rules for bars of 30 s and less: 60 in 10 min, 5 per contract in 2 s, no repeat in 15 s.

    New lines of live 5-second bars count among the 60, too. They wait for one another alone: a line is worth
    more than history, which live bars replace in time.
    """

    _WINDOW_S: Final = 600.0
    _MOST: Final = 60
    _BURST_S: Final = 2.0
    _BURST_MOST: Final = 5
    _IDENTICAL_S: Final = 15.0

    def __init__(self, *, most_live: int = _MOST) -> None:
        """`most_live` new lines of live bars go out in 10 min; 0 = the broker does not count them."""
        self._asked: deque[tuple[float, str, str]] = deque()
        self._live: deque[float] = deque(maxlen=most_live)

    def live_wait_s(self, now_s: float) -> float:
        """Seconds until one more line of live bars may be asked for, 0 = now."""
        if len(self._live) < (self._live.maxlen or 1):
            return 0.0
        return max(0.0, self._live[0] + self._WINDOW_S - now_s)

    def asked_live(self, now_s: float, *, line: str) -> None:
        """Count a line of live bars that is asked for now."""
        if not self._live.maxlen:
            return
        self._live.append(now_s)
        self._asked.append((now_s, line, f"live bars of {line}, {now_s}"))

    def wait_s(self, now_s: float, *, line: str, request: str) -> float:
        """Seconds to wait, 0 = ask now. `line` names the contract, `request` the whole question."""
        self._forget(now_s)
        ready_s = now_s
        if len(self._asked) >= self._MOST:
            # Live bars go out at once, behind history whose turn is told already: by time, not as they came.
            ready_s = max(ready_s, sorted(at for at, _, _ in self._asked)[-self._MOST] + self._WINDOW_S)
        same_line = [at for at, asked, _ in self._asked if asked == line]
        if len(same_line) >= self._BURST_MOST:
            ready_s = max(ready_s, same_line[-self._BURST_MOST] + self._BURST_S)
        same = [at for at, _, asked in self._asked if asked == request]
        if same:
            ready_s = max(ready_s, same[-1] + self._IDENTICAL_S)
        return ready_s - now_s

    def asked(self, at_s: float, *, line: str, request: str) -> None:
        """Count a request that goes out at `at_s` (which may lie ahead)."""
        self._asked.append((at_s, line, request))

    def _forget(self, now_s: float) -> None:
        while self._asked and now_s - self._asked[0][0] >= self._WINDOW_S:
            self._asked.popleft()
