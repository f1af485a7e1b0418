"""Closes what is held of a contract that ends within days, before it is settled, delivered or silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from engine.api import Level, Mode
from engine.domain.instrument import Instrument
from engine.domain.market import NEW_YORK
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.hours import is_open
from engine.market.futures import is_ending, last_day
from engine.market.sessions import flatten_from
from engine.runtime.close_times import day_rules
from engine.runtime.desk import Desk
from engine.runtime.guards.retried_close import RetriedClose

ALERT: Final = "ends_soon"

RETRY_S: Final = 10.0
"""Real seconds before a close that did not work is tried again."""


class Expiry:
    """Looked at in every round. Whoever holds it overnight: at the end of the first day on which it is
    entered no more; on its last day, which may end at any hour, at once."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._closing = RetriedClose(
            desk,
            executor=executor,
            spawn=spawn,
            reason=Reason.EXPIRY,
            retry_s=RETRY_S,
            on_failed=self._not_closed,
        )

    async def round(self) -> None:
        """Close what it is time for."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        now, held = self._desk.now(), {p.key for p in self._desk.books.positions()}
        for key in self._closing.tried - held:
            self._closing.forget(key)
            self._desk.notices.clear_alert(ALERT, symbol=key)
        for key in held:
            instrument = self._desk.instruments.get(key)
            if instrument is not None and is_ending(instrument, now) and is_open(instrument, now):
                self._look_at(key, instrument, now)

    def _look_at(self, key: str, instrument: Instrument, now: datetime) -> None:
        last, close = last_day(instrument), self._desk.close_times.close(instrument, now)
        is_last = last is not None and now.astimezone(NEW_YORK).date() >= last
        rules = day_rules(self._desk.config)
        if not is_last and (close is None or now < flatten_from(instrument.sec_type, close, rules)):
            return
        unsettled = self._desk.unsettled().get(key)
        if unsettled is not None:
            text = f"{key}: it ends on {last}, and is not closed before this is settled (O): {unsettled.text}"
            self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
        elif self._closing.is_due(key):
            why = f"its contract ends on {last}"
            self._closing.close(key, instrument, name=f"end of contract {key}", forced=why)

    def _not_closed(self, key: str, why: str) -> None:
        text = f"{key}: its contract ends, and it is not closed, {why}"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
