"""How much: risk per trade over the distance of the stop, cut to the tightest cap. Pure."""

from __future__ import annotations

import math
from typing import Final

from engine.domain.instrument import Instrument
from engine.domain.market import Quote
from engine.domain.order import Proposal, Side
from engine.domain.preview import EntryTicket
from engine.domain.price import Rounding, round_to_tick, tick_at
from engine.domain.reasons import Reason
from engine.risk.caps import (
    EXACT,
    cap_of_terms,
    caps_of,
    check_size,
    first_exceeded,
    most_units,
    regime_factor,
    room_usd,
)
from engine.risk.exposure import unit_exposure_usd
from engine.risk.limits import RiskLimits
from engine.risk.losses import used_share
from engine.risk.order_check import OrderRules, too_small
from engine.risk.quality import check_collar
from engine.risk.refusal import Refusal
from engine.risk.volatility import calm_units
from engine.risk.world import GateWorld

_BUY, _DOWN, _UP, _INF = Side.BUY, Rounding.DOWN, Rounding.UP, math.inf
"""Looked up once: an enum's member costs a tenth of a microsecond each time."""
TOO_RISKY: Final = "would risk"
"""In the words of a size that the risk of one trade refuses, and of no other."""


def size_entry(
    proposal: Proposal,
    world: GateWorld,
    limits: RiskLimits,
    *,
    wanted: int | None,
    limit_price: float | None = None,
) -> EntryTicket | Refusal:
    """Prices on the grid and a quantity within every cap.

    A `wanted` quantity (a person's) is never cut: it passes as it is or is refused by the limit it breaks.
    Nor is a `limit_price` moved but onto the grid; without one it goes through the touch.
    """
    instrument, quote = world.instrument, world.quote
    if instrument is None or quote is None:  # the checks before this one have settled both
        return Refusal(Reason.NO_QUOTE, f"{proposal.key}: no quote")
    limit = entry_limit(proposal.side, instrument, quote, limits.entry_ticks_through, limit_price)
    far = check_collar(instrument.key, limit, quote, limits)
    if far is not None:
        return far
    stop = _stop(proposal, instrument, limit)
    if isinstance(stop, Refusal):
        return stop
    unit_risk = abs(limit - stop) * instrument.multiplier
    unit_usd = unit_exposure_usd(instrument, limit, world.margin_usd)
    caps = caps_of(instrument, world, limits)
    if isinstance(caps, Refusal):
        return caps
    if proposal.terms is not None:
        caps = (*caps, cap_of_terms(proposal.terms, instrument.key, world, limits))
    if not (unit_risk < _INF and 0.0 < unit_usd < _INF):  # nor is NaN below anything
        return Refusal(Reason.NOT_FINITE, f"{instrument.key}: margin or exposure of one is not known yet")
    rules, budget, room = limits.order_rules, risk_budget_usd(world, limits), room_usd(caps)
    if wanted is None:
        sized = _sized(proposal, instrument, limits, room / unit_usd, budget, unit_risk, limit)
    else:
        sized = wanted, rules.fee_usd(instrument, wanted, limit)
    if isinstance(sized, Refusal):
        return sized
    quantity, fee = sized
    risk, exposure = quantity * unit_risk + 2 * fee, quantity * unit_usd
    refusal = (
        (None if wanted is None else check_size(instrument, quantity, limits))
        or (None if exposure <= room else first_exceeded(instrument.key, caps, exposure))
        or (None if risk <= budget else _too_risky(instrument.key, quantity, risk, budget))
        or too_small(instrument, rules, quantity, limit, fee)
    )
    # As its own `__new__` makes it, without the two calls before that.
    return refusal or tuple.__new__(EntryTicket, (quantity, limit, stop, exposure, risk, 2 * fee))


