"""How many contracts: as calm as meant, less in a drawdown, never more than outcomes have earned. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.learning.appetite import Appetite
from engine.learning.record import TradeRecord


class Size(NamedTuple):
    """A size with the share behind it; hard limits of the gate stand above it."""

    contracts: int
    risk_share: float
    """Share of equity that the trade would risk at its stop, before rounding down."""
    cap_share: float
    """What the outcomes have earned: (mean - standard error) / variance."""


def drawdown_share(equity_usd: float, peak_usd: float, appetite: Appetite) -> float:
    """Share of the largest drawdown that is used up, 0 to 1; 1 where equity is not known.

    At 1 size stays zero, and only a person's act can set the peak anew.
    """
    if not (math.isfinite(equity_usd) and math.isfinite(peak_usd) and peak_usd > 0.0):
        return 1.0
    lost_pct = max(0.0, 100.0 * (1.0 - equity_usd / peak_usd))
    return min(1.0, lost_pct / appetite.drawdown_max_pct)


def size_of(
    appetite: Appetite,
    record: TradeRecord,
    *,
    equity_usd: float,
    risk_usd: float,
    vol_target: float,
    vol_now: float,
    drawdown: float,
) -> Size:
    """f = f0 · (vol target / vol now) · (1 - drawdown), capped by what was earned; contracts rounded down.

    `risk_usd` is what one contract loses at its stop, costs included; volatilities in any one unit;
    `drawdown` as `drawdown_share` gives it. Anything unknown makes it zero.
    """
    parts = (equity_usd, risk_usd, vol_target, vol_now, drawdown)
    if not all(math.isfinite(part) for part in parts) or risk_usd <= 0.0 or vol_now <= 0.0:
        return Size(0, 0.0, 0.0)
    cap = earned_share(record)
    share = appetite.risk_pct / 100.0 * (vol_target / vol_now) * max(0.0, 1.0 - drawdown)
    share = max(0.0, min(share, cap))
    return Size(math.floor(share * max(0.0, equity_usd) / risk_usd + 1e-9), share, cap)


def earned_share(record: TradeRecord) -> float:
    """Kelly's share on the mean less its error; 0 while there are too few outcomes to say."""
    if record.n < 2 or not record.variance > 0.0:
        return 0.0
    return max(0.0, record.mean - record.error) / record.variance
