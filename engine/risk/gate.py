"""The gate: the only choke point between a wish and an order. Pure; fails closed on anything unknown.

Entries run through every check and come out sized; the first refusal wins. Exits only ever reduce: they
are clamped to the position and pass whatever brakes are on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.instrument import Instrument, SecType
from engine.domain.market import NEW_YORK, Quote
from engine.domain.order import Order, Proposal, Side
from engine.domain.price import Rounding, round_to_tick, tick_at
from engine.domain.reasons import Reason
from engine.risk.brakes import REASON_OF, BrakeSet
from engine.risk.exposure import Holding, gross_exposure_usd, unit_exposure_usd, worst_case_quantities
from engine.risk.limits import RiskLimits
from engine.risk.order_check import OrderRules, too_small
from engine.risk.refusal import Refusal


@dataclass(frozen=True, slots=True)
class GateWorld:
    """Everything the gate knows at the moment it is asked."""

    now: datetime
    """Exchange time, aware UTC."""
    blocked: Reason | None
    """Why the engine as a whole takes no entries (not ready, link, store …); None when it does."""
    blocked_text: str
    brakes: BrakeSet
    instrument: Instrument | None
    quote: Quote | None
    is_live_data: bool
    """False where the line delivers frozen or delayed data."""
    net_liquidation_usd: float
    holdings: tuple[Holding, ...]
    orders: tuple[Order, ...]
    """All orders not done."""
    unit_usd: Mapping[str, float]
    """Exposure of one unit for every key held or worked."""
    margin_usd: float | None
    """Cached initial margin per contract of a future; None where not known yet."""
    strategy_allows_short: bool
    signals_used: frozenset[str]
    """Signal ids that already caused an entry."""
    last_fill_at: datetime | None = None
    """When an order of ours last filled in this instrument today."""
    last_stop_out_at: datetime | None = None
    """When a protective stop last closed a position in it today."""
    attempts: int = 0
    """Entries at the proposal's pivot and side that filled today."""


@dataclass(frozen=True, slots=True)
class EntryTicket:
    """Yes: how much, at what limit, with which protective stop. Prices are on the grid."""

    quantity: int
    limit_price: float
    stop_price: float
    exposure_usd: float
    risk_usd: float
    """Loss at the stop, the fees of both orders included."""
    fees_usd: float = 0.0
    """Estimate of both orders' fees."""


