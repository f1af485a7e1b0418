"""How often: cooldowns, attempts, repeats, and the budget of messages. Pure; holds entries only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.market import NEW_YORK
from engine.domain.order import Order, Proposal, Role, Side
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal

MINUTE_S = 60.0


class Pace(NamedTuple):
    """What was sent and filled lately, on the exchange's clock."""

    orders_last_minute: int = 0
    """Orders of every role."""
    strategy_fills: int = 0
    """Entries of the asking strategy that filled, wholly or in part, in the window of repeats."""
    same_entry_at: datetime | None = None
    """When an entry of the same symbol and side was last made."""


UNHURRIED = Pace()


def measure_pace(
    newest_first: Iterable[Order],
    now: datetime,
    *,
    strategy: str,
    key: str,
    side: Side,
    limits: RiskLimits,
) -> Pace:
    """Count what was made lately. Stops at the first order that is older than every window."""
    longest_s = max(MINUTE_S, limits.repeat_window_s, limits.duplicate_window_s)
    orders = fills = 0
    same: datetime | None = None
    for order in newest_first:
        intent = order.intent
        age_s = (now - intent.created_at).total_seconds()
        if age_s >= longest_s:
            break
        orders += age_s < MINUTE_S
        if intent.role is not Role.ENTRY:
            continue
        fills += order.filled > 0 and intent.strategy == strategy and age_s < limits.repeat_window_s
        if same is None and intent.key == key and intent.side is side:
            same = intent.created_at
    return Pace(orders, fills, same)


def check_pace(proposal: Proposal, pace: Pace, now: datetime, limits: RiskLimits) -> Refusal | None:
    """The budget of messages, repeated execution, and the same entry twice."""
    key = proposal.key
    if pace.orders_last_minute >= limits.orders_per_minute:
        text = f"{pace.orders_last_minute} orders in the last minute; exits and cancels go on"
        return Refusal(Reason.MESSAGE_RATE, text, limits.orders_per_minute, pace.orders_last_minute)
    if pace.strategy_fills > limits.repeat_fills:
        text = f"{proposal.strategy} filled {pace.strategy_fills} entries in {limits.repeat_window_s:g} s"
        return Refusal(Reason.REPEATED_EXECUTION, text, limits.repeat_fills, pace.strategy_fills)
    # A new signal is a new reason; without one the same wish again is a slip of the hand.
    if pace.same_entry_at is not None and not proposal.signal_id:
        passed_s = (now - pace.same_entry_at).total_seconds()
        if passed_s < limits.duplicate_window_s:
            text = f"{key}: the same entry was made {passed_s:.1f} s ago"
            return Refusal(Reason.DUPLICATE_ENTRY, text, limits.duplicate_window_s, passed_s)
    return None


def check_past(
    proposal: Proposal,
    limits: RiskLimits,
    *,
    now: datetime,
    last_fill_at: datetime | None,
    last_stop_out_at: datetime | None,
    attempts: int,
) -> Refusal | None:
    """Cooldowns after a fill and after a stop-out, and the attempts at one pivot."""
    cooling = _cooling(proposal.key, last_stop_out_at, now, limits.cooldown_after_stop_s, "stop-out")
    cooling = cooling or _cooling(proposal.key, last_fill_at, now, limits.cooldown_s, "fill")
    if cooling is not None:
        return cooling
    plan, pivot = proposal.plan, proposal.plan.pivot
    if not all(level is None or math.isfinite(level) for level in (pivot, plan.target1, plan.target2)):
        return Refusal(Reason.NOT_FINITE, f"{proposal.key}: a level of its plan is no number")
    if pivot is not None and attempts >= limits.max_attempts:
        text = f"{proposal.key}: {attempts} of {limits.max_attempts} attempts at {pivot:g} made today"
        return Refusal(Reason.MAX_ATTEMPTS, text, limits.max_attempts, attempts)
    return None


def _cooling(key: str, since: datetime | None, now: datetime, cooldown_s: float, what: str) -> Refusal | None:
    if since is None:
        return None
    passed_s = (now - since).total_seconds()
    if passed_s >= cooldown_s:
        return None
    until = (since + timedelta(seconds=cooldown_s)).astimezone(NEW_YORK)
    text = f"{key}: cooldown after a {what} until {until:%H:%M:%S} ET"
    return Refusal(Reason.COOLDOWN, text, cooldown_s, passed_s)
