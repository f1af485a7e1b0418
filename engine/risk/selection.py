"""What regime, universe and market watch say about an entry, and what must not be traded at all. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal


class ProductStatus(StrEnum):
    """Whether the exchange trades the product at all."""

    TRADING = "trading"
    HALTED = "halted"
    LIMIT_STATE = "limit_state"
    """At its price limit, or in the pause that follows: there is only one side."""
    CLOSED = "closed"
    UNREACHABLE = "unreachable"
    """Its data farm is broken: what the exchange does is not known."""


_TRADING = ProductStatus.TRADING


class Objection(NamedTuple):
    """What is wrong with an instrument's data, in words, with the limit and the value behind them."""

    text: str
    limit: float | None = None
    value: float | None = None


class Selection(NamedTuple):
    """Inputs of others that widen or narrow an entry. The defaults change nothing."""

    regime_multiplier: float = 1.0
    """Factor on the risk of a trade and on the caps in percent; 0 forbids entries."""
    themes: Mapping[str, str] = {}
    """Key -> theme or cluster whose exposure is capped together."""
    tiers: Mapping[str, int] = {}
    """Key -> tier of the universe (1 to 3) whose exposure is capped together."""
    status: ProductStatus = ProductStatus.TRADING
    """What the exchange says of the product."""
    outlier: Objection | None = None
    """What is wrong with the last price."""
    stale: Objection | None = None
    """What of its data is too old, beside the quote, whose age the gate measures itself."""
    excluded: Refusal | None = None
    """Why the universe leaves it out."""


UNSELECTED = Selection()


def check_selection(key: str, symbol: str, selection: Selection, limits: RiskLimits) -> Refusal | None:
    """The restricted list, the product's status, its data and the regime: all that may turn at any time."""
    restricted = limits.restricted
    if restricted and (symbol in restricted or key in restricted):
        return Refusal(Reason.RESTRICTED, f"{key}: on the restricted list")
    factor, _, _, status, outlier, stale, excluded = selection
    if excluded is not None:
        return excluded
    if limits.only_tier is not None and (tier := selection.tiers.get(key)) != limits.only_tier:
        text = f"{key}: {'of no known tier' if tier is None else f'of tier {tier}'}, CANARY enters tier "
        return Refusal(Reason.CANARY_TIER, f"{text}{limits.only_tier} only", limits.only_tier, tier)
    if status is _TRADING and outlier is None and stale is None and 0.0 < factor < math.inf:
        return None  # the ordinary case
    return _product(key, selection) or _regime(key, factor)


def _product(key: str, selection: Selection) -> Refusal | None:
    """What the exchange says of it, and whether its data may decide."""
    if selection.status is not _TRADING:
        what = selection.status.value.replace("_", " ")
        return Refusal(Reason.PRODUCT_HALTED, f"{key}: the exchange says {what}")
    if selection.stale is not None:
        return Refusal(Reason.STALE_DATA, f"{key}: {selection.stale.text}", *selection.stale[1:])
    if selection.outlier is not None:
        return Refusal(Reason.OUTLIER, f"{key}: {selection.outlier.text}", *selection.outlier[1:])
    return None


def _regime(key: str, factor: float) -> Refusal | None:
    if not math.isfinite(factor):
        return Refusal(Reason.NOT_FINITE, f"{key}: the regime's factor is no number")
    if factor <= 0.0:
        return Refusal(Reason.REGIME, f"{key}: the regime's factor {factor:g} allows no entry", 0.0, factor)
    return None


def check_conviction(key: str, conviction: float, needed: float) -> Refusal | None:
    """The least conviction of a proposal; one that is no number is none."""
    if needed <= conviction < math.inf:
        return None
    if not math.isfinite(conviction):
        return Refusal(Reason.NOT_FINITE, f"{key}: its conviction is no number")
    text = f"{key}: conviction {conviction:.2f} is below {needed:.2f}"
    return Refusal(Reason.LOW_CONVICTION, text, needed, conviction)
