"""Saves every ten seconds what no booking holds (bars, analytics, last bars), and continues it at a start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from engine.api import EngineState, Level, WhyNot
from engine.domain.market import Bar
from engine.recovery.checkpoint import (
    KEPT_BARS,
    Checkpoint,
    Restored,
    Said,
    age_warning,
    checkpoint_of,
    continued,
    document,
    holes,
    joined,
    why_dropped,
)
from engine.runtime.daypnl import trading_day
from engine.runtime.desk import Desk
from engine.runtime.running import Running
from engine.runtime.trading import LIVE_BAR_SECONDS
from engine.runtime.upkeep import ROUND_S
from engine.store.checkpoint import StoredCheckpoint, put_checkpoint
from engine.store.errors import StoreError

_log = structlog.get_logger("engine")

_MOST_PENDING = 100_000
"""Bars that wait while the disk takes none: a full buffer of more instruments than there are data lines."""


class CheckpointStore(Protocol):
    """The part of the store that takes checkpoints."""

    @property
    def healthy(self) -> bool:
        """True while it writes."""
        ...

    async def run(self, function: Callable[..., None]) -> None:
        """One whole transaction; raises StoreError."""
        ...


class LastState(NamedTuple):
    """What the run before left behind."""

    checkpoint: StoredCheckpoint | None = None
    unreadable: str = ""
    """Why a checkpoint that is there could not be read."""
    saved_at: datetime | None = None
    """Last change of the state, exchange time; None on a first start."""


class Checkpoints:
    """Owner of what is continued. Lives on the engine's loop; writing happens in the store's thread."""

    def __init__(
        self, desk: Desk, *, store: CheckpointStore, running: Sequence[Running], last: LastState
    ) -> None:
        self._desk = desk
        self._store = store
        self._running = running
        self._pending: deque[Bar] = deque(maxlen=_MOST_PENDING)
        self._next_save_s = float("-inf")
        self._is_recovered = False
        self._day = trading_day(desk.now())
        self._session_started_at = desk.now()
        self.on_bars: Callable[[Sequence[Bar]], None] = lambda _: None
        """Called with each live bar, and with those of each warm-up, oldest first."""
        self._bars: dict[str, tuple[Bar, ...]] = {}
        """Bars of the run before, until their instrument is warm."""
        self._restore(last)

    # --- continuing -----------------------------------------------------------------------------

    def _restore(self, last: LastState) -> None:
        desk, now = self._desk, self._desk.now()
        old = age_warning(last.saved_at, now=now, most_h=desk.config.state.stale_warn_h)
        if old:
            desk.notices.raise_alert(Level.WARNING, "state_old", old)
        if last.checkpoint is None:
            if last.unreadable:
                self._dropped(last.unreadable)
            return
        at, day, data, bars = last.checkpoint
        try:
            found = checkpoint_of(at, day, data)
        except ValueError as err:
            self._dropped(str(err))
            return
        why = why_dropped(found, now=now, today=self._day)
        if why:
            self._dropped(why)
            return
        self._bars = dict(bars)
        self._continue(found)

    def _dropped(self, why: str) -> None:
        text = f"bars, analytics and session of the run before are not continued: {why}"
        self._desk.notices.event(Level.INFO, "engine", text)

    def _continue(self, found: Checkpoint) -> None:
        desk = self._desk
        self._session_started_at = found.session_started_at
        desk.analytics.filter_blocks.update(found.filter_blocks or {})
        desk.analytics.entry_paths.update(found.entry_paths or {})
        carried = found.carried_usd or {}
        desk.carried.usd = {key: usd for key, usd in carried.items() if usd is not None}
        desk.carried.waiting = {key for key, usd in carried.items() if usd is None}
        for said in found.why_not:
            refusal = WhyNot(said.key, said.strategy, said.code, said.text, said.at)
            desk.why_not[said.strategy, said.key] = refusal
        for running in self._running:
            name = running.strategy.name
            running.last_bars.update({k: end for (s, k), end in (found.last_bars or {}).items() if s == name})

    def restored_bars(self, key: str) -> Restored:
        """The 5-second bars of an instrument that can be continued now."""
        bars = self._bars.get(key, ())
        return continued(bars, now=self._desk.now(), most_gap_s=self._desk.config.data.max_gap_s)

    def warmed(self, key: str, ours: Restored, history: Sequence[Bar]) -> tuple[Bar, ...]:
        """Both joined for the warm-up, kept, and what is still missing told: it is never made up."""
        self._bars.pop(key, None)
        if ours.why_not:
            text = f"{key}: its stored bars are not continued, {ours.why_not}; warming up anew"
            self._desk.notices.event(Level.INFO, "engine", text, symbol=key)
        bars = joined(ours.bars, history)
        self.keep(history)
        self.on_bars(bars)
        if ours.bars:
            self._tell_continued(key, ours, bars)
        return bars

    def _tell_continued(self, key: str, ours: Restored, bars: Sequence[Bar]) -> None:
        found = len(bars) - len(ours.bars)
        instrument = self._desk.instruments.get(key)
        open_hours = () if instrument is None else instrument.liquid_hours
        # A break of the session is none; where its hours are not known each gap counts.
        gaps = [
            (begin, end)
            for begin, end in holes(bars)
            if not open_hours or any(span.open < end and span.close > begin for span in open_hours)
        ]
        left = "; ".join(f"{begin:%H:%M:%S}-{end:%H:%M:%S} UTC" for begin, end in gaps)
        told = f"{key}: {len(ours.bars)} bars continued, {found} filled in from history"
        if gaps or (not found and ours.missing):
            marked = left or f"the last {ours.missing} bars"
            text = f"{told}; missing and not made up: {marked}"
            self._desk.notices.event(Level.WARNING, "engine", text, symbol=key)
        else:
            _log.info("bars.continued", symbol=key, restored=len(ours.bars), filled_in=found)

    # --- saving ---------------------------------------------------------------------------------

    def keep(self, bars: Iterable[Bar]) -> None:
        """Remember 5-second bars, live or of the past, for the next checkpoint."""
        self._pending.extend(bar for bar in bars if bar.seconds == LIVE_BAR_SECONDS)

    async def round(self) -> None:
        """Save where it is time: at the last round before it would be too late. Recovery comes first."""
        if not self._is_recovered:
            self._is_recovered = self._desk.state in {EngineState.READY, EngineState.ORPHANS}
            return
        now_s = self._desk.clock.monotonic()
        if now_s + ROUND_S > self._next_save_s and self._store.healthy:
            self._next_save_s = now_s + self._desk.config.state.checkpoint_s
            await self.save()

    async def save(self) -> None:
        """Write one checkpoint. What the disk does not take is tried again with the next one."""
        now = self._checkpoint()
        bars = tuple(self._pending)
        self._pending.clear()
        write = partial(
            put_checkpoint,
            document=document(now),
            bars=bars,
            at=now.at,
            day=now.day,
            kept_bars=KEPT_BARS,
        )
        try:
            await self._store.run(write)
        except StoreError as err:
            self._pending.extendleft(reversed(bars))
            _log.warning("checkpoint.not_stored", error=str(err))

    def _checkpoint(self) -> Checkpoint:
        desk, now = self._desk, self._desk.now()
        today = trading_day(now)
        if today != self._day:
            self._day, self._session_started_at = today, now
            desk.analytics.clear()
        return Checkpoint(
            at=now,
            day=today,
            session_started_at=self._session_started_at,
            watchlist=tuple(sorted({s for r in self._running for s in r.symbols})),
            last_bars={
                (r.strategy.name, key): end for r in self._running for key, end in r.last_bars.items()
            },
            carried_usd={**desk.carried.usd, **dict.fromkeys(desk.carried.waiting)},
            filter_blocks=dict(desk.analytics.filter_blocks),
            entry_paths=dict(desk.analytics.entry_paths),
            why_not=tuple(
                Said(name, key, said.code, said.text, said.at)
                for (name, key), said in desk.why_not.items()
                if said.at is not None
            ),
        )
