"""What the learned trader says of itself: why it does not trade, and what it forecast when it asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from engine.domain.forecast import Forecast
from engine.learning.evidence import Evidence, EvidenceGate
from engine.learning.threshold import WhyNot
from engine.learning.trader import Opinion

_WORDS: Final[Mapping[WhyNot, str]] = {
    WhyNot.NONE: "may trade",
    WhyNot.NO_EVIDENCE: "nothing is proven",
    WhyNot.BELOW: "not sure enough",
    WhyNot.ABOVE_CEILING: "it would have to be surer than the appetite believes in",
    WhyNot.UNFAMILIAR: "the market looks unlike anything it has learnt",
    WhyNot.IN_POSITION: "one position at a time",
    WhyNot.OUTRANKED: "another contract promises more",
    WhyNot.FEW_OUTCOMES: "not enough data",
}


def why_words(why: WhyNot, gate: EvidenceGate, *, open_share: float) -> str:
    """Why it does not trade now; `open_share` is the share of time in which something was proven."""
    if why is not WhyNot.NO_EVIDENCE:
        return f"{_WORDS[why]}, open {open_share:.0%} of the time" if open_share else _WORDS[why]
    best = _nearest(gate)
    if best is None:
        return f"{_WORDS[why]}: too few decisions for a shadow trade"
    proven = f"evidence {best.evidence:.2g} of {best.needed:.3g} needed, {best.trades} shadow trades"
    return f"{_WORDS[why]}: {proven}"


def forecast_of(opinion: Opinion, gate: EvidenceGate, *, explores: bool) -> Forecast:
    """What was said of one decision, and the evidence it was held against."""
    claim, best = opinion.claim, _nearest(gate)
    return Forecast(
        decision=claim.decision,
        p=claim.p,
        p_move=claim.p_move,
        move_ticks=claim.move,
        cost_ticks=claim.cost,
        needed=opinion.verdict.threshold,
        evidence=math.nan if best is None else best.evidence,
        evidence_needed=math.nan if best is None else best.needed,
        explores=explores,
    )


def _nearest(gate: EvidenceGate) -> Evidence | None:
    """The book that counts; None while there is none."""
    reports = gate.report()
    return reports[gate.target] if reports else None
