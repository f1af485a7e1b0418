"""How much: risk per trade over the distance of the stop, cut to the tightest cap. Pure."""

from __future__ import annotations

import math

from engine.domain.instrument import Instrument
from engine.domain.market import Quote
from engine.domain.order import Proposal, Side
from engine.domain.preview import EntryTicket
from engine.domain.price import Rounding, round_to_tick, tick_at
from engine.domain.reasons import Reason
from engine.risk.caps import EXACT, Cap, caps_of, first_exceeded
from engine.risk.exposure import unit_exposure_usd
from engine.risk.limits import RiskLimits
from engine.risk.losses import size_factor
from engine.risk.order_check import OrderRules, too_small
from engine.risk.quality import check_collar
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld


def size_entry(
    proposal: Proposal, world: GateWorld, limits: RiskLimits, *, wanted: int | None
) -> EntryTicket | Refusal:
    """Prices on the grid and a quantity within every cap.

    A `wanted` quantity (a person's) is never cut: it passes as it is or is refused by the limit it breaks.
    """
    instrument, quote = world.instrument, world.quote
    if instrument is None or quote is None:  # the checks before this one have settled both
        return Refusal(Reason.NO_QUOTE, f"{proposal.key}: no quote")
    limit = _entry_limit(proposal.side, instrument, quote, limits.entry_ticks_through)
    far = check_collar(instrument.key, limit, quote, limits)
    if far is not None:
        return far
    stop = _stop(proposal, instrument, limit)
    if isinstance(stop, Refusal):
        return stop
    unit_risk = abs(limit - stop) * instrument.multiplier
    unit_usd = unit_exposure_usd(instrument, limit, world.margin_usd)
    caps = caps_of(instrument, world, limits)
    figures = (unit_risk, unit_usd, *(c.used_usd for c in caps), world.net_liquidation_usd)
    if not all(math.isfinite(f) for f in figures) or unit_usd <= 0 or world.net_liquidation_usd <= 0:
        return Refusal(Reason.NOT_FINITE, f"{instrument.key}: margin, exposure or equity is not known yet")
    budget = _risk_budget_usd(world, limits)
    by_risk = _after_fees(instrument, limits.order_rules, budget, unit_risk, limit=limit)
    quantity = wanted if wanted is not None else _most(by_risk, caps, unit_usd)
    fees = _both_fees(instrument, limits.order_rules, quantity, limit=limit)
    risk = quantity * unit_risk + fees
    refusal = (
        _no_units(instrument.key, quantity)
        or first_exceeded(instrument.key, caps, quantity * unit_usd)
        or _too_risky(instrument.key, quantity, risk, budget)
        or too_small(instrument, limits.order_rules, quantity=quantity, price=limit)
    )
    if refusal is not None:
        return refusal
    return EntryTicket(
        quantity=quantity,
        limit_price=limit,
        stop_price=stop,
        exposure_usd=quantity * unit_usd,
        risk_usd=risk,
        fees_usd=fees,
    )


def _risk_budget_usd(world: GateWorld, limits: RiskLimits) -> float:
    """What this trade may lose: widened or narrowed by the regime, shrinking in a drawdown."""
    regime = min(world.selection.regime_multiplier, limits.regime_cap)
    share = limits.risk_per_trade_pct / 100.0 * regime * size_factor(world.losses, limits)
    return world.net_liquidation_usd * share


def _most(by_risk: float, caps: tuple[Cap, ...], unit_usd: float) -> int:
    """Whole units that risk and every cap allow; at least one, so that a refusal can name the limit."""
    room = min(by_risk, *(cap.room_usd / unit_usd for cap in caps))
    return max(1, math.floor(room + 1e-9))


def _no_units(key: str, quantity: int) -> Refusal | None:
    if quantity >= 1:
        return None
    return Refusal(Reason.SIZE_ZERO, f"{key}: an order of {quantity} units", 1, quantity)


def _too_risky(key: str, quantity: int, risk_usd: float, budget_usd: float) -> Refusal | None:
    if risk_usd <= budget_usd * (1.0 + EXACT):
        return None
    text = f"{key}: {quantity} would risk {risk_usd:,.2f} USD, more than risk per trade allows"
    return Refusal(Reason.SIZE_ZERO, text, budget_usd, risk_usd)


def _entry_limit(side: Side, instrument: Instrument, quote: Quote, ticks_through: int) -> float:
    """A limit `ticks_through` ticks through the touch: fills at once, but never at any price."""
    touch = quote.ask if side is Side.BUY else quote.bid
    offset = side.sign * ticks_through * tick_at(instrument, touch)
    # A limit is never worse than meant: what is bought is rounded down, what is sold up.
    return round_to_tick(instrument, touch + offset, Rounding.DOWN if side is Side.BUY else Rounding.UP)


def _stop(proposal: Proposal, instrument: Instrument, limit: float) -> float | Refusal:
    """The protective stop on the grid, rounded away from the entry so that it is never tighter than meant."""
    wanted = proposal.stop_price
    if wanted is None or not math.isfinite(wanted) or wanted <= 0:
        return Refusal(
            Reason.STOP_INVALID, f"{instrument.key}: an entry needs a protective stop, got {wanted}"
        )
    away = Rounding.DOWN if proposal.side is Side.BUY else Rounding.UP
    stop = round_to_tick(instrument, wanted, away)
    if (limit - stop) * proposal.side.sign <= 0:
        text = f"{instrument.key}: stop {stop} is on the wrong side of the entry at {limit}"
        return Refusal(Reason.STOP_INVALID, text, limit, stop)
    return stop


def _both_fees(instrument: Instrument, rules: OrderRules, quantity: int, *, limit: float) -> float:
    """Estimated fees of an entry and of its exit at about the same price."""
    value = abs(limit) * quantity * instrument.multiplier
    return 2 * rules.fees.order_fee_usd(instrument.sec_type, quantity=quantity, value_usd=value)


def _after_fees(
    instrument: Instrument, rules: OrderRules, budget_usd: float, unit_risk: float, *, limit: float
) -> float:
    """Units whose loss at the stop, fees included, stays within the budget."""
    most = math.floor(budget_usd / unit_risk + 1e-9)
    # Fewer units never pay more, so what the larger order pays is enough to hold back.
    return (budget_usd - _both_fees(instrument, rules, most, limit=limit)) / unit_risk
