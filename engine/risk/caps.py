"""The caps on exposure: how much room they leave, and whether a given order fits into all. Pure."""

from __future__ import annotations

import math
from functools import cache
from typing import TypeAlias

from engine.domain.instrument import Instrument, SecType
from engine.domain.reasons import Reason
from engine.domain.terms import Terms
from engine.risk.exposure import group_exposure_usd
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import Budget, GateWorld

EXACT = 1e-9
"""Relative room for the last bits of a double: exactly the cap passes, a cent more does not."""

Rule: TypeAlias = tuple[Reason, str]
"""A cap's code and what it holds, for people."""
Cap: TypeAlias = tuple[Rule, float, float]
"""A rule, its limit and its use in USD. A plain tuple: half a dozen are made for every decision."""

# Looked up once: an enum's member costs a tenth of a microsecond, and a decision has ten.
_FUTURE, _INF = SecType.FUTURE, math.inf
_NOTIONAL: Rule = (Reason.SYMBOL_NOTIONAL, "exposure per symbol")
_MARGIN: Rule = (Reason.SYMBOL_MARGIN, "margin per symbol")
_SIZE: Rule = (Reason.POSITION_SIZE, "size of the position")
_ORDER: Rule = (Reason.ORDER_VALUE, "value of the order")
_GROSS: Rule = (Reason.GROSS_EXPOSURE, "gross exposure")
_TOTAL: Rule = (Reason.TOTAL_AT_RISK, "total at risk")
_NOTIONAL_PCT: Rule = (Reason.NOTIONAL, "what the rule asks for")
_FUNDS: Rule = (Reason.FUNDS, "what entries tie up")

_TOO_MUCH = "{}: {} would be {:,.2f} of {:,.2f} USD"


def caps_of(instrument: Instrument, world: GateWorld, limits: RiskLimits) -> tuple[Cap, ...] | Refusal:
    """Every cap that holds an entry in this instrument; a refusal where a figure behind them is not known.

    Caps in percent widen and narrow with the regime, those in USD stand as they are.
    """
    key, nlv, funds = instrument.key, world.net_liquidation_usd, world.available_funds_usd
    (by_key, gross, pending), selection = world.exposure, world.selection
    # Unknown anywhere is unknown in the sum of all, so that one look settles every part of it.
    if not (-_INF < gross < _INF and 0.0 < nlv < _INF and -_INF < funds < _INF):
        return _not_known(key, world)
    percent = nlv / 100.0 * regime_factor(world, limits)
    symbol = _symbol_usd(key, world) if world.roots else by_key.get(key, 0.0)
    order_usd = limits.max_order_value_usd
    caps: tuple[Cap, ...] = (
        (_MARGIN, limits.symbol_margin_cap_usd, symbol)
        if instrument.sec_type is _FUTURE
        else (_NOTIONAL, limits.symbol_notional_cap_usd, symbol),
        (_SIZE, percent * limits.max_position_size_pct, symbol),
        (_ORDER, order_usd, 0.0),
        (_GROSS, limits.max_gross_exposure_usd, gross),
        (_TOTAL, percent * limits.max_total_at_risk_pct, gross),
    )
    # Funds beyond everything that is out and the largest order hold nothing back.
    if funds < gross + order_usd:
        caps = (*caps, (_FUNDS, funds, pending))
    if world.budget is not None:
        caps = (*caps, _of_budget(world.budget, world, percent))
    if not (selection.themes or selection.tiers):
        return caps
    return (*caps, *_of_groups(key, world, limits, percent, symbol))


def cap_of_terms(terms: Terms, key: str, world: GateWorld, limits: RiskLimits) -> Cap:
    """What a rule asks for, as a cap of its own: narrowed and widened like the others in percent."""
    percent = world.net_liquidation_usd / 100.0 * regime_factor(world, limits)
    return _NOTIONAL_PCT, percent * terms.notional_pct, _symbol_usd(key, world)


def most_units(instrument: Instrument, limits: RiskLimits) -> int:
    """Units that one order may have at most."""
    return limits.max_order_contracts if instrument.sec_type is _FUTURE else limits.max_order_shares


