"""What regime and universe say about an entry, and the list of what must not be traded. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal


class Selection(NamedTuple):
    """Inputs of others that widen or narrow an entry. The defaults change nothing."""

    regime_multiplier: float = 1.0
    """Factor on the risk of a trade; 0 forbids entries."""
    themes: Mapping[str, str] = {}
    """Key -> theme or cluster whose exposure is capped together."""
    product_halt: str = ""
    """Why the product itself cannot be traded (halted, limit up …), in words; empty where it can."""
    outlier: str = ""
    """What is wrong with the last price, in words; empty where nothing is."""


UNSELECTED = Selection()


def check_selection(
    key: str, symbol: str, *, conviction: float, needed: float, selection: Selection, limits: RiskLimits
) -> Refusal | None:
    """The restricted list, the product's status, the regime, and the least conviction."""
    if symbol in limits.restricted or key in limits.restricted:
        return Refusal(Reason.RESTRICTED, f"{key}: on the restricted list")
    if selection.product_halt:
        return Refusal(Reason.PRODUCT_HALTED, f"{key}: {selection.product_halt}")
    if selection.outlier:
        return Refusal(Reason.OUTLIER, f"{key}: {selection.outlier}")
    factor = selection.regime_multiplier
    if not (math.isfinite(factor) and math.isfinite(conviction)):
        return Refusal(Reason.NOT_FINITE, f"{key}: regime or conviction is no number")
    if factor <= 0.0:
        return Refusal(Reason.REGIME, f"{key}: the regime allows no entry", 0.0, factor)
    if conviction < needed:
        text = f"{key}: conviction {conviction:.2f} is below {needed:.2f}"
        return Refusal(Reason.LOW_CONVICTION, text, needed, conviction)
    return None
