"""What people hear of a universe that was judged anew: each change once, and many alike in one line. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

_PROVISIONAL: Final = frozenset({None, Exclusion.UNKNOWN_LIQUIDITY})
"""What a next look may well turn: a tier by a spread hardly seen, and what was not told yet."""


class Said(NamedTuple):
    """One line."""

    level: Level
    text: str
    symbol: str = ""


def changes(
    before: Mapping[str, Member], members: Mapping[str, Member], *, settling: Collection[str] = ()
) -> list[Said]:
    """What is otherwise than it was. Of the first look, and of what is `settling` (hardly measured yet), only
    how many may be entered; but who is known to be left out is always named.
    """
    alike: dict[tuple[int, int, str], list[Member]] = {}
    is_first = not before and bool(members)
    has_moved = False
    for key, member in members.items():
        old = before.get(key)
        if old is not None and (old.tier, old.exclusion) == (member.tier, member.exclusion):
            continue
        if (old is None or key in settling) and member.exclusion in _PROVISIONAL:
            has_moved = True
            continue
        code = "" if member.exclusion is None else REASON_OF[member.exclusion].value
        alike.setdefault((-1 if old is None or code else old.tier, member.tier, code), []).append(member)
    said = [_summary(members)] if is_first or has_moved else []
    for (was, tier, code), those in alike.items():
        said += _lines(those, was=was, tier=tier, code=code)
    return said


def _summary(members: Mapping[str, Member]) -> Said:
    tiers = sorted(member.tier for member in members.values() if member.tier)
    counts = ", ".join(f"tier {t}: {tiers.count(t)}" for t in sorted(set(tiers)))
    return Said(Level.INFO, f"universe: {len(tiers)} of {len(members)} may be entered ({counts or 'none'})")


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
