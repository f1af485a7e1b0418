"""What a person asked for, made a proposal: the same kind of wish that a strategy has. Pure.

Only what makes no sense is refused here, so that the message names the figure that is wrong. Whether a
sensible wish may be sent is the gate's alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from engine.api_orders import OrderWish
from engine.domain.instrument import Instrument
from engine.domain.market import Quote
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import NO_PLAN, Plan
from engine.domain.price import Rounding, round_to_tick
from engine.domain.reasons import Reason
from engine.ledger.ledger import OPERATOR
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.sizing import entry_limit

HIGHEST_PRICE: Final = 1e9
"""No price of anything; beyond it figures only break."""


class Asked(NamedTuple):
    """A sensible wish, as the gate is asked."""

    proposal: Proposal
    limits: RiskLimits
    """Those in force; a smaller risk per trade where one was asked for."""
    wanted: int | None
    limit_price: float | None
    at_market: bool
    is_default_stop: bool


def asked_of(
    wish: OrderWish,
    *,
    instrument: Instrument,
    quote: Quote | None,
    limits: RiskLimits,
    default_stop_pct: float,
    now: datetime,
    signal_id: str,
    note: str,
) -> Asked | Refusal:
    """The proposal of a wish, or which figure of it makes no sense."""
    key = instrument.key
    wrong = _wrong_size(key, wish, limits) or _wrong_prices(key, wish)
    if wrong is not None:
        return wrong
    side, touch = Side(wish.side), _touch(quote)
    limit = _limit(side, wish, instrument, touch, limits)
    stop, target = wish.stop, wish.target
    if stop is None and limit is not None:
        # A limit through the market fills at the market: from there the way to the stop counts.
        near = (
            limit if touch is None else min(limit, touch.ask) if side is Side.BUY else max(limit, touch.bid)
        )
        stop = near * (1.0 - side.sign * default_stop_pct / 100.0)
    if touch is not None and limit is not None:
        wrong = _wrong_sides(key, side, touch, limit=limit, stop=stop, target=target)
        if wrong is not None:
            return wrong
    plan = NO_PLAN
    if target is not None:
        rounding = Rounding.UP if side is Side.BUY else Rounding.DOWN
        plan = Plan(target1=round_to_tick(instrument, target, rounding))
    proposal = Proposal(
        OPERATOR,
        key,
        Intention.ENTER,
        side,
        signal_id,
        now,
        stop_price=stop,
        target_price=plan.target1,
        note=note,
        plan=plan,
        most_units=wish.most,
    )
    if wish.risk_pct is not None:
        limits = replace(limits, risk_per_trade_pct=wish.risk_pct)
    return Asked(proposal, limits, wish.quantity, wish.limit, wish.at_market, wish.stop is None)


def _wrong_size(key: str, wish: OrderWish, limits: RiskLimits) -> Refusal | None:
    if wish.side not in list(Side):
        return Refusal(Reason.OUT_OF_BOUNDS, f"{key}: a side is BUY or SELL")
    if wish.quantity is not None and wish.risk_pct is not None:
        return Refusal(Reason.OUT_OF_BOUNDS, f"{key}: say a quantity or a risk, not both")
    if wish.quantity is not None and wish.quantity < 1:
        return Refusal(Reason.OUT_OF_BOUNDS, f"{key}: a quantity is at least 1")
    risk_pct, most_pct = wish.risk_pct, limits.risk_per_trade_pct
    if risk_pct is not None and not 0.0 < risk_pct <= most_pct:
        text = f"{key}: one trade may risk more than 0 and at most {most_pct:g} % (risk.risk_per_trade_pct)"
        return Refusal(Reason.OUT_OF_BOUNDS, text, most_pct, risk_pct)
    return None


def _wrong_prices(key: str, wish: OrderWish) -> Refusal | None:
    if wish.at_market and wish.limit is not None:
        return Refusal(Reason.OUT_OF_BOUNDS, f"{key}: an order at market has no limit")
    for name, price in (("limit", wish.limit), ("stop", wish.stop), ("target", wish.target)):
        if price is not None and not 0.0 < price < HIGHEST_PRICE:  # which NaN is not
            return Refusal(Reason.OUT_OF_BOUNDS, f"{key}: {price:g} is no price for its {name}")
    return None


def _touch(quote: Quote | None) -> Quote | None:
    """The quote where it has two sides that make sense."""
    return quote if quote is not None and 0.0 < quote.bid <= quote.ask < math.inf else None


def _limit(
    side: Side, wish: OrderWish, instrument: Instrument, touch: Quote | None, limits: RiskLimits
) -> float | None:
    """Where it would stand; None where neither the wish nor the market says it."""
    if touch is None:
        return wish.limit
    return entry_limit(side, instrument, touch, limits.entry_ticks_through, wish.limit)


def _wrong_sides(
    key: str, side: Side, touch: Quote, *, limit: float, stop: float | None, target: float | None
) -> Refusal | None:
    """A stop that would fill at once, or a target that is no profit. The gate refuses the rest."""
    sign, near = side.sign, touch.bid if side is Side.BUY else touch.ask
    if stop is not None and (near - stop) * sign <= 0:
        where = f"under the bid {near:g}" if side is Side.BUY else f"over the ask {near:g}"
        text = f"{key}: a stop at {stop:g} would fill at once; it belongs {where}"
        return Refusal(Reason.STOP_INVALID, text, near, stop)
    if target is not None and ((target - limit) * sign <= 0 or (target - near) * sign <= 0):
        where = "above" if side is Side.BUY else "below"
        text = f"{key}: a target at {target:g} is no profit; it belongs {where} the entry at {limit:g}"
        return Refusal(Reason.OUT_OF_BOUNDS, text, limit, target)
    return None
