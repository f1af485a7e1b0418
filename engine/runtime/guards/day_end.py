"""Closes the day's positions before their market does, and keeps trying; overnight strategies keep theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.api import Level, Mode
from engine.domain.instrument import Instrument
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.market.sessions import flat_by, flatten_from
from engine.runtime.close_times import day_rules
from engine.runtime.desk import Desk
from engine.runtime.guards.retried_close import RetriedClose

ALERT: Final = "not_flat_at_close"

RETRY_S: Final = 10.0
"""Real seconds before a close that did not work is tried again."""


class DayEnd:
    """Looked at in every round. Not jittered: a close does not wait."""

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
            reason=Reason.EOD,
            retry_s=RETRY_S,
            on_failed=self._not_closed,
        )

    async def round(self) -> None:
        """Begin to close what must be flat soon; say aloud what is not in time."""
        desk = self._desk
        if desk.mode is Mode.DRY_RUN:
            return
        held = {p.key: p.owner for p in desk.books.positions()}
        for key in self._closing.tried:
            if key not in held:
                self._closing.forget(key)
                desk.notices.clear_alert(ALERT, symbol=key)
        for key, owner in held.items():
            instrument = desk.instruments.get(key)
            if instrument is not None and not self._holds_overnight(owner):
                self._look_at(key, instrument)

    def _holds_overnight(self, owner: str) -> bool:
        strategy = self._desk.config.strategies.get(owner)
        return strategy is not None and strategy.holds_overnight

    def _look_at(self, key: str, instrument: Instrument) -> None:
        now, rules = self._desk.now(), day_rules(self._desk.config)
        close = self._desk.close_times.close(instrument, now)
        if close is None or now < flatten_from(instrument.sec_type, close, rules):
            return
        if now >= flat_by(instrument.sec_type, close, rules) and key in self._closing.tried:
            text = f"{key}: still open after its time to be flat; its market closes at {close:%H:%M} UTC"
            self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
        unsettled = self._desk.unsettled().get(key)
        if unsettled is not None:
            text = f"{key}: the day ends, and it is not closed before this is settled (O): {unsettled.text}"
            self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
            return
        self._close(key, instrument)

    def _close(self, key: str, instrument: Instrument) -> None:
        if self._closing.is_due(key):
            self._closing.close(key, instrument, name=f"end of day {key}")

    def _not_closed(self, key: str, why: str) -> None:
        self._desk.notices.event(Level.ERROR, "position", f"end of day: not closed, {why}", symbol=key)