def check_size(instrument: Instrument, quantity: int, limits: RiskLimits) -> Refusal | None:
    """At least one unit, and no more than one order may have."""
    key, most = instrument.key, most_units(instrument, limits)
    if quantity < 1:
        return Refusal(Reason.SIZE_ZERO, f"{key}: an order of {quantity} units", 1, quantity)
    if quantity > most:
        return Refusal(Reason.ORDER_SIZE, f"{key}: an order of {quantity} of {most} units", most, quantity)
    return None


def regime_factor(world: GateWorld, limits: RiskLimits) -> float:
    """What the regime makes of sizes and of the caps in percent."""
    factor = world.selection.regime_multiplier
    return factor if factor < limits.regime_cap else limits.regime_cap


def room_usd(caps: tuple[Cap, ...]) -> float:
    """What the tightest cap leaves."""
    least = math.inf
    for _, limit, used in caps:
        room = limit - used
        least = room if room < least else least
    return least


def first_exceeded(key: str, caps: tuple[Cap, ...], wanted_usd: float) -> Refusal | None:
    """The first cap that does not hold this much more; what is not a number never fits."""
    for (reason, name), limit, used in caps:
        comes_to = used + wanted_usd
        if not (comes_to <= limit or comes_to <= limit + EXACT * abs(limit)):
            # As its own `__new__` makes it, without the two calls before that.
            return tuple.__new__(Refusal, (reason, _TOO_MUCH, limit, comes_to, (key, name, comes_to, limit)))
    return None


def _not_known(key: str, world: GateWorld) -> Refusal:
    """Which figure is missing; what has no price or margin by name, so that a person knows where to look."""
    if not math.isfinite(world.exposure.total_usd):
        names = sorted(k for k, usd in world.exposure.by_key.items() if not math.isfinite(usd))
        return Refusal(Reason.NOT_FINITE, f"{key}: not known is the exposure of {', '.join(names)}")
    what = "available funds are" if 0.0 < world.net_liquidation_usd < math.inf else "equity is"
    return Refusal(Reason.NOT_FINITE, f"{key}: the account's {what} not known")


def _symbol_usd(key: str, world: GateWorld) -> float:
    """What is out in this instrument; the expiries of one future count together."""
    by_key = world.exposure.by_key
    root = world.roots.get(key) if world.roots else None
    return by_key.get(key, 0.0) if root is None else group_exposure_usd(root, world.roots, by_key)


def _of_budget(budget: Budget, world: GateWorld, percent: float) -> Cap:
    used = group_exposure_usd(budget.strategy, budget.owners, world.exposure.by_key)
    return _budget_rule(budget.strategy), percent * budget.pct, used


def _of_groups(
    key: str, world: GateWorld, limits: RiskLimits, percent: float, symbol_usd: float
) -> tuple[Cap, ...]:
    """The caps of its theme and of its tier, where it has them. `symbol_usd` is what is out in it."""
    selection, by_key = world.selection, world.exposure.by_key
    caps: tuple[Cap, ...] = ()
    theme = selection.themes.get(key)
    if theme is not None:
        used = group_exposure_usd(theme, selection.themes, by_key) if by_key else 0.0
        caps = ((_theme_rule(theme), percent * limits.theme_cap_pct, used),)
    tier = selection.tiers.get(key)
    if tier is None:
        return caps
    together, alone = _tier_rules(tier)
    used = group_exposure_usd(tier, selection.tiers, by_key) if by_key else 0.0
    limit = limits.max_gross_exposure_usd * _of_tier(tier, limits.tier_caps_pct) / 100.0
    size = percent * _of_tier(tier, limits.tier_sizes_pct)
    return (*caps, (together, limit, used), (alone, size, symbol_usd))


def _of_tier(tier: int, values: tuple[float, ...]) -> float:
    """The value of one tier; a tier that no value is known of holds nothing."""
    return values[tier - 1] if 1 <= tier <= len(values) else 0.0


# Words are put together once: every decision names them, and next to none is read.


@cache
def _budget_rule(strategy: str) -> Rule:
    return Reason.STRATEGY_BUDGET, f"budget of {strategy}"


@cache
def _theme_rule(theme: str) -> Rule:
    return Reason.THEME_CAP, f"theme {theme}"


@cache
def _tier_rules(tier: int) -> tuple[Rule, Rule]:
    name = f"tier {tier} of the universe"
    return (Reason.TIER_CAP, name), (Reason.TIER_SIZE, f"size of a position of {name}")
