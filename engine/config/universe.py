"""The section of the universe: what may be entered, how much of it, and where the day's levels come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from engine.config.futures import FuturesSection
from engine.config.sections import SYMBOL, Section
from engine.config.values import key, matching

_THEME = matching(r"[a-z][a-z0-9_]{0,23}", "a name of lower case letters, digits and underscores")


def _not_negative(values: tuple[float, float, float]) -> tuple[float, float, float]:
    if min(values) < 0:
        raise ValueError("expected three numbers of 0 or more, for tier 1, 2 and 3")
    return values


def _percentages(values: tuple[float, float, float]) -> tuple[float, float, float]:
    if not all(0 <= value <= 100 for value in values):
        raise ValueError("expected three percentages from 0 to 100, for tier 1, 2 and 3")
    return values


PerTier = Annotated[tuple[float, float, float], AfterValidator(_not_negative)]
PerTierPct = Annotated[tuple[float, float, float], AfterValidator(_percentages)]

SHIPPED_THEMES: Mapping[str, tuple[str, ...]] = {
    "index": (
        *("SPY", "QQQ", "IWM", "DIA", "ES@CME", "NQ@CME", "RTY@CME", "YM@CBOT"),
        *("MES@CME", "MNQ@CME", "M2K@CME", "MYM@CBOT"),
    ),
    "technology": ("AAPL", "MSFT", "NVDA", "TSLA", "AMD", "META", "AMZN"),
    "rates": ("ZT@CBOT", "ZF@CBOT", "ZN@CBOT", "TN@CBOT", "ZB@CBOT", "UB@CBOT", "SR3@CME"),
    "currencies": ("EUR@CME", "GBP@CME", "JPY@CME", "AUD@CME", "CAD@CME", "CHF@CME", "M6E@CME", "M6A@CME"),
    "energy": ("CL@NYMEX", "MCL@NYMEX", "QM@NYMEX", "RB@NYMEX", "HO@NYMEX", "NG@NYMEX", "QG@NYMEX"),
    "metals": ("GC@COMEX", "MGC@COMEX", "SI@COMEX", "SIL@COMEX", "HG@COMEX", "MHG@COMEX"),
}


class DepthShareSection(Section):
    """Most of the visible size that one entry may be, per asset class: the levels up to its limit where the
    book is subscribed, else the touch; 0 = not asked."""

    STK: float = key(1000.0, unit="%", ge=0, le=100_000)
    """Stocks and ETFs, of which more stands behind the touch than is seen."""
    FUT: float = key(100.0, unit="%", ge=0, le=100_000)
    """Futures."""


class ThinSection(Section):
    """Not entered (illiquid) while its touch is thinner than in all but this share of the last minutes,
    per asset class; 0 = off."""

    STK: float = key(0.0, unit="%", ge=0, le=50)
    """Stocks and ETFs: a level that breaks has just used up its touch, which is no reason to stay out."""
    FUT: float = key(1.0, unit="%", ge=0, le=50)
    """Futures."""


class UniverseSection(Section):
    """What may be traded, in which tier, and the levels of the day."""

    scanner_dir: str = key("scanner", min_length=1)
    """Folder of scanner files (scanner_results_YYYYMMDD.json); relative to this file. Where it has none for
    today, the levels are found in history."""
    refresh_minutes: float = key(5.0, unit="min", gt=0, le=1440)
    """Exchange time between two looks at tiers; what is excluded is looked at every few seconds."""
    min_24h_value: PerTier = key((50e6, 5e6, 5e5), unit="USD")
    """Value traded in the last trading day that tier 1, 2 and 3 ask for; less than the last: not entered."""
    max_spread_bps: PerTier = key((10.0, 30.0, 30.0), unit="bps")
    """Widest median spread of the last minute in tier 1, 2 and 3; a wider one: not entered."""
    allocation_pct: PerTierPct = key((100.0, 30.0, 10.0), unit="% of risk.max_gross_exposure")
    """Most exposure of all instruments of tier 1, 2 and 3 together."""
    base_size_pct: PerTierPct = key((5.0, 3.0, 1.0), unit="% NLV")
    """Most exposure of one position in tier 1, 2 and 3, before the regime's factor."""
    theme_cap_pct: float = key(10.0, unit="% NLV", gt=0, le=100)
    """Most exposure of the instruments of one theme together, before the regime's factor."""
    themes: Mapping[
        Annotated[str, AfterValidator(_THEME)], tuple[Annotated[str, AfterValidator(SYMBOL)], ...]
    ] = SHIPPED_THEMES
    """Themes: name = symbols that rise and fall together. A table of your own replaces this one."""
    futures: FuturesSection = FuturesSection.untouched()
    """Futures that nobody named."""
    depth_quantile_pct: ThinSection = ThinSection.untouched()
    """How thin is too thin, by the contract's own measure."""
    max_depth_share_pct: DepthShareSection = DepthShareSection.untouched()
    """Most of the visible size that one entry may be; more is not entered (illiquid)."""
