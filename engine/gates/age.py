"""How old evidence may be."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.gates.case import Case


def is_fresh(case: Case, at: datetime) -> bool:
    """True for evidence that is not too old, and not from a future that no honest clock knows."""
    return timedelta(minutes=-5) <= case.now - at <= timedelta(days=case.rules.max_age_days)
