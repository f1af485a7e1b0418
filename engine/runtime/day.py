"""The trading day: where P&L starts at nothing, and the curve that outlives a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

import structlog

from engine.api import Level
from engine.ledger.changes import Leg
from engine.runtime.daypnl import DayPnl, trading_day
from engine.runtime.desk import Desk
from engine.store.errors import StoreError
from engine.store.journal import EquityPoint
from engine.store.operations import StoredState
from engine.store.session_flow import DayBegan

_log = structlog.get_logger("engine")

SAVE_EVERY_S = 30.0
"""Real seconds between two stored points of the curve."""


class DayStore(Protocol):
    """The part of the store that remembers days."""

    @property
    def healthy(self) -> bool:
        """True while it writes."""
        ...

    async def start_day(self, legs: tuple[Leg, ...], *, day: date, at: datetime) -> bool:
        """Write the anchor of a day."""
        ...

    async def save_equity(self, point: EquityPoint, *, day: date) -> None:
        """Add a point to the day's curve; raises StoreError."""
        ...


class DayBook:
    """Begins each trading day once and stores the day's curve."""

    def __init__(
        self,
        desk: Desk,
        *,
        store: DayStore,
        pnl: DayPnl,
        stored: StoredState,
        on_end: Callable[[date], None] = lambda _: None,
    ) -> None:
        """`on_end` hears of a day that ended, while the books still hold it."""
        self._desk = desk
        self._on_end = on_end
        self._store = store
        self._pnl = pnl
        self._day = stored.day
        self._next_save_s = 0.0
        if stored.day is not None and stored.day == trading_day(desk.now()):
            began = stored.day_started_at or desk.now()
            self._pnl.restore(began, ((p.at, p.day_usd) for p in stored.equity))
            if not stored.equity and not desk.carried.is_begun:
                # The day began and ended before anybody saw a price: it is measured from the first one.
                today = stored.day
                desk.carried.begin(p for p in desk.books.positions() if trading_day(p.opened_at) < today)

    async def round(self) -> None:
        """Called every second or so: begin a new day when the exchange's date changed; store the curve."""
        now = self._desk.now()
        today = trading_day(now)
        if today != self._day:
            if self._day is not None:
                self._on_end(self._day)
            self._day = today
            legs = self._desk.books.start_day()
            self._desk.session_log.flow.note(DayBegan(now))
            self._pnl.start_day(now)
            self._desk.carried.begin(self._desk.books.positions())
            await self._store.start_day(legs, day=today, at=now)
            self._desk.notices.event(Level.INFO, "engine", f"trading day {today} begins; P&L starts at 0")
        await self._save(now, today)

    async def _save(self, now: datetime, today: date) -> None:
        beat_s = self._desk.clock.monotonic()
        if beat_s < self._next_save_s or not self._store.healthy:
            return
        self._next_save_s = beat_s + SAVE_EVERY_S
        day_usd = self._pnl.latest_usd
        if day_usd is not None:
            nlv = self._desk.values.get("NetLiquidation")
            try:
                await self._store.save_equity(EquityPoint(now, day_usd, nlv), day=today)
            except StoreError as err:
                # A point of the curve may be missing; a full disk must not end the trading.
                _log.warning("equity.not_stored", error=str(err))
