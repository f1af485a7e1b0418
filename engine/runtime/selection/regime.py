"""Watches the regime: detected in history, overridden by an operator, told to the gate as one factor.

While it is not known nothing is widened: the factor is that of chop, and never above 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from engine.api import Level
from engine.api_selection import RegimeRow
from engine.broker.port import Broker, LinkState
from engine.config import Config
from engine.config.regime import RANKED_FROM, RegimeChoice
from engine.domain.instrument import Instrument, SecType
from engine.market.bars import timeframe_seconds
from engine.market.catalog import front_month, parse_symbol
from engine.market.futures import NO_ENTRY_DAYS
from engine.risk.regime import UNSEEN, Regime, RegimeMultipliers, RegimeRules, RegimeView, regime_of
from engine.runtime.desk import Desk

ALERT: Final = "regime"
RETRY_S: Final = 60.0
"""Real seconds before a look that found nothing is made again."""


def rules_of(config: Config) -> RegimeRules:
    """What counts as a trend and as a crash."""
    regime = config.regime
    return RegimeRules(
        window=regime.window,
        history=regime.bars,
        min_history=RANKED_FROM,
        trend_t=regime.trend_t,
        crash_quantile=regime.crash_quantile,
    )


def multipliers_of(config: Config) -> RegimeMultipliers:
    """What each regime multiplies, as configured."""
    by_name = config.regime.multipliers
    return RegimeMultipliers(
        by_name.bull, by_name.chop, by_name.bear, by_name.crash, config.regime.hard_cap_factor
    )


def factor_of(regime: Regime | None, config: Config) -> float:
    """What a regime multiplies; None where it is not known."""
    return multipliers_of(config).factor(regime)


def factor_said(choice: RegimeChoice, detected: str, config: Config) -> float:
    """The factor in force where an operator says `choice` and history says `detected` (empty: unknown)."""
    word = detected if choice is RegimeChoice.AUTO else choice.value
    return factor_of(Regime(word) if word else None, config)


class RegimeWatch:
    """One per engine; a step of the regular round."""

    def __init__(
        self, desk: Desk, *, broker: Broker, spawn: Callable[[str, Callable[[], object]], None]
    ) -> None:
        self._desk = desk
        self._broker = broker
        self._spawn = spawn
        self._view = UNSEEN
        self._seen_at: datetime | None = None
        self._next_look: datetime | None = None
        self._tried_s = -math.inf
        self._looking = False
        self._reference: Instrument | None = None
        self._why_unknown = "not looked at yet"
        self._told: RegimeRow | None = None

    async def prepare(self) -> None:
        """Before entries are possible."""
        if self._is_due():
            await self._look()
        self._publish()

    async def round(self) -> None:
        """Look where it is time; what is in force is reckoned anew each time."""
        if self._is_due() and self._desk.link is LinkState.UP:
            self._spawn("regime", self._look)
        self._publish()

    # --- looking --------------------------------------------------------------------------------

    def _is_due(self) -> bool:
        if self._looking or not self._desk.config.regime.reference:
            return False
        waited_s = self._desk.clock.monotonic() - self._tried_s
        is_time = self._next_look is None or self._desk.now() >= self._next_look
        return is_time and waited_s >= RETRY_S

    async def _look(self) -> None:
        self._looking, self._tried_s = True, self._desk.clock.monotonic()
        try:
            await self._find()
        finally:
            self._looking = False
        self._publish()

    async def _find(self) -> None:
        section, instrument = self._desk.config.regime, await self._instrument()
        if instrument is None:
            return
        seconds = timeframe_seconds(section.timeframe.value)
        answer = await self._broker.history(instrument, count=section.bars, seconds=seconds)
        if not answer.ok or answer.value is None:
            self._why_unknown = f"no history of {instrument.key}: {answer.error}"
            return
        found = regime_of((bar.close for bar in answer.value), rules_of(self._desk.config))
        if not found.is_known:
            self._why_unknown = f"{len(answer.value)} bars of {instrument.key} are too few"
            return
        self._view, self._seen_at = found, self._desk.now()
        self._next_look = self._seen_at + timedelta(minutes=section.refresh_minutes)

    async def _instrument(self) -> Instrument | None:
        """The reference, described once; None where the broker does not."""
        if self._reference is None:
            wanted = parse_symbol(self._desk.config.regime.reference)
            answer = await self._broker.instruments(wanted.symbol, wanted.sec_type.value, wanted.exchange)
            if not answer.ok or not answer.value:
                why = answer.error or "the broker lists no such contract"
                self._why_unknown = f"{wanted.symbol} is not described: {why}"
                return None
            self._reference = answer.value[0]
            if wanted.sec_type is SecType.FUTURE:
                self._reference = front_month(answer.value, self._desk.now(), no_entry_days=NO_ENTRY_DAYS)
        return self._reference

    # --- in force -------------------------------------------------------------------------------

    def _detected(self) -> Regime | None:
        if self._seen_at is None:
            return None
        age = self._desk.now() - self._seen_at
        is_fresh = age <= timedelta(hours=self._desk.config.regime.max_age_h)
        return self._view.regime if is_fresh else None

    def _publish(self) -> None:
        desk = self._desk
        detected, choice = self._detected(), desk.config.regime.override
        said = None if choice is RegimeChoice.AUTO else Regime(choice.value)
        factor = factor_of(said or detected, desk.config)
        desk.inputs.regime_multiplier = factor
        row = self._row(detected, said, factor)
        desk.selection = replace(desk.selection, regime=row)
        self._tell(row)

    def _row(self, detected: Regime | None, said: Regime | None, factor: float) -> RegimeRow:
        view = UNSEEN if detected is None else self._view
        found = "" if detected is None else detected.value
        regime = found if said is None else said.value
        changed = self._desk.overridden.get("regime.override")
        return RegimeRow(
            regime=regime,
            factor=factor,
            detected=found,
            override="" if said is None else said.value,
            who="" if changed is None or said is None else changed.who,
            since=None if changed is None or said is None else changed.at,
            reference=self._desk.config.regime.reference,
            looked_at=self._seen_at,
            trend_t=_known(view.trend_t),
            volatility_rank=_known(view.volatility_quantile),
            text=self._text(regime, found, factor, view),
        )

    def _text(self, regime: str, found: str, factor: float, view: RegimeView) -> str:
        seen = f"{found}, trend {view.trend_t:+.1f}, volatility above {view.volatility_quantile:.0%}"
        seen = seen if found else f"unknown ({self._why_unknown})"
        if regime != found:
            return f"{regime} by the operator, factor {factor:g}; detected: {seen}"
        return f"{seen}; factor {factor:g}"

    def _tell(self, row: RegimeRow) -> None:
        """Each change once; a market that takes no entries stands as an alert."""
        if math.isinf(self._tried_s) and row.reference and not row.override:
            return  # nobody could have looked yet
        before, self._told = self._told, row
        if before is not None and (before.regime, before.override) == (row.regime, row.override):
            return
        notices = self._desk.notices
        if row.factor <= 0:
            text = f"regime {row.text}; nothing is entered, what is held is managed as ever"
            notices.raise_alert(Level.WARNING, ALERT, text)
            return
        notices.clear_alert(ALERT)
        notices.event(Level.INFO if row.regime else Level.WARNING, "strategy", f"regime: {row.text}")


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
