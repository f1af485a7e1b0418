"""Publishes the Snapshot: market data at most ten times a second, everything else at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

from engine.api import Snapshot

MARKET_INTERVAL_S = 0.1
"""Market data alone changes the snapshot at most this often."""

GATHER_S = 0.002
"""An order's steps come in a burst: one snapshot shows them, and does not stand in their way."""

SILENCE_S = 1.0
"""A front end takes a longer silence for a dead engine: this often there is news even when there is none."""


class Publisher:
    """Rebinds `latest`; what it shows is durable, because it waits for the books to settle first."""

    def __init__(
        self,
        first: Snapshot,
        *,
        build: Callable[[int], Snapshot],
        settled: Callable[[], Awaitable[None]],
        guarded: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        """`guarded` takes the errors of what it is named after, so that the next turn comes all the same."""
        self._latest = first
        self._build = build
        self._settled = settled
        self._guarded = guarded
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
        loop = asyncio.get_running_loop()
        published_s = loop.time()
        while True:
            try:
                async with asyncio.timeout(MARKET_INTERVAL_S):
                    await self._wake.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass  # the regular beat
            self._wake.clear()
            if self._is_urgent or self._is_dirty or loop.time() - published_s >= SILENCE_S:
                seq = self._latest.seq
                with self._guarded("publisher"):
                    await self.publish()
                if self._latest.seq == seq:
                    await asyncio.sleep(SILENCE_S)  # it failed: not ten times a second
                published_s = loop.time()

    async def publish(self) -> None:
        """Build and publish one snapshot now."""
        await self._settled()
        urgent, self._is_urgent, self._is_dirty = self._is_urgent, False, False
        self._latest = self._build(self._latest.seq + 1)
        for listener in tuple(self._listeners):
            with self._guarded("a front end"):
                listener(urgent)
