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

_INF = math.inf
_EXACT = 1e-9
"""Room for the last bits of a double: a loss of exactly the limit is the limit."""


def drawdown_pct(equities_usd: Iterable[float], now_usd: float) -> float:
    """Fall of `now_usd` from the highest of `equities_usd`, in percent of it; NaN where it is not known."""
    return fall_pct(max((*equities_usd, now_usd)), now_usd)


def fall_pct(peak: float, now_usd: float) -> float:
    """The same from a peak that is known to be none too low."""
    if not math.isfinite(now_usd) or not math.isfinite(peak) or peak <= 0:
        return math.nan
    return 100.0 * (peak - now_usd) / peak


def account_breach(losses: Losses, limits: RiskLimits) -> Refusal | None:
    """The limit of the whole account that is reached; None where none is, or where it is not known."""
    day_pct, _, session_pct, rolling_pct = losses
    if (
        day_pct > _EXACT - limits.daily_loss_pct
        and session_pct < limits.session_drawdown_pct - _EXACT
        and rolling_pct < limits.rolling_drawdown_pct - _EXACT
    ):
        return None  # the ordinary case; what is no number goes on to be looked at one by one
    if _is_reached(-day_pct, limits.daily_loss_pct):
        return _breach(Reason.DAILY_LOSS, "today's loss", -day_pct, limits.daily_loss_pct)
    if _is_reached(session_pct, limits.session_drawdown_pct):
        what = "the session's drawdown"
        return _breach(Reason.DRAWDOWN, what, session_pct, limits.session_drawdown_pct)
    if _is_reached(rolling_pct, limits.rolling_drawdown_pct):
        what = f"the drawdown of {limits.drawdown_window_days} days"
        return _breach(Reason.DRAWDOWN, what, rolling_pct, limits.rolling_drawdown_pct)
    return None


def check_losses(key: str, losses: Losses, limits: RiskLimits) -> Refusal | None:
    """Why losses allow no entry; None where they do. Not known is not zero."""
    day_pct, symbol_pct, session_pct, rolling_pct = losses
    if (
        _EXACT - limits.daily_loss_pct < day_pct < _INF
        and _EXACT - limits.symbol_daily_loss_pct < symbol_pct < _INF
        and -_INF < session_pct < limits.session_drawdown_pct - _EXACT
        and -_INF < rolling_pct < limits.rolling_drawdown_pct - _EXACT
    ):
        return None  # the ordinary case; what is no number is within no bounds
    # One that is no number makes none of the sum.
    if not math.isfinite(day_pct + symbol_pct + session_pct + rolling_pct):
        return Refusal(Reason.NOT_FINITE, f"{key}: today's profit and loss or drawdown is not known")
    breach = account_breach(losses, limits)
    lost_pct, of_pct = -symbol_pct, limits.symbol_daily_loss_pct
    if breach is None and lost_pct >= of_pct - _EXACT:
        return _breach(Reason.SYMBOL_DAILY_LOSS, f"{key}: its loss today", lost_pct, of_pct)
    return breach


def used_share(losses: Losses, limits: RiskLimits) -> float:
    """How much of the nearer drawdown limit is used up, 0 to 1; 0 below the start of de-risking."""
    _, _, session_pct, rolling_pct = losses
    session, rolling = session_pct / limits.session_drawdown_pct, rolling_pct / limits.rolling_drawdown_pct
    used = session if session > rolling else rolling
    if not used >= limits.derisk_start - _EXACT:
        return 0.0
    return used if used < 1.0 else 1.0


def size_factor(losses: Losses, limits: RiskLimits) -> float:
    """Factor on the risk of a trade: 1 at first, then linearly down to 0 at the limit."""
    return 1.0 - used_share(losses, limits)


def conviction_needed(losses: Losses, limits: RiskLimits) -> float:
    """Least conviction of an entry: rises linearly to 1 at the limit."""
    least = limits.min_conviction
    return least + (1.0 - least) * used_share(losses, limits)


def _is_reached(value_pct: float, limit_pct: float) -> bool:
    return value_pct >= limit_pct - _EXACT and math.isfinite(value_pct)


def _breach(reason: Reason, what: str, value_pct: float, limit_pct: float) -> Refusal:
    return Refusal(reason, f"{what} is {value_pct:.2f} % of {limit_pct:g} %", limit_pct, value_pct)
