"""The newest snapshot for every front end, from the first instant of booting to the last word.

Before the engine exists it serves a BOOTING snapshot; after that it forwards the engine's own. Reading
and subscribing are safe from any thread; callbacks run on the engine loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from engine.api import EngineState, Mode, SessionView, Snapshot
from engine.runtime.process.core import SnapshotSource
from engine.runtime.process.listeners import Listeners

OnChange = Callable[[bool], None]


class SnapshotFeed:
    """A SnapshotSource that outlives the engine behind it."""

    def __init__(self, first: Snapshot) -> None:
        self._latest = first
        self._source: SnapshotSource | None = None
        self._listeners: Listeners[OnChange] = Listeners()

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        source = self._source
        return source.latest if source is not None else self._latest

    def subscribe(self, on_change: OnChange) -> Callable[[], None]:
        """Call `on_change(urgent)` after each publication; returns how to end it."""
        return self._listeners.add(on_change)

    def report(self, text: str) -> None:
        """Say what booting is waiting for; only while there is no engine yet."""
        if self._source is None:
            self._publish(replace(self._latest, state_reason=text))

    def follow(self, source: SnapshotSource) -> None:
        """From now on the snapshots are the engine's own."""
        source.subscribe(self._changed)
        self._source = source
        self._changed(urgent=True)

    def end(self, reason: str) -> None:
        """The engine is gone: its last snapshot stays, marked STOPPED for `reason`."""
        last = self.latest
        self._source = None
        stopped = last.engine_state is EngineState.STOPPED
        self._publish(
            replace(
                last,
                engine_state=EngineState.STOPPED,
                state_reason=last.state_reason if stopped and not reason else reason,
                entries_allowed=False,
                entries_text="engine stopped",
            )
        )

    def _publish(self, snapshot: Snapshot) -> None:
        self._latest = replace(snapshot, seq=snapshot.seq + 1, as_of=datetime.now(UTC))
        self._changed(urgent=True)

    def _changed(self, urgent: bool) -> None:
        for listener in self._listeners:
            listener(urgent)


_BOOT_SEQ: Final = -1_000_000
"""Boot snapshots count up from here, so that the engine's own, from 0 on, always come after them."""


def booting_snapshot(*, mode: Mode, gateway: str, run_id: str, version: str) -> Snapshot:
    """What a front end sees before there is an engine: nothing known, nothing allowed."""
    now = datetime.now(UTC)
    return Snapshot(
        seq=_BOOT_SEQ,
        as_of=now,
        engine_state=EngineState.BOOTING,
        state_reason="starting",
        mode=mode,
        gateway=gateway,
        gateway_text="simulated prices" if gateway == "embedded" else "IBKR",
        account="",
        session=SessionView(now=now),
        entries_allowed=False,
        entries_text="booting",
        connected=False,
        data_age_s=None,
        run_id=run_id,
        pid=os.getpid(),
        version=version,
        read_only=mode is Mode.DRY_RUN,
    )