def check_entry(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> EntryTicket | Refusal:
    """Judge and size one entry."""
    refusal = (
        _engine(proposal, world)
        or _session(world, limits)
        or _market(proposal, world, limits)
        or _holdings(proposal, world, limits)
        or _past(proposal, world, limits)
    )
    if refusal is not None:
        return refusal
    return _size(proposal, world, limits)


def clamp_exit(*, position: int, side: Side, wanted: int | None = None) -> int:
    """How much an exit may trade: never more than the position, never its own direction. 0 = nothing."""
    if position * side.sign >= 0:
        return 0
    return min(abs(position), abs(position) if wanted is None else wanted)


def _engine(proposal: Proposal, world: GateWorld) -> Refusal | None:
    if world.blocked is not None:
        return Refusal(world.blocked, world.blocked_text)
    brake = world.brakes.blocking(strategy=proposal.strategy, key=proposal.key)
    if brake is not None:
        where = f"{brake.scope} {brake.name}".strip()
        return Refusal(REASON_OF[brake.level], f"{brake.level.name} of {where}: {brake.reason}")
    if proposal.signal_id in world.signals_used:
        return Refusal(Reason.DUPLICATE_SIGNAL, f"signal {proposal.signal_id} was acted on already")
    return None


def _session(world: GateWorld, limits: RiskLimits) -> Refusal | None:
    instrument = world.instrument
    if instrument is None:
        return Refusal(Reason.UNKNOWN_INSTRUMENT, "the broker has not described this instrument")
    if instrument.liquid_session(world.now) is None:
        return Refusal(Reason.SESSION_CLOSED, f"{instrument.key}: its regular session is not open")
    clock = world.now.astimezone(NEW_YORK).time()
    if not limits.entry_start <= clock < limits.entry_end:
        window = f"{limits.entry_start:%H:%M}-{limits.entry_end:%H:%M} ET"
        return Refusal(Reason.ENTRY_WINDOW, f"{clock:%H:%M} ET is outside the entry window {window}")
    return None


def _market(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    quote = world.quote
    if quote is None or not quote.is_two_sided or quote.bid <= 0:
        return Refusal(Reason.NO_QUOTE, f"{proposal.key}: no two-sided quote")
    age = world.now.timestamp() - quote.at
    if not age <= limits.max_quote_age_s:
        return Refusal(
            Reason.STALE_QUOTE, f"{proposal.key}: quote is {age:.1f} s old", limits.max_quote_age_s, age
        )
    if not world.is_live_data:
        return Refusal(Reason.DELAYED_DATA, f"{proposal.key}: the broker delivers delayed or frozen data")
    return None


def _holdings(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    key = proposal.key
    if proposal.side is Side.SELL and not _short_allowed(world, limits):
        return Refusal(Reason.SHORT_NOT_ALLOWED, f"{key}: shorts are not allowed here")
    if any(h.key == key and h.quantity for h in world.holdings):
        return Refusal(Reason.ALREADY_IN_POSITION, f"{key}: already in position")
    if any(o.intent.key == key for o in world.orders):
        return Refusal(Reason.WORKING_ORDER, f"{key}: an order is still out")
    busy = {h.key for h in world.holdings if h.quantity}
    busy |= {o.intent.key for o in world.orders if o.intent.role.adds_risk}
    if len(busy) >= limits.max_positions:
        text = f"{len(busy)} of {limits.max_positions} positions in use"
        return Refusal(Reason.MAX_POSITIONS, text, limits.max_positions, len(busy))
    return None


def _past(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> Refusal | None:
    cooling = _cooling(
        proposal.key, world.last_stop_out_at, world.now, limits.cooldown_after_stop_s, "stop-out"
    )
    cooling = cooling or _cooling(proposal.key, world.last_fill_at, world.now, limits.cooldown_s, "fill")
    if cooling is not None:
        return cooling
    plan, pivot = proposal.plan, proposal.plan.pivot
    if not all(level is None or math.isfinite(level) for level in (pivot, plan.target1, plan.target2)):
        return Refusal(Reason.NOT_FINITE, f"{proposal.key}: a level of its plan is no number")
    if pivot is not None and world.attempts >= limits.max_attempts:
        text = f"{proposal.key}: {world.attempts} of {limits.max_attempts} attempts at {pivot:g} made today"
        return Refusal(Reason.MAX_ATTEMPTS, text, limits.max_attempts, world.attempts)
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


def _short_allowed(world: GateWorld, limits: RiskLimits) -> bool:
    if not world.strategy_allows_short or world.instrument is None:
        return False
    is_future = world.instrument.sec_type is SecType.FUTURE
    return limits.allow_short_future if is_future else limits.allow_short_stock


def _size(proposal: Proposal, world: GateWorld, limits: RiskLimits) -> EntryTicket | Refusal:
    instrument, quote = world.instrument, world.quote
    if instrument is None or quote is None:  # the checks before this one have settled both
        return Refusal(Reason.NO_QUOTE, f"{proposal.key}: no quote")
    limit = _entry_limit(proposal.side, instrument, quote, limits.entry_ticks_through)
    stop = _stop(proposal, instrument, limit)
    if isinstance(stop, Refusal):
        return stop
    unit_risk = abs(limit - stop) * instrument.multiplier
    unit_usd = unit_exposure_usd(instrument, limit, world.margin_usd)
    gross = gross_exposure_usd(worst_case_quantities(world.holdings, world.orders), world.unit_usd)
    figures = (unit_risk, unit_usd, gross, world.net_liquidation_usd)
    if not all(math.isfinite(f) for f in figures) or unit_usd <= 0 or world.net_liquidation_usd <= 0:
        return Refusal(Reason.NOT_FINITE, f"{instrument.key}: margin, exposure or equity is not known yet")
    return _fit(
        instrument, limits, world, limit=limit, stop=stop, unit_risk=unit_risk, unit_usd=unit_usd, gross=gross
    )


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


def _fit(
    instrument: Instrument,
    limits: RiskLimits,
    world: GateWorld,
    *,
    limit: float,
    stop: float,
    unit_risk: float,
    unit_usd: float,
    gross: float,
) -> EntryTicket | Refusal:
    """Risk per trade over stop distance, then cut to the tightest cap; a refusal names that cap."""
    nlv = world.net_liquidation_usd
    is_future = instrument.sec_type is SecType.FUTURE
    symbol_cap = limits.symbol_margin_cap_usd if is_future else limits.symbol_notional_cap_usd
    budget = nlv * limits.risk_per_trade_pct / 100.0
    room = {
        Reason.SIZE_ZERO: _after_fees(instrument, limits.order_rules, budget, unit_risk, limit=limit),
        Reason.SYMBOL_CAP: min(symbol_cap, nlv * limits.max_position_size_pct / 100.0) / unit_usd,
        Reason.GROSS_EXPOSURE: (limits.max_gross_exposure_usd - gross) / unit_usd,
    }
    tightest = min(room, key=lambda reason: room[reason])
    quantity = math.floor(room[tightest] + 1e-9)
    if quantity < 1:
        text = {
            Reason.SIZE_ZERO: f"one unit risks {unit_risk:,.2f} USD, more than risk per trade allows",
            Reason.SYMBOL_CAP: f"one unit ties up {unit_usd:,.2f} USD, more than the cap per symbol",
            Reason.GROSS_EXPOSURE: f"gross exposure {gross:,.0f} of {limits.max_gross_exposure_usd:,.0f} USD",
        }[tightest]
        return Refusal(tightest, f"{instrument.key}: {text}", math.floor(room[tightest] * unit_usd), unit_usd)
    small = too_small(instrument, limits.order_rules, quantity=quantity, price=limit)
    if small is not None:
        return small
    fees = _both_fees(instrument, limits.order_rules, quantity, limit=limit)
    return EntryTicket(
        quantity=quantity,
        limit_price=limit,
        stop_price=stop,
        exposure_usd=quantity * unit_usd,
        risk_usd=quantity * unit_risk + fees,
        fees_usd=fees,
    )


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
