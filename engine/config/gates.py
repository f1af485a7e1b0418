"""The section of the go/no-go gates. Its bounds only let it get stricter: no key makes a gate weaker."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class GatesSection(Section):
    """What --live needs, on top of mode.live_enabled. Only days on a real IBKR paper account at 1x count."""

    clean_days: int = key(5, unit="days", ge=5, le=60)
    """Consecutive clean full trading days, the last ones recorded."""
    paper_days: int = key(7, unit="days", ge=7, le=90)
    """Paper days without a breach, the last ones recorded."""
    max_age_days: int = key(30, unit="days", ge=7, le=90)
    """Evidence older than this does not count."""
    canary_hours: float = key(48.0, unit="h", ge=48, le=1000)
    """Connected time of the first stage of LIVE; a breach starts it anew."""
    canary_cap_factor: float = key(0.5, unit="x", gt=0, le=0.5)
    """What every cap is multiplied by in that stage; it holds one position, tier 1 only."""
