"""Publishes the Snapshot: market data at most ten times a second, everything else at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.api import Snapshot

MARKET_INTERVAL_S = 0.1
"""Market data alone changes the snapshot at most this often."""


class Publisher:
    """Rebinds `latest`; what it shows is durable, because it waits for the books to settle first."""

    def __init__(
        self, first: Snapshot, *, build: Callable[[int], Snapshot], settled: Callable[[], Awaitable[None]]
    ) -> None:
        self._latest = first
        self._build = build
        self._settled = settled
        self._wake = asyncio.Event()
        self._is_urgent = False
        self._is_dirty = False
        self._listeners: list[Callable[[bool], None]] = []

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._latest

    def subscribe(self, on_change: Callable[[bool], None]) -> Callable[[], None]:
        """Call `on_change(urgent)` on the engine loop after each publication."""
        self._listeners.append(on_change)

        def end() -> None:
            if on_change in self._listeners:
                self._listeners.remove(on_change)

        return end

    def touch(self) -> None:
        """Market data moved: the next regular publication shows it."""
        self._is_dirty = True

    def urge(self) -> None:
        """Something happened that must be seen at once."""
        self._is_urgent = True
        self._wake.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            try:
                async with asyncio.timeout(MARKET_INTERVAL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass  # the regular beat
            self._wake.clear()
            if self._is_urgent or self._is_dirty:
                await self.publish()

    async def publish(self) -> None:
        """Build and publish one snapshot now."""
        await self._settled()
        urgent, self._is_urgent, self._is_dirty = self._is_urgent, False, False
        self._latest = self._build(self._latest.seq + 1)
        for listener in tuple(self._listeners):
            listener(urgent)
