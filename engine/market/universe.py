"""Which instruments may be entered, and in which tier: by traded value and spread. Pure.

A tier asks for a least value traded in a day and a widest spread; an instrument is in the best tier whose
conditions it meets. What meets none is excluded with the reason of the tier it came nearest to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Exclusion(StrEnum):
    """Why an instrument is not in the universe. Stable codes."""

    MIN_VOLUME = "min_volume"
    MAX_SPREAD = "max_spread"
    UNKNOWN_LIQUIDITY = "unknown_liquidity"
    """Its volume or spread is not known (yet): unknown is not enough."""
    NOT_TRADING = "not_trading"
    """The exchange does not trade it now."""
    NO_CONTRACT = "no_contract"
    """Of this future every contract is about to end."""
    NO_LINE = "no_data_line"
    """More instruments want to be watched than the account has data lines for."""


@dataclass(frozen=True, slots=True)
class TierRule:
    """Conditions of one tier, and what it may hold."""

    tier: int
    """1 is the most liquid."""
    min_value_usd: float
    """Least value traded in 24 hours (one trading day)."""
    max_spread_bps: float
    allocation_pct: float
    """Most of the gross exposure that instruments of this tier may make up together."""
    base_size_pct: float
    """Size of one position, of net liquidation value, before multipliers."""


class Liquidity(NamedTuple):
    """What is measured of one instrument. NaN where it is not known."""

    value_usd: float
    """Traded in the last 24 hours."""
    spread_bps: float
    is_trading: bool = True
    """False where product or exchange is halted or disabled."""


class Member(NamedTuple):
    """One instrument of the universe, or one that is kept out of it."""

    key: str
    tier: int
    """0 where it is excluded."""
    theme: str
    """Cluster whose exposure is capped together; empty for none."""
    exclusion: Exclusion | None = None
    text: str = ""
    """For people: the value that failed and the limit it failed."""
    limit: float | None = None
    value: float | None = None
    """The same as figures, in the unit of what failed."""


def judge(key: str, seen: Liquidity, rules: Sequence[TierRule], *, theme: str = "") -> Member:
    """The tier of one instrument, or why it has none. `rules` best tier first."""
    if not seen.is_trading:
        return Member(key, 0, theme, Exclusion.NOT_TRADING, "the exchange does not trade it now")
    if not (math.isfinite(seen.value_usd) and math.isfinite(seen.spread_bps)):
        return Member(key, 0, theme, Exclusion.UNKNOWN_LIQUIDITY, "volume or spread is not known yet")
    for rule in rules:
        if seen.value_usd >= rule.min_value_usd and seen.spread_bps <= rule.max_spread_bps:
            return Member(key, rule.tier, theme)
    widest = rules[-1]
    if seen.value_usd < widest.min_value_usd:
        text = (
            f"{seen.value_usd:,.0f} USD traded in 24 h, tier {widest.tier} asks {widest.min_value_usd:,.0f}"
        )
        return Member(key, 0, theme, Exclusion.MIN_VOLUME, text, widest.min_value_usd, seen.value_usd)
    # Wide enough for no tier whose volume it has.
    allowed = max(rule.max_spread_bps for rule in rules if seen.value_usd >= rule.min_value_usd)
    text = f"spread {seen.spread_bps:.1f} bps, at most {allowed:.1f}"
    return Member(key, 0, theme, Exclusion.MAX_SPREAD, text, allowed, seen.spread_bps)


class Universe:
    """The members of one session, as last judged."""

    def __init__(self, members: Iterable[Member], rules: Sequence[TierRule]) -> None:
        self.members = {member.key: member for member in members}
        self._rules = {rule.tier: rule for rule in rules}

    def eligible(self) -> tuple[str, ...]:
        """Keys that may be entered, best tier first, then by name."""
        inside = [m for m in self.members.values() if m.tier]
        return tuple(m.key for m in sorted(inside, key=lambda m: (m.tier, m.key)))

    def excluded(self) -> tuple[Member, ...]:
        """Those kept out, by name."""
        return tuple(sorted((m for m in self.members.values() if not m.tier), key=lambda m: m.key))

    def rule_of(self, key: str) -> TierRule | None:
        """Rule of the tier a key is in; None where it is in none."""
        member = self.members.get(key)
        return None if member is None else self._rules.get(member.tier)

    def tiers(self) -> Mapping[str, int]:
        """Key -> tier of the eligible."""
        return {key: self.members[key].tier for key in self.eligible()}

    def themes(self) -> Mapping[str, str]:
        """Key -> theme of those that have one, eligible or not: what is held counts either way."""
        return {m.key: m.theme for m in self.members.values() if m.theme}
