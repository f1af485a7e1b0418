"""What outlives the process besides bookings, as one part: checkpoints, backups, the last save."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from engine.api import Level
from engine.domain.market import Bar
from engine.runtime.alerts.channel_watch import ChannelWatch
from engine.runtime.alerts.channels import AlertChannels, apprise_send
from engine.runtime.alerts.keeper import AlertKeeper
from engine.runtime.alerts.trial import plan_of
from engine.runtime.desk import Desk
from engine.runtime.keeping.checkpoint import Checkpoints, LastState
from engine.runtime.keeping.day_report import DayReport
from engine.runtime.keeping.housekeeping import Housekeeping, tell_opening
from engine.runtime.keeping.recorder import Recorder
from engine.runtime.learning.keeper import LearningKeeper
from engine.runtime.learning.recall import Learnt
from engine.runtime.running import Running
from engine.store.operations import StoredState
from engine.store.store import Store


@dataclass(frozen=True, slots=True)
class Left:
    """What the run before left besides bookings, and how its rows were found."""

    last: LastState = field(default_factory=LastState)
    rederived: tuple[str, ...] = ()
    """Keys whose stored position was not what the bookings add up to."""
    warning: str = ""
    """Why this run can keep nothing; empty where it can."""
    keeps_backups: bool = True
    """False where the store is no file that could be copied."""
    learnt: Mapping[str, Learnt] = field(default_factory=dict)
    """What strategies had learnt, by their names."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Steps of the engine's regular round, and the last save."""

    checkpoints: Checkpoints
    housekeeping: Housekeeping
    recorder: Recorder
    alerts: AlertKeeper
    channels: AlertChannels
    channel_watch: ChannelWatch
    days: DayReport
    learning: LearningKeeper

    @classmethod
    def make(
        cls,
        desk: Desk,
        store: Store,
        stored: StoredState,
        running: Sequence[Running],
        *,
        left: Left,
        run_id: str,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> Memory:
        """Continue what the run before left, and tell what was wrong with it."""
        keeper = AlertKeeper(desk.notices, store=store, spawn=spawn)
        redactor = desk.notices.redactor
        channels = AlertChannels(
            plan_of(desk.config),
            make_send=partial(apprise_send, environ=os.environ, learn=redactor.learn),
            hide=redactor.for_log,
        )
        desk.notices.on_told(channels.hear)
        desk.notices.restore(stored.alerts, highest_id=stored.highest_alert_id)
        tell_opening(desk, store.opening, left.rederived)
        if left.warning:
            desk.notices.raise_alert(Level.WARNING, "not_kept", left.warning)
        days = DayReport(desk, database=store.path, run_id=run_id, spawn=spawn)
        desk.books.on_changes(days.on_changes)
        return cls(
            Checkpoints(desk, store=store, running=running, last=left.last),
            Housekeeping(desk, store=store, spawn=spawn, keeps_backups=left.keeps_backups),
            Recorder(
                desk.session_log,
                store=store,
                quotes=desk.quotes,
                instruments=desk.instruments,
                values=desk.values,
                now=desk.now,
                monotonic=desk.clock.monotonic,
            ),
            keeper,
            channels,
            ChannelWatch(desk.notices, states=lambda: channels.states),
            days,
            LearningKeeper(desk, store=store, running=running, learnt=left.learnt),
        )

    def chores(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What is to be done every second or so, by name."""
        return {
            "alerts": self.alerts.round,
            "channels": self.channel_watch.round,
            "record": self.recorder.round,
            "checkpoint": self.checkpoints.round,
            "backup": self.housekeeping.round,
            "days": self.days.round,
            "learning": self.learning.round,
        }

    def on_bar(self, bar: Bar) -> None:
        """A bar of the live stream: for the next checkpoint and for the record."""
        self.checkpoints.keep((bar,))
        self.checkpoints.on_bars((bar,))
        self.recorder.on_bar(bar)

    async def save(self) -> None:
        """The last save, at a graceful end."""
        await self.checkpoints.save()
        await self.learning.save()
        await self.recorder.close()
        await self.alerts.save()

    async def close(self) -> None:
        """The last backup, and the last words to the channels; after the save."""
        await self.housekeeping.last_backup()
        await asyncio.to_thread(self.channels.close)
