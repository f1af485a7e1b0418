"""Keeps the universe: measures value and spread of each instrument, tells the gate tiers and exclusions.

What was never measured is not entered: an unknown value excludes, and an unknown spread counts as the
widest that the gate lets through.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Final

from engine.api import Level
from engine.api_pipeline import Stage
from engine.api_selection import UniverseRow
from engine.broker.port import Broker, LinkState
from engine.config import Config
from engine.domain.instrument import Instrument, SecType
from engine.domain.reasons import Reason
from engine.market.touch_sizes import TouchSizes
from engine.market.universe import Exclusion, Liquidity, Member, TierRule, Universe, judge
from engine.risk.refusal import Refusal
from engine.runtime.desk import Desk
from engine.runtime.selection.telling import REASON_OF, changes
from engine.runtime.selection.thinness import too_thin

HOUR_S: Final = 3600
HOURS: Final = {SecType.STOCK: 7, SecType.FUTURE: 23}
"""Hourly bars of one trading day."""
VALUE_AGE: Final = timedelta(hours=1)
"""Exchange time after which the value is asked for anew."""
RETRY_S: Final = 15.0
"""Real seconds before a value that was not told is asked for again."""
EXCLUDED_LOOK: Final = timedelta(seconds=5)
"""Exchange time between two looks at what is excluded, or new."""
SAMPLES: Final = 60
"""Spreads kept, one a round: a minute or so."""
SETTLED: Final = 10
"""Spreads seen before a tier is left alone until the next regular look."""
AT_ONCE: Final = 8
"""Questions about history that are out at the same time."""


def tier_rules(config: Config) -> tuple[TierRule, ...]:
    """The tiers as configured, the first one first."""
    universe = config.universe
    columns = zip(
        universe.min_24h_value,
        universe.max_spread_bps,
        universe.allocation_pct,
        universe.base_size_pct,
        strict=True,
    )
    return tuple(TierRule(tier, *values) for tier, values in enumerate(columns, start=1))


@dataclass(slots=True)
class _Seen:
    """What was measured of one instrument."""

    touch: TouchSizes
    spreads: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    value_usd: float = math.nan
    """Of the trading day before `asked_at`; NaN where the broker did not tell."""
    asked_at: datetime | None = None
    tried_s: float = -math.inf
    judged_by: int = 0
    """Spreads seen at the last judgement."""


class UniverseWatch:
    """One per engine; a step of the regular round."""

    def __init__(
        self, desk: Desk, *, broker: Broker, spawn: Callable[[str, Callable[[], object]], None]
    ) -> None:
        self._desk = desk
        self._broker = broker
        self._spawn = spawn
        self._seen: dict[str, _Seen] = {}
        self._universe = Universe((), ())
        self._next_look: datetime | None = None
        self._next_of_excluded: datetime | None = None
        self._asking = asyncio.Semaphore(AT_ONCE)
        self.told_usd: dict[str, float] = {}
        """Instrument key -> value traded in a day, of those that somebody else has just asked for."""
        self.without_contract: dict[str, str] = {}
        """Futures that were discovered and have no contract to trade: symbol -> why, for people."""
        self._pending: set[str] = set()
        """Instruments whose value is being asked for."""

    async def prepare(self) -> None:
        """Before entries are possible: ask what is not known, and judge."""
        await asyncio.gather(*(self._ask(i) for i in self._due()))
        self.look()

    async def round(self) -> None:
        """Measure spreads; judge where it is time."""
        self._sample()
        if self._desk.link is LinkState.UP:
            for instrument in self._due():
                self._spawn(f"value of {instrument.key}", partial(self._ask, instrument))
        now = self._desk.now()
        if self._next_look is None or now >= self._next_look:
            self.look()
        elif self._next_of_excluded is None or now >= self._next_of_excluded:
            self._next_of_excluded = now + EXCLUDED_LOOK
            self._judge(self._unsettled())

    def look(self) -> None:
        """Judge every instrument by what is known now."""
        now = self._desk.now()
        self._next_look = now + timedelta(minutes=self._desk.config.universe.refresh_minutes)
        self._next_of_excluded = now + EXCLUDED_LOOK
        self._judge(self._desk.instruments)

    def _unsettled(self) -> list[str]:
        """Those left out, and those whose spread was hardly seen when they were judged."""
        tiers = self._universe.tiers()
        return [k for k in self._desk.instruments if k not in tiers or self._of(k).judged_by < SETTLED]

    # --- measuring ------------------------------------------------------------------------------

    def _of(self, key: str) -> _Seen:
        seen = self._seen.get(key)
        if seen is None:
            thin, instrument = self._desk.config.universe.depth_quantile_pct, self._desk.instruments[key]
            quantile_pct = thin.FUT if instrument.sec_type is SecType.FUTURE else thin.STK
            seen = self._seen[key] = _Seen(TouchSizes(quantile_pct=quantile_pct))
            if value_usd := self.told_usd.pop(key, 0.0):
                seen.value_usd, seen.asked_at = value_usd, self._desk.now()
        return seen

    def _sample(self) -> None:
        """The spread of each open market, as it is this moment."""
        now = self._desk.now()
        for key, instrument in self._desk.instruments.items():
            quote = self._desk.quotes.quote(key)
            if quote is None or not quote.is_two_sided or instrument.liquid_session(now) is None:
                continue
            if quote.mid > 0:
                seen = self._of(key)
                seen.spreads.append(self._spread_bps(instrument, quote.bid, quote.ask))
                self._desk.inputs.depth_floors[key] = seen.touch.see(quote.bid_size, quote.ask_size)

    def _spread_bps(self, instrument: Instrument, bid: float, ask: float) -> float:
        """In bps of the mid. One price step is as narrow as a market can be: never wider than the limit."""
        bps = 20_000.0 * (ask - bid) / (ask + bid)
        one_step = ask - bid <= instrument.min_tick * 1.000001
        return min(bps, self._desk.config.universe.max_spread_bps[-1]) if one_step else bps

    def _due(self) -> list[Instrument]:
        """Instruments whose value is not known or too old, and not asked for just now."""
        now, now_s = self._desk.now(), self._desk.clock.monotonic()
        due = []
        for key, instrument in self._desk.instruments.items():
            seen = self._of(key)
            is_fresh = seen.asked_at is not None and now - seen.asked_at < VALUE_AGE
            if not is_fresh and key not in self._pending and now_s - seen.tried_s >= RETRY_S:
                due.append(instrument)
        return due

    async def _ask(self, instrument: Instrument) -> None:
        """The value of the last trading day, from its hours."""
        key, seen = instrument.key, self._of(instrument.key)
        self._pending.add(key)
        seen.tried_s = self._desk.clock.monotonic()
        try:
            async with self._asking:
                hours = HOURS[instrument.sec_type]
                answer = await self._broker.history(instrument, count=hours, seconds=HOUR_S)
        finally:
            self._pending.discard(key)
        if not answer.ok or answer.value is None:
            text = f"{key}: its traded value is not known ({answer.error}); asked again"
            self._desk.notices.event(Level.INFO, "strategy", text, symbol=key)
            return
        was_known = not math.isnan(seen.value_usd)
        seen.value_usd = sum(bar.close * bar.volume for bar in answer.value) * instrument.multiplier
        seen.asked_at = self._desk.now()
        self._desk.quotes.traded.pop(key, None)
        if not was_known:
            self._next_of_excluded = None

    def _liquidity(self, key: str) -> tuple[Liquidity, bool]:
        """What is known, and whether the value is all of it: without history it is what we saw ourselves."""
        seen = self._of(key)
        live_usd = self._desk.quotes.traded.get(key, 0.0) * self._desk.instruments[key].multiplier
        told = not math.isnan(seen.value_usd)
        value_usd = seen.value_usd + live_usd if told else (live_usd or math.nan)
        widest = self._desk.config.market_data.max_spread_bps
        spread = median(seen.spreads) if seen.spreads else widest
        return Liquidity(value_usd, spread, key not in self._desk.inputs.status), told

    # --- judging --------------------------------------------------------------------------------

    def _judge(self, keys: Collection[str]) -> None:
        began_s = time.perf_counter()
        rules, members = tier_rules(self._desk.config), dict(self._universe.members)
        before = dict(members)
        settling = {key for key in keys if self._of(key).judged_by < SETTLED}
        for key in keys:
            members[key] = self._member(key, rules)
        for symbol in {key for key, m in members.items() if m.exclusion is Exclusion.NO_CONTRACT}:
            del members[symbol]
        for symbol, why in self.without_contract.items():
            members[symbol] = Member(symbol, 0, "", Exclusion.NO_CONTRACT, why)
        self._universe = Universe(members.values(), rules)
        self._publish()
        self._tell(before, settling)
        self._desk.pipeline.spent_ms[Stage.UNIVERSE] += 1000.0 * (time.perf_counter() - began_s)

    def _member(self, key: str, rules: Sequence[TierRule]) -> Member:
        liquidity, is_whole = self._liquidity(key)
        theme = theme_of(self._desk.instruments[key], self._desk.config)
        self._of(key).judged_by = len(self._of(key).spreads)
        if key in self._desk.selection.lines.left_out:
            return Member(key, 0, theme, Exclusion.NO_LINE, "others need the account's data lines more")
        member = judge(key, liquidity, rules, theme=theme)
        if member.exclusion is Exclusion.MIN_VOLUME and not is_whole:
            return judge(key, liquidity._replace(value_usd=math.nan), rules, theme=theme)
        return member

    def _publish(self) -> None:
        """To the gate and to the screen. New dictionaries: what a decision holds does not change under it."""
        inputs, universe = self._desk.inputs, self._universe
        inputs.tiers, inputs.themes = dict(universe.tiers()), dict(universe.themes())
        inputs.excluded = {m.key: _refusal(m) for m in universe.excluded()}
        order = (*universe.eligible(), *(m.key for m in universe.excluded()))
        rows = tuple(self._row(universe.members[key]) for key in order)
        self._desk.selection = replace(self._desk.selection, universe=rows)

    def _row(self, member: Member) -> UniverseRow:
        is_there = member.key in self._desk.instruments
        liquidity = self._liquidity(member.key)[0] if is_there else Liquidity(math.nan, math.nan)
        known = is_there and self._of(member.key).spreads
        code = "" if member.exclusion is None else REASON_OF[member.exclusion].value
        thin = too_thin(self._desk, member.key)
        value = liquidity.value_usd if math.isfinite(liquidity.value_usd) else None
        return UniverseRow(
            symbol=member.key,
            tier=member.tier,
            theme=member.theme,
            value_usd=value,
            spread_bps=liquidity.spread_bps if known else None,
            code=code or (Reason.ILLIQUID.value if thin else ""),
            text=member.text if code else thin or member.text,
        )

    def _tell(self, before: dict[str, Member], settling: Collection[str]) -> None:
        for said in changes(before, self._universe.members, settling=settling):
            self._desk.notices.event(said.level, "strategy", said.text, symbol=said.symbol)


def theme_of(instrument: Instrument, config: Config) -> str:
    """The theme an instrument belongs to by its symbol or its root; empty for none."""
    names = {instrument.symbol, f"{instrument.symbol}@{instrument.exchange}"}
    themes = config.universe.themes.items()
    return next((theme for theme, symbols in themes if names.intersection(symbols)), "")


def _refusal(member: Member) -> Refusal:
    exclusion = member.exclusion or Exclusion.UNKNOWN_LIQUIDITY
    text = f"{member.key}: not in the universe, {member.text}"
    return Refusal(REASON_OF[exclusion], text, member.limit, member.value)
