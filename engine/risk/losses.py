"""Daily loss and drawdown: what blocks entries, what makes them smaller, what counts as a breach. Pure.

At half of a drawdown's limit (by default) sizes shrink and the least conviction rises, both in step with
what is used up of the limit; at the limit nothing is entered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal


class Losses(NamedTuple):
    """How the account stands. NaN where a price or value is missing: then nothing is entered."""

    day_pct: float = 0.0
    """Today's net P&L in percent of the equity the day began with; losses are negative."""
    symbol_day_pct: float = 0.0
    """The same of one symbol."""
    session_drawdown_pct: float = 0.0
    """Fall from today's highest equity, >= 0."""
    rolling_drawdown_pct: float = 0.0
    """Fall from the highest equity of the rolling window, >= 0."""


NOTHING_LOST = Losses()

_EXACT = 1e-9
"""Room for the last bits of a double: a loss of exactly the limit is the limit."""


def drawdown_pct(equities_usd: Iterable[float], now_usd: float) -> float:
    """Fall of `now_usd` from the highest of `equities_usd`, in percent of it; NaN where it is not known."""
    peak = max((*equities_usd, now_usd))
    if not math.isfinite(now_usd) or not math.isfinite(peak) or peak <= 0:
        return math.nan
    return 100.0 * (peak - now_usd) / peak


def account_breach(losses: Losses, limits: RiskLimits) -> Refusal | None:
    """The limit of the whole account that is reached; None where none is, or where it is not known."""
    day = _reached(Reason.DAILY_LOSS, "today's loss", -losses.day_pct, limits.daily_loss_pct)
    session = _reached(
        Reason.DRAWDOWN,
        "the session's drawdown",
        losses.session_drawdown_pct,
        limits.session_drawdown_pct,
    )
    rolling = _reached(
        Reason.DRAWDOWN,
        f"the drawdown of {limits.drawdown_window_days} days",
        losses.rolling_drawdown_pct,
        limits.rolling_drawdown_pct,
    )
    return day or session or rolling


def check_losses(key: str, losses: Losses, limits: RiskLimits) -> Refusal | None:
    """Why losses allow no entry; None where they do. Not known is not zero."""
    if not all(math.isfinite(figure) for figure in losses):
        return Refusal(Reason.NOT_FINITE, f"{key}: today's profit and loss or drawdown is not known")
    lost_pct, of_pct = -losses.symbol_day_pct, limits.symbol_daily_loss_pct
    of_symbol = _reached(Reason.SYMBOL_DAILY_LOSS, f"{key}: its loss today", lost_pct, of_pct)
    return account_breach(losses, limits) or of_symbol


def used_share(losses: Losses, limits: RiskLimits) -> float:
    """How much of the nearer drawdown limit is used up, 0 to 1; 0 below the start of de-risking."""
    used = max(
        losses.session_drawdown_pct / limits.session_drawdown_pct,
        losses.rolling_drawdown_pct / limits.rolling_drawdown_pct,
    )
    return min(1.0, used) if used >= limits.derisk_start - _EXACT else 0.0


def size_factor(losses: Losses, limits: RiskLimits) -> float:
    """Factor on the risk of a trade: 1 at first, then linearly down to 0 at the limit."""
    return 1.0 - used_share(losses, limits)


def conviction_needed(losses: Losses, limits: RiskLimits) -> float:
    """Least conviction of an entry: rises linearly to 1 at the limit."""
    least = limits.min_conviction
    return least + (1.0 - least) * used_share(losses, limits)


def _reached(reason: Reason, what: str, value_pct: float, limit_pct: float) -> Refusal | None:
    if value_pct < limit_pct - _EXACT or not math.isfinite(value_pct):
        return None
    return Refusal(reason, f"{what} is {value_pct:.2f} % of {limit_pct:g} %", limit_pct, value_pct)
