"""How sure the strategies that learn are, as rows of the confidence panel. Reading only."""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.api import ConfidenceView
from engine.runtime.running import Running
from engine.strategy.base import Conviction

NO_MODEL = "no model yet"


def confidence_rows(all_running: Iterable[Running]) -> tuple[ConfidenceView, ...]:
    """One row per contract that some strategy learns."""
    learners = [r.strategy for r in all_running if r.strategy.learns and not r.off]
    return tuple([_row(one) for strategy in learners for one in strategy.convictions()])


def confidence_text(all_running: Iterable[Running]) -> str:
    """What stands in the panel while there are no rows."""
    names = [r.strategy.name for r in all_running if r.strategy.learns and not r.off]
    return f"{', '.join(names)}: not enough data, waiting for the first bars" if names else NO_MODEL


def model_text(all_running: Iterable[Running]) -> str:
    """One line on health: what is learnt and what is proven. It judges nothing."""
    running = list(all_running)
    rows = confidence_rows(running)
    if not rows:
        return confidence_text(running)
    proven = sum(row.needed is not None for row in rows)
    count = f"{len(rows)} contract{'' if len(rows) == 1 else 's'} learnt"
    return f"{count}, {proven} with a proven edge, at least {min(row.samples for row in rows)} outcomes each"


def _row(one: Conviction) -> ConfidenceView:
    return ConfidenceView(
        symbol=one.key,
        direction=one.direction,
        probability=_known(one.probability),
        needed=_known(one.needed),
        samples=one.samples,
        text=one.text,
        evidence=_known(one.evidence),
        evidence_needed=_known(one.evidence_needed),
        shadow_trades=one.shadow_trades,
        live_trades=one.live_trades,
        explored=one.explored,
        mean_r=_known(one.mean_r),
        mean_low=_known(one.mean_low),
        mean_high=_known(one.mean_high),
        drift=one.drift,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
