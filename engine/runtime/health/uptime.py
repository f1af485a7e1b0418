"""Records when the engine is up while its market is open, so that uptime and failures can be reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from engine.api import UptimeView
from engine.broker.port import LinkState
from engine.domain.instrument import SecType, SessionHours
from engine.health.uptime import SpanEnd, UpSpan, Uptime, reckon
from engine.runtime.desk import Desk
from engine.runtime.health.inputs import is_quiet
from engine.store.errors import StoreError
from engine.store.health import StoredSpan, put_span, up_spans
from engine.store.store import Store

BEAT_S: Final = 10.0
"""Real seconds between two signs of life in the store: what a crash can make the record miss."""

_log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class _Open:
    """The stretch that goes on."""

    session: SessionHours
    began: datetime


class UptimeRecord:
    """A step of the regular round; `view` is what the screen shows."""

    def __init__(self, desk: Desk, *, store: Store) -> None:
        self._desk = desk
        self._store = store
        self._open: _Open | None = None
        self._next_beat_s = float("-inf")
        self._was_ready = False
        self.view = UptimeView()

    async def round(self) -> None:
        """Open, extend or close the present stretch."""
        desk = self._desk
        self._was_ready = self._was_ready or desk.link is LinkState.UP
        session, up = market_session(desk), desk.link is LinkState.UP
        if not self._was_ready or not self._store.healthy:
            return
        if self._open is not None and (session != self._open.session or not up):
            await self._close(self._why_closed(session))
        if session is None:
            return
        if up and self._open is None:
            self._open = _Open(session, desk.now())
            self._next_beat_s = float("-inf")
        now_s = desk.clock.monotonic()
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + BEAT_S
            if self._open is not None:
                await self._write(SpanEnd.RUNNING, desk.now())
            await self._reckon()

    async def stop(self) -> None:
        """The engine ends on purpose."""
        if self._open is not None and self._store.healthy:
            await self._close(SpanEnd.STOPPED)

    def _why_closed(self, session: SessionHours | None) -> SpanEnd:
        if self._open is not None and session != self._open.session:
            return SpanEnd.CLOSE
        return SpanEnd.RESTART if is_quiet(self._desk) else SpanEnd.LINE

    async def _close(self, end: SpanEnd) -> None:
        if self._open is None:
            return
        ended = min(self._desk.now(), self._open.session.close)
        await self._write(end, ended)
        self._open = None

    async def _write(self, end: SpanEnd, ended: datetime) -> None:
        here = self._open
        if here is None:
            return
        span = StoredSpan(here.session.open, here.session.close, here.began, ended, end.value)
        try:
            await self._store.run(partial(put_span, span=span, boot_id=self._store.boot_id))
        except StoreError as err:
            _log.warning("uptime.not_stored", error=str(err))

    async def _reckon(self) -> None:
        stored = await self._store.read(up_spans)
        self.view = view_of(reckon(map(span_of, stored), now=self._desk.now()))


def span_of(stored: StoredSpan) -> UpSpan:
    """A row as the reckoning takes it."""
    return UpSpan(*stored[:4], SpanEnd(stored.ended_by))


def view_of(found: Uptime) -> UptimeView:
    """As shown."""
    return UptimeView(found.pct, found.mtbf_h, found.up_s / 3600.0, found.failures, found.sessions)


def market_session(desk: Desk) -> SessionHours | None:
    """The session that is open now: the stocks', or the futures' where no stock is traded."""
    now = desk.now()
    described = [i for i in desk.instruments.values() if i.liquid_hours]
    stocks = [i for i in described if i.sec_type is SecType.STOCK]
    sessions = (i.liquid_session(now) for i in stocks or described)
    return next((s for s in sessions if s is not None), None)
