"""What a looser limit would have let through of entries that the limit refused. Pure.

Judged by the cap's own rule with the figures that were written down with each refusal. Only this one limit is
asked anew: what the checks behind it would have said, at which price it would have filled and what it would
have earned, nobody knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from engine.domain.reasons import Reason
from engine.risk.caps import EXACT, first_exceeded
from engine.risk.gate import check_slots
from engine.risk.limits import RiskLimits
from engine.risk.sizing import TOO_RISKY

REASONS: Final[Mapping[str, Reason]] = {
    "risk.max_positions": Reason.MAX_POSITIONS,
    "risk.risk_per_trade_pct": Reason.SIZE_ZERO,
    "risk.max_position_size_pct": Reason.POSITION_SIZE,
    "risk.max_total_at_risk_pct": Reason.TOTAL_AT_RISK,
}
"""Keys whose refusals can be told from those of every other limit, and their code."""


class Refused(NamedTuple):
    """One entry that was refused, as it was written down. None where the record has no such figure."""

    signal: str
    key: str
    reason: str
    why: str
    value: float | None
    """What broke the limit: USD, or positions in use."""
    equity_usd: float | None
    regime: float | None
    """Factor of the regime, before its cap."""
    size_factor: float | None
    """What a drawdown left of the risk of a trade."""


class Loosened(NamedTuple):
    """What became of the refusals of one limit under a looser one."""

    refused: int
    """Signals that exactly this limit refused."""
    let_through: int
    """Of these, signals that it would not have refused."""
    not_judged: int
    """Of these, signals whose record lacks a figure."""
    symbols: tuple[tuple[str, int], ...]
    """Instrument and signals of those let through, the most first."""
    highest: float | None
    """Largest figure of the limit that would have been reached: positions or USD; None without any."""


def loosened(key: str, limits: RiskLimits, refusals: Iterable[Refused]) -> Loosened:
    """Judge again, with `limits` as they would be, what the limit of `key` refused. A signal counts once."""
    reason = REASONS.get(key)
    mine = {r.signal: r for r in refusals if r.reason == reason and _is_mine(key, r)}
    passing: list[Refused] = []
    unjudged = 0
    for one in mine.values():
        fits = _fits(key, limits, one)
        if fits is None:
            unjudged += 1
        elif fits:
            passing.append(one)
    reached = [_reached(key, one) for one in passing]
    symbols = Counter(one.key for one in passing).most_common()
    return Loosened(len(mine), len(passing), unjudged, tuple(symbols), max(reached, default=None))


def _is_mine(key: str, one: Refused) -> bool:
    """One code stands for every way in which a size comes to nothing; only one of them is the risk's."""
    return key != "risk.risk_per_trade_pct" or TOO_RISKY in one.why


def _fits(key: str, limits: RiskLimits, one: Refused) -> bool | None:
    """Whether the limit would let it through; None where that cannot be known."""
    if one.value is None:
        return None
    if key == "risk.max_positions":
        return check_slots(int(one.value), limits.max_positions) is None
    if one.equity_usd is None or one.regime is None:
        return None
    percent_usd = one.equity_usd / 100.0 * min(one.regime, limits.regime_cap)
    if key == "risk.risk_per_trade_pct":
        if one.size_factor is None:
            return None
        return one.value <= percent_usd * limits.risk_per_trade_pct * one.size_factor * (1.0 + EXACT)
    pct = (
        limits.max_position_size_pct if key == "risk.max_position_size_pct" else limits.max_total_at_risk_pct
    )
    cap = ((REASONS[key], key), percent_usd * pct, 0.0)
    return first_exceeded(one.key, (cap,), one.value) is None


def _reached(key: str, one: Refused) -> float:
    value = one.value or 0.0
    return value + 1 if key == "risk.max_positions" else value
