"""How often: cooldowns, attempts, repeats, and the budget of messages. Pure; holds entries only."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.market import NEW_YORK
from engine.domain.order import Order, OrderIntent, OrderState, Proposal, Role, Side
from engine.domain.plan import NO_PLAN
from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal

_MINUTE = timedelta(minutes=1)
_ENTRY = Role.ENTRY


class Pace(NamedTuple):
    """What was sent and filled lately, on the exchange's clock."""

    orders_last_minute: int = 0
    """Orders of every role."""
    strategy_fills: int = 0
    """Entries of the asking strategy that filled, wholly or in part, in the window of repeats."""
    same_entry_at: datetime | None = None
    """When an entry of the same symbol and side was last made."""


UNHURRIED = Pace()


class RecentOrders:
    """What was made lately, kept up order by order: asking costs the same however long the day was."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        """Begin with the orders of the day so far, oldest first."""
        self._made: deque[tuple[datetime, str]] = deque()
        """When each order of the last minute was made, with its ref, oldest first."""
        self._refs: set[str] = set()
        self._entries: dict[tuple[str, Side], datetime] = {}
        """When an entry of a key and side was last made."""
        self._filled: dict[str, dict[str, datetime]] = {}
        """Strategy -> its entries that filled lately, by ref, and when they were made."""
        for order in orders:
            self.made(order.intent)
            self.note(order)

    def note(self, order: Order) -> None:
        """Take in an order that is new or has changed."""
        intent = order.intent
        if order.state is OrderState.PENDING and intent.ref not in self._refs:
            self.made(intent)
        if order.filled > 0:
            self.filled(intent)

    def made(self, intent: OrderIntent) -> None:
        """Take in an order that nobody has told of before."""
        self._made.append((intent.created_at, intent.ref))
        self._refs.add(intent.ref)
        if intent.role is _ENTRY:
            self._entries[intent.key, intent.side] = intent.created_at

    def filled(self, intent: OrderIntent) -> None:
        """Take in that something of an order has filled."""
        if intent.role is _ENTRY:
            self._filled.setdefault(intent.strategy, {})[intent.ref] = intent.created_at

    def pace(self, now: datetime, strategy: str, key: str, side: Side, limits: RiskLimits) -> Pace:
        """How it stands for an entry that is asked for now."""
        made, old = self._made, now - _MINUTE
        while made and made[0][0] <= old:
            self._refs.discard(made.popleft()[1])
        filled, same_at = (
            self._fills(now, strategy, window_s=limits.repeat_window_s),
            self._entries.get((key, side)),
        )
        # As its own `__new__` makes it, without the call before that.
        return tuple.__new__(Pace, (len(made), filled, same_at))

    def _fills(self, now: datetime, strategy: str, *, window_s: float) -> int:
        filled = self._filled.get(strategy)
        if not filled:
            return 0
        since = now - timedelta(seconds=window_s)
        old = [ref for ref, at in filled.items() if at <= since]
        for ref in old:
            del filled[ref]
        return len(filled)


def check_pace(proposal: Proposal, pace: Pace, now: datetime, limits: RiskLimits) -> Refusal | None:
    """The budget of messages, repeated execution, and the same entry twice."""
    key, (made, filled, same_entry_at) = proposal.key, pace
    if made >= (most := limits.orders_per_minute):
        text = f"{made} of {most} orders in the last minute; exits and cancels go on"
        return Refusal(Reason.MESSAGE_RATE, text, most, made)
    if filled > (most := limits.repeat_fills):
        text = f"{proposal.strategy} filled {filled} of {most} entries in {limits.repeat_window_s:g} s"
        return Refusal(Reason.REPEATED_EXECUTION, text, most, filled)
    # A new signal is a new reason; without one the same wish again is a slip of the hand.
    if same_entry_at is not None and not proposal.signal_id:
        passed_s = (now - same_entry_at).total_seconds()
        if passed_s < limits.duplicate_window_s:
            text = (
                f"{key}: the same entry was made {passed_s:.1f} s ago, wait {limits.duplicate_window_s:g} s"
            )
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
    plan = proposal.plan
    if plan is NO_PLAN:
        return None
    pivot = plan.pivot
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
