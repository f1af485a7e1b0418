"""The second net: where the price stands beyond a stop and nothing fills, the engine closes it, once."""

from __future__ import annotations

from collections.abc import Callable

from engine.api import Level, Mode
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.hours import is_open
from engine.recovery.compare import Finding
from engine.runtime.desk import Desk
from engine.runtime.guards.retried_close import RetriedClose

ALERT = "stop_not_filled"

RETRY_S = 10.0
"""Real seconds before a close that did not work is tried again."""


class StopNet:
    """Compares every position's price with its stop, as often as it is asked; the line must be up.

    It sends nothing beside a stop: closing cancels the stop first, waits for the proof and takes what the
    stop left, so whoever is faster, the position ends at zero.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._executor = executor
        self._beyond_since_s: dict[str, float] = {}
        self._closing = RetriedClose(
            desk,
            executor=executor,
            spawn=spawn,
            reason=Reason.STOP,
            retry_s=RETRY_S,
            on_failed=self._not_closed,
        )

    def round(self) -> None:
        """Start the closes that are due."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        now_s = self._desk.clock.monotonic()
        unsettled = self._desk.unsettled()
        beyond = set()
        for position in self._desk.books.positions():
            with self._desk.faults.position(position.key, "its second net"):
                beyond |= {position.key} if self._is_beyond(position) else set()
        for key in self._beyond_since_s.keys() - beyond:
            del self._beyond_since_s[key]
            self._closing.forget(key)
            self._desk.notices.clear_alert(ALERT, symbol=key)
        for key in beyond:
            since_s = self._beyond_since_s.setdefault(key, now_s)
            is_long = now_s - since_s >= self._desk.config.execution.stop_grace_s
            if is_long and self._closing.is_due(key):
                if key in unsettled:
                    self._tell_unsettled(key, unsettled[key])
                else:
                    self._close(key, now_s - since_s)

    def _is_beyond(self, position: Position) -> bool:
        """By mid and last print alike: a stop triggers on prints, and one wide quote is no price."""
        key, desk = position.key, self._desk
        instrument, quote = desk.instruments.get(key), desk.quotes.quote(key)
        if instrument is None or quote is None or not desk.quotes.is_live(key):
            return False
        if desk.quotes.is_bad(key):
            return False  # no price: the stop at the broker stands
        if desk.books.unknown_orders(key):
            return False  # what it may still do nobody knows: no close could be proven safe
        age_s = desk.quotes.age_s(key, desk.now())
        if age_s is None or age_s > desk.config.market_data.max_quote_age_seconds:
            return False
        stop = self._executor.stop_price(key, instrument)
        if stop is None or not is_open(instrument, desk.now()):
            return False
        sign = 1 if position.quantity > 0 else -1
        return all((price - stop) * sign < 0 for price in (quote.mark(), quote.last))

    def _tell_unsettled(self, key: str, what: Finding) -> None:
        """What the stop and the quantity were before a split means nothing after it: a person decides."""
        text = f"its price is beyond its stop, and it is not closed before this is settled (O): {what.text}"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, f"{key}: {text}", symbol=key)

    def _close(self, key: str, beyond_s: float) -> None:
        instrument = self._desk.instruments[key]
        stop = self._executor.stop_price(key, instrument)
        text = (
            f"{key}: its price is beyond its stop at {stop} for {beyond_s:.0f} s and nothing filled; closing"
        )
        self._desk.notices.raise_alert(Level.ERROR, ALERT, text, symbol=key)
        forced = "the price is beyond a stop that did not fill"
        self._closing.close(key, instrument, name=f"close behind the stop {key}", forced=forced)

    def _not_closed(self, key: str, why: str) -> None:
        text = f"beyond its stop and not closed, {why}"
        self._desk.notices.raise_alert(Level.CRITICAL, ALERT, text, symbol=key)