def _sized(
    proposal: Proposal,
    instrument: Instrument,
    limits: RiskLimits,
    room: float,
    budget: float,
    unit_risk: float,
    limit: float,
) -> tuple[int, float] | Refusal:
    """The most units that every limit leaves, and the fee of one way. `room` in units, the rest in USD."""
    rules, fitting, most = limits.order_rules, _most(room), most_units(instrument, limits)
    asked = proposal.most_units
    if asked is not None and asked < most:
        if asked < 1:
            return Refusal(Reason.SIZE_ZERO, f"{instrument.key}: {proposal.strategy} asks for {asked} units")
        most = asked
    quantity = fitting if fitting < most else most
    if limits.volatility_target_pct:
        calm = calm_units(proposal, instrument, budget / limits.risk_per_trade_pct, limits)
        if isinstance(calm, Refusal):
            return calm
        quantity = min(quantity, calm)
    fee = rules.fee_usd(instrument, quantity, limit)
    if quantity * unit_risk + 2 * fee <= budget:
        return quantity, fee
    quantity = _within_risk(instrument, rules, budget, unit_risk, limit)
    return quantity, rules.fee_usd(instrument, quantity, limit)


def _most(units: float) -> int:
    """Whole units; at least one, so that a refusal can name the limit."""
    whole = int(units + 1e-9)
    return whole if whole > 1 else 1


def _within_risk(
    instrument: Instrument, rules: OrderRules, budget_usd: float, unit_risk: float, limit: float
) -> int:
    """Units whose loss at the stop, the fees of entry and exit included, stays within the budget."""
    most = math.floor(budget_usd / unit_risk + 1e-9)
    # Fewer units never pay more, so what the larger order pays is enough to hold back.
    fees = 2 * rules.fee_usd(instrument, most, limit)
    return _most((budget_usd - fees) / unit_risk)


def risk_budget_usd(world: GateWorld, limits: RiskLimits) -> float:
    """What this trade may lose: widened or narrowed by the regime, shrinking in a drawdown."""
    share = limits.risk_per_trade_pct / 100.0 * regime_factor(world, limits)
    return world.net_liquidation_usd * share * (1.0 - used_share(world.losses, limits))


def _too_risky(key: str, quantity: int, risk_usd: float, budget_usd: float) -> Refusal | None:
    if risk_usd <= budget_usd * (1.0 + EXACT):
        return None
    text = f"{key}: {quantity} {TOO_RISKY} {risk_usd:,.2f} of {budget_usd:,.2f} USD per trade"
    return Refusal(Reason.SIZE_ZERO, text, budget_usd, risk_usd)


def entry_limit(
    side: Side, instrument: Instrument, quote: Quote, ticks_through: int, asked: float | None
) -> float:
    """A limit `ticks_through` ticks through the touch: fills at once, but never at any price.

    One that was `asked` for only goes onto the grid; what is no price is left for the collar to refuse.
    """
    # A limit is never worse than meant: what is bought is rounded down, what is sold up.
    if asked is not None:
        return (
            round_to_tick(instrument, asked, _DOWN if side is _BUY else _UP) if 0.0 < asked < _INF else asked
        )
    if side is _BUY:
        meant = quote.ask + ticks_through * tick_at(instrument, quote.ask)
        return round_to_tick(instrument, meant, _DOWN)
    meant = quote.bid - ticks_through * tick_at(instrument, quote.bid)
    return round_to_tick(instrument, meant, _UP)


def _stop(proposal: Proposal, instrument: Instrument, limit: float) -> float | Refusal:
    """The protective stop on the grid, rounded away from the entry so that it is never tighter than meant."""
    wanted = proposal.stop_price
    if wanted is None or not 0.0 < wanted < _INF:
        return Refusal(
            Reason.STOP_INVALID, f"{instrument.key}: an entry needs a protective stop, got {wanted}"
        )
    is_buy = proposal.side is _BUY
    stop = round_to_tick(instrument, wanted, _DOWN if is_buy else _UP)
    if (stop < limit) if is_buy else (stop > limit):
        return stop
    text = f"{instrument.key}: stop {stop} is on the wrong side of the entry at {limit}"
    return Refusal(Reason.STOP_INVALID, text, limit, stop)
