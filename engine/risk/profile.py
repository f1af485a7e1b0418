"""What a strategy may trade at all, by the policy it was given, whatever else would let it through. Pure."""

from __future__ import annotations

from enum import StrEnum

from engine.domain.instrument import Instrument, SecType
from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.risk.refusal import Refusal


class Profile(StrEnum):
    """The policy of one strategy."""

    RULES = "rules"
    """Stocks and ETFs, long only."""
    FUTURES = "futures"
    """Futures, on paper accounts only."""
    OPEN = "open"
    """What the limits permit."""


def check_profile(
    key: str, side: Side, *, profile: Profile, instrument: Instrument | None, is_paper: bool
) -> Refusal | None:
    """Why this profile does not enter here; None where it may, and where the instrument is not known yet."""
    if profile is Profile.OPEN or instrument is None:
        return None
    is_future = instrument.sec_type is SecType.FUTURE
    if profile is Profile.RULES:
        if is_future:
            return _no(key, profile, "trades stocks and ETFs only")
        return _no(key, profile, "never sells short") if side is Side.SELL else None
    if not is_future:
        return _no(key, profile, "trades futures only")
    return None if is_paper else _no(key, profile, "trades on paper accounts only")


def _no(key: str, profile: Profile, why: str) -> Refusal:
    return Refusal(Reason.PROFILE, f"{key}: a strategy of profile {profile.value} {why}")
