"""How one contract is traded by the learned trader: by what its price moved, and the same after a restart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from engine.domain.price import tick_at
from engine.learning import plain
from engine.learning.estimator import Plain
from engine.learning.plain import StateError
from engine.learning.shadow import ShadowTerms
from engine.strategy.learned_params import LearnedParams


class Described(NamedTuple):
    """Terms of a contract and what trading one of it costs."""

    instrument: Instrument
    fee_usd: float
    """Per contract and way."""


def terms_from(bars: Sequence[Bar], described: Described, params: LearnedParams) -> ShadowTerms | None:
    """How this contract is traded, by what its price moved lately; None where the bars do not tell."""
    recent = bars[-params.bars :]
    if len(recent) < params.bars:
        return None
    tick = tick_at(described.instrument, recent[-1].close)
    per_bar = math.fsum(bar.high - bar.low for bar in recent) / len(recent)
    moved = per_bar * math.sqrt(params.horizon_s / recent[-1].seconds) / tick
    if not math.isfinite(moved):
        return None
    tick_usd = tick * described.instrument.multiplier

    def ticks(ranges: float, least: float) -> float:
        return max(least, math.ceil(ranges * moved))

    return ShadowTerms(
        tick_size=tick,
        horizon_s=params.horizon_s,
        latency_s=params.latency_s,
        stop_ticks=ticks(params.stop_ranges, params.least_ticks),
        target_ticks=ticks(params.target_ranges, params.least_ticks),
        fees_ticks=2.0 * described.fee_usd / tick_usd,
        gap_ticks=ticks(params.gap_ranges, 1.0),
    )


def remembered_terms(state: Mapping[str, Plain], params: LearnedParams) -> ShadowTerms:
    """The terms that a state was learnt under; StateError where the parameters are others now."""
    stored = plain.table(state, "terms")
    terms = ShadowTerms(**{name: plain.number(stored, name) for name in ShadowTerms.__slots__})
    if (terms.horizon_s, terms.latency_s) != (params.horizon_s, params.latency_s):
        raise StateError("state of a model: learnt for another horizon or latency")
    return terms
