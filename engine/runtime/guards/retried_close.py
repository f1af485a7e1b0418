"""Closes a position for a guard: once, and again after a pause for as long as it is not flat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.domain.instrument import Instrument
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.execution.executor import CloseStatus, Executor
from engine.runtime.desk import Desk
from engine.runtime.guards.forced import tell_forced


class RetriedClose:
    """One per guard; what it tried is remembered per instrument until `forget`."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
        reason: Reason,
        retry_s: float,
        on_failed: Callable[[str, str], None],
    ) -> None:
        """`on_failed` is told the key and why it is not flat; `retry_s` are real seconds."""
        self._desk = desk
        self._executor = executor
        self._spawn = spawn
        self._reason = reason
        self._retry_s = retry_s
        self._on_failed = on_failed
        self._tried_s: dict[str, float] = {}

    @property
    def tried(self) -> frozenset[str]:
        """Keys that were tried since they were last forgotten."""
        return frozenset(self._tried_s)

    def forget(self, key: str) -> None:
        """The next try may come at once."""
        self._tried_s.pop(key, None)

    def is_due(self, key: str) -> bool:
        """True where it may be tried now; then the pause begins anew.

        Not while the fate of an order of it is unknown: no close could be proven safe.
        """
        now_s = self._desk.clock.monotonic()
        waits = now_s - self._tried_s.get(key, float("-inf")) < self._retry_s
        if waits or self._desk.books.unknown_orders(key):
            return False
        self._tried_s[key] = now_s
        return True

    def close(self, key: str, instrument: Instrument, *, name: str, forced: str = "") -> None:
        """Close it in a task called `name`; `forced` is told to people where no strategy asked for it."""
        self._spawn(name, partial(self._close_now, key, instrument, forced))

    async def _close_now(self, key: str, instrument: Instrument, forced: str) -> None:
        if forced:
            tell_forced(self._desk, key, forced)
        result = await self._executor.close(key, instrument, role=Role.FLATTEN, reason=self._reason)
        if result.status is CloseStatus.NOT_FLAT:
            self._on_failed(key, f"tried again in {self._retry_s:.0f} s: {result.text}")
