"""Watches how long positions are open: a warning, an alert, and at last a close by the engine itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from engine.api import Level, Mode
from engine.config import Config
from engine.domain.instrument import Instrument, SecType
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.execution.executor import Executor
from engine.execution.hours import is_open
from engine.risk.age import AgeLimits, clock_began, open_age_s
from engine.runtime.desk import Desk
from engine.runtime.guards.retried_close import RetriedClose

ALERT: Final = "position_age"

RETRY_S: Final = 30.0
"""Real seconds before a close that did not work is tried again."""

_H: Final = 3600.0


class _Seen(NamedTuple):
    """What was already told of a position since its clock last began."""

    since: datetime
    stage: int


def age_limits(config: Config, owner: str) -> AgeLimits:
    """Those of the strategy that owns a position: its own limit in these proportions, else the general ones.

    A strategy that holds overnight has none unless it names one.
    """
    general, strategy = config.position, config.strategies.get(owner)
    plain = AgeLimits(general.age_warn_h, general.age_error_h, general.age_close_h)
    if strategy is None:
        return plain
    if strategy.max_age_h >= 0:
        return AgeLimits(strategy.max_age_h / 3, strategy.max_age_h * 2 / 3, strategy.max_age_h)
    return AgeLimits(0, 0, 0) if strategy.holds_overnight else plain


class AgeWatch:
    """Looked at in every round; the line must be up. Each stage is told once, also by its alert."""

    def __init__(
        self,
        desk: Desk,
        *,
        executor: Executor,
        spawn: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._desk = desk
        self._seen: dict[str, _Seen] = {}
        self._closing = RetriedClose(
            desk,
            executor=executor,
            spawn=spawn,
            reason=Reason.MAX_AGE,
            retry_s=RETRY_S,
            on_failed=self._not_closed,
        )

    def round(self) -> None:
        """Tell what has become old, close what is too old."""
        if self._desk.mode is Mode.DRY_RUN:
            return
        held = {p.key: p for p in self._desk.books.positions()}
        for key in self._seen.keys() - held.keys():
            self._forget(key)
        for key, position in held.items():
            instrument = self._desk.instruments.get(key)
            if instrument is not None:
                with self._desk.faults.position(key, "its age"):
                    self._look_at(position, instrument)

    def _look_at(self, position: Position, instrument: Instrument) -> None:
        key, since, now = position.key, clock_began(position), self._desk.now()
        is_future = instrument.sec_type is SecType.FUTURE
        hours = instrument.trading_hours if is_future else instrument.liquid_hours
        age_s = open_age_s(hours, since, now)
        limits = age_limits(self._desk.config, position.owner)
        stage = sum(1 for limit_h in limits if limit_h and age_s > limit_h * _H)
        seen = self._seen.get(key)
        if seen is None or seen.since != since:
            self._forget(key)
            seen = _Seen(since, 0)
        self._seen[key] = _Seen(since, max(stage, seen.stage))
        if stage > seen.stage:
            self._tell(key, age_s, limits, stage)
        if limits.close_h and age_s > limits.close_h * _H and is_open(instrument, now):
            unsettled = self._desk.unsettled().get(key)
            if unsettled is None:
                self._close(key, instrument)
            else:
                text = f"{key}: too old, and not closed before this is settled (O): {unsettled.text}"
                self._desk.notices.raise_alert(Level.ERROR, ALERT, text, symbol=key)

    def _tell(self, key: str, age_s: float, limits: AgeLimits, stage: int) -> None:
        level = Level.WARNING if stage == 1 else Level.ERROR
        rest = f"closed at {limits.close_h:g} h" if stage < len(limits) and limits.close_h else "closing it"
        text = f"{key}: open for {age_s / _H:.1f} h of open session ({rest})"
        if level is Level.WARNING:
            self._desk.notices.event(level, "position", text, symbol=key)
        else:
            self._desk.notices.raise_alert(level, ALERT, text, symbol=key)

    def _close(self, key: str, instrument: Instrument) -> None:
        if self._closing.is_due(key):
            forced = f"open too long ({Reason.MAX_AGE.value})"
            self._closing.close(key, instrument, name=f"close old {key}", forced=forced)

    def _not_closed(self, key: str, why: str) -> None:
        text = f"too old and not closed, {why}"
        self._desk.notices.raise_alert(Level.ERROR, ALERT, text, symbol=key)

    def _forget(self, key: str) -> None:
        self._seen.pop(key, None)
        self._closing.forget(key)
        self._desk.notices.clear_alert(ALERT, symbol=key)
