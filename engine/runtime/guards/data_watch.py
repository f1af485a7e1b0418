"""Watches how old the data of every instrument is: blocks its entries, tells people, ends by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.api import Level
from engine.broker.port import LinkState
from engine.domain.instrument import Instrument
from engine.market.quality import (
    AgeLimits,
    BadTick,
    Flaw,
    Stale,
    Staleness,
    TickGuard,
    TickLimits,
    judge_age,
)
from engine.runtime.desk import Desk

ALERT: Final = "staleness"

JUMP_TOLD_S: Final = 10.0
"""Real seconds in which the jumps of one instrument are told once."""

_LEVEL: Final = {Staleness.STALE: Level.WARNING, Staleness.LONG: Level.ERROR}


class DataWatch:
    """One look a second. What it finds is written where the gate reads it (`Desk.inputs`)."""

    def __init__(self, desk: Desk) -> None:
        """Let every tick be judged from now on."""
        self._desk = desk
        self._since: dict[str, float] = {}
        """Instrument key -> exchange time, epoch seconds, from which its data may be expected."""
        self._told_s: dict[str, float] = {}
        desk.quotes.guard_with(TickGuard(self._tick_limits, min_tick=self._min_tick))
        desk.quotes.on_bad = self._on_bad
        desk.inputs.outliers = desk.quotes.jumps

    async def round(self) -> None:
        """Judge every instrument that has had a quote; in open sessions and while the line is up."""
        desk, now = self._desk, self._desk.now()
        if desk.link is not LinkState.UP:
            self._since.clear()  # the line has an alert and a block of its own
        for key, instrument in desk.instruments.items():
            with desk.faults.position(key, "the age of its data"):
                self._set(key, self._judge(key, instrument, now))

    def _judge(self, key: str, instrument: Instrument, now: datetime) -> Stale | None:
        session = instrument.liquid_session(now)
        if self._desk.link is not LinkState.UP or session is None or self._desk.quotes.quote(key) is None:
            self._since.pop(key, None)
            return None
        # What is expected only since the open, or since the line came back, is no older than that.
        at = now.timestamp()
        since_s = at - self._since.setdefault(key, at)
        ages = (self._desk.quotes.age_s(key, now), self._desk.quotes.bar_age_s(key, now))
        quote_s, bar_s = (since_s if age is None else min(age, since_s) for age in ages)
        return judge_age(quote_s, bar_s, self._limits(instrument))

    def _limits(self, instrument: Instrument) -> AgeLimits:
        data = self._desk.config.market_data
        quote_s = self._desk.limits().quote_age_s(instrument.sec_type.value)
        return AgeLimits(quote_s, data.max_ohlcv_age_seconds, data.alert_age_seconds)

    def _set(self, key: str, stale: Stale | None) -> None:
        desk = self._desk
        if stale is None:
            if desk.inputs.stale.pop(key, None) is not None:
                desk.notices.clear_alert(ALERT, symbol=key)
            return
        desk.inputs.stale[key] = stale.objection
        text = f"{key}: {stale.what}; its entries are blocked, exits and stops go on"
        if not self._stands(key, _LEVEL[stale.staleness]):
            desk.notices.raise_alert(_LEVEL[stale.staleness], ALERT, text, symbol=key)

    def _stands(self, key: str, level: Level) -> bool:
        """Said once is enough: the age that goes on growing is no news."""
        alerts = self._desk.notices.alerts
        return any((a.code, a.symbol, a.level) == (ALERT, key, level) for a in alerts)

    # --- ticks ----------------------------------------------------------------------------------

    def _tick_limits(self) -> TickLimits:
        data = self._desk.config.market_data
        return TickLimits(data.outlier_sigma, data.outlier_window_s, data.max_spread_bps)

    def _min_tick(self, key: str) -> float:
        instrument = self._desk.instruments.get(key)
        return 0.0 if instrument is None else instrument.min_tick

    def _on_bad(self, key: str, bad: BadTick) -> None:
        now_s = self._desk.clock.monotonic()
        if bad.flaw is not Flaw.JUMP or now_s - self._told_s.get(key, float("-inf")) < JUMP_TOLD_S:
            return
        self._told_s[key] = now_s
        text = f"{key}: a tick is not believed: {bad.objection.text} (outlier)"
        self._desk.notices.event(Level.WARNING, "data", text, symbol=key)
