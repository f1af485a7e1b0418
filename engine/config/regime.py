"""The section of the regime: which market is watched, what counts as a trend, and what it multiplies."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator

from engine.config.sections import SYMBOL, Section
from engine.config.values import Timeframe, key


def _maybe_symbol(value: str) -> str:
    return SYMBOL(value) if value else value


RANKED_FROM: Final = 30
"""Earlier windows from which a rank of volatility means anything."""


class RegimeChoice(StrEnum):
    """What an operator may say of the market."""

    AUTO = "auto"
    """As it is detected."""
    BULL = "bull"
    CHOP = "chop"
    BEAR = "bear"
    CRASH = "crash"


class MultipliersSection(Section):
    """Factors on the risk of a trade and on the caps in percent, by regime; 0 = no entries."""

    bull: float = key(1.2, unit="x", ge=0, le=5)
    """The market rises."""
    chop: float = key(1.0, unit="x", ge=0, le=5)
    """No trend."""
    bear: float = key(0.6, unit="x", ge=0, le=5)
    """The market falls."""
    crash: float = key(0.0, unit="x", ge=0, le=5)
    """It falls, and wildly."""


class RegimeSection(Section):
    """The market's weather, found in the history of one instrument. While it is not known nothing is widened:
    the factor is that of chop, at most 1."""

    override: RegimeChoice = RegimeChoice.AUTO
    """auto = as detected; or the regime that is in force instead. May be changed while it runs."""
    reference: Annotated[str, AfterValidator(_maybe_symbol)] = "SPY"
    """Whose history is looked at; it need not be traded. Empty = nothing is detected."""
    timeframe: Timeframe = Timeframe.HOUR_1
    """Length of its bars: 5s, 1m, 5m, 15m, 1h, 1D."""
    bars: int = key(150, unit="bars", ge=60, le=2000)
    """How many of them; volatility is ranked among these."""
    window: int = key(30, unit="bars", ge=10, le=500)
    """Bars of one look. Twice as many and 30 more are needed until volatility can be ranked."""
    trend_t: float = key(2.0, unit="standard errors", gt=0, le=20)
    """Least drift that is a trend: up is bull, down is bear."""
    crash_quantile: float = key(0.95, gt=0.5, le=1)
    """A falling market whose volatility is above this share of the windows before is in a crash."""
    refresh_minutes: float = key(15.0, unit="min", gt=0, le=1440)
    """Exchange time between two looks."""
    max_age_h: float = key(24.0, unit="h", gt=0, le=240)
    """A regime that could not be looked at for so long is not known any more."""
    hard_cap_factor: float = key(1.2, unit="x", ge=1, le=5)
    """Highest factor that any regime may have."""
    multipliers: MultipliersSection = MultipliersSection.untouched()
    """What each regime multiplies."""
