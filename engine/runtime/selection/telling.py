"""What people hear of a universe that was judged anew: each change once, and many alike in one line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from engine.api import Level
from engine.domain.reasons import Reason
from engine.market.universe import Exclusion, Member

APART: Final = 2
"""So many changes alike have a line each; more of them share one."""
NAMED: Final = 12
"""Instruments that a shared line names."""
REASON_OF: Final = {
    Exclusion.MIN_VOLUME: Reason.MIN_VOLUME,
    Exclusion.MAX_SPREAD: Reason.MAX_SPREAD,
    Exclusion.UNKNOWN_LIQUIDITY: Reason.UNKNOWN_LIQUIDITY,
    Exclusion.NOT_TRADING: Reason.PRODUCT_HALTED,
    Exclusion.NO_CONTRACT: Reason.NO_CONTRACT,
    Exclusion.NO_LINE: Reason.NO_DATA_LINE,
}


class Said(NamedTuple):
    """One line."""

    level: Level
    text: str
    symbol: str = ""


def changes(before: Mapping[str, Member], members: Mapping[str, Member]) -> list[Said]:
    """What is otherwise than it was; of the first look only how many may be entered, and who may not."""
    said = []
    if not before and members:
        tiers = sorted(member.tier for member in members.values() if member.tier)
        counts = ", ".join(f"tier {t}: {tiers.count(t)}" for t in sorted(set(tiers)))
        text = f"universe: {len(tiers)} of {len(members)} may be entered ({counts or 'none'})"
        said.append(Said(Level.INFO, text))
    alike: dict[tuple[int, int, str], list[Member]] = {}
    for key, member in members.items():
        old = before.get(key)
        is_new = old is None and member.exclusion is None
        if is_new or (old is not None and (old.tier, old.exclusion) == (member.tier, member.exclusion)):
            continue
        code = "" if member.exclusion is None else REASON_OF[member.exclusion].value
        was = -1 if old is None or code else old.tier
        alike.setdefault((was, member.tier, code), []).append(member)
    for (was, tier, code), those in alike.items():
        said += _lines(those, was=was, tier=tier, code=code)
    return said


def _lines(those: list[Member], *, was: int, tier: int, code: str) -> list[Said]:
    level, before = (Level.WARNING if code else Level.INFO), was or "left out"
    if len(those) > APART:
        named = ", ".join(member.key for member in those[:NAMED]) + (" …" if len(those) > NAMED else "")
        what = f"not entered ({code})" if code else f"now in tier {tier}, before {before}"
        return [Said(level, f"universe: {len(those)} instruments {what}: {named}")]
    return [
        Said(
            level,
            f"{member.key}: not in the universe, {member.text} ({code})"
            if code
            else f"{member.key}: tier {tier} of the universe, before {before}",
            member.key,
        )
        for member in those
    ]
