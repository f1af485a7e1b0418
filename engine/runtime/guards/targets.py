"""Takes the profit that a person named with an order by hand; a strategy's targets are its own affair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.api import Level, Mode
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.hours import is_open
from engine.ledger.ledger import OPERATOR
from engine.runtime.desk import Desk
from engine.runtime.guards.retried_close import RetriedClose

RETRY_S: Final = 10.0
"""Real seconds before a close that did not work is tried again."""


class TargetWatch:
    """Looked at in every round; the line must be up. The stop stays until the close makes room for itself."""

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
            reason=Reason.TARGET,
            retry_s=RETRY_S,
            on_failed=self._not_closed,
        )

    def round(self) -> None:
        """Start the closes whose price is there."""
        desk = self._desk
        if desk.mode is Mode.DRY_RUN:
            return
        held = {p.key: p for p in desk.books.positions() if p.owner == OPERATOR}
        for key in self._closing.tried - held.keys():
            self._closing.forget(key)
        for key, position in held.items():
            with desk.faults.position(key, "its target"):
                self._look_at(position)

    def _look_at(self, position: Position) -> None:
        key, target, desk = position.key, position.plan.target1, self._desk
        instrument = desk.instruments.get(key)
        if target is None or instrument is None or not self._is_reached(position, target):
            return
        if key in desk.unsettled() or not is_open(instrument, desk.now()) or not self._closing.is_due(key):
            return
        text = f"{key}: its target {target:g} is reached; closing"
        desk.notices.event(Level.INFO, "position", text, symbol=key)
        self._closing.close(key, instrument, name=f"target of {key}")

    def _is_reached(self, position: Position, target: float) -> bool:
        """By the price it would close at: the bid of a long, the ask of a short; fresh, live and believed."""
        key, desk = position.key, self._desk
        quote, age_s = desk.quotes.quote(key), desk.quotes.age_s(key, desk.now())
        if quote is None or age_s is None or age_s > desk.config.market_data.max_quote_age_seconds:
            return False
        if not desk.quotes.is_live(key) or desk.quotes.is_bad(key):
            return False
        return quote.bid >= target if position.quantity > 0 else 0.0 < quote.ask <= target

    def _not_closed(self, key: str, why: str) -> None:
        text = f"its target is reached and it is not closed, {why}"
        self._desk.notices.event(Level.ERROR, "position", f"{key}: {text}", symbol=key)
