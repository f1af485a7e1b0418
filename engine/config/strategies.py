"""What is configured per strategy: what it decides with, what it trades, and what it may never trade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from engine.config.sections import SYMBOL, Section
from engine.config.values import Parameter, Profile, Timeframe, key


class StrategySection(Section):
    """One strategy, named by its table: [strategies.<name>]."""

    kind: str = key(min_length=1)
    """Registered strategy that decides (`cockpit strategies` lists them)."""
    symbols: tuple[Annotated[str, AfterValidator(SYMBOL)], ...] = key()
    """What it trades: a stock's symbol, or ROOT@EXCHANGE (ES@CME), the front month of a future; [] with
    from_scanner or from_futures alone."""
    from_scanner: int = key(0, ge=0, le=100)
    """Stocks of the day's scanner file that it trades besides its symbols, at most so many, the best score
    first; 0 = none. Only for kinds that trade levels (pivot_break)."""
    from_futures: int = key(0, ge=0, le=100)
    """Futures that were discovered (universe.futures.discover) which it trades besides its symbols, at most
    so many, the most traded first; 0 = none."""
    timeframe: Timeframe = Timeframe.SECONDS_5
    """Length of its bars: 5s, 1m, 5m, 15m, 1h, 1D."""
    profile: Profile = Profile.OPEN
    """What it may trade at all: rules (stocks, long only), futures (futures, on paper accounts only) or open
    (what allow_short permits)."""
    enabled: bool = True
    """false = it neither trades nor takes data lines."""
    holds_overnight: bool = False
    """true = a graceful stop leaves its positions, with their stops; no limit of [position] counts."""
    max_age_h: float = key(-1.0, unit="h", ge=-1, le=1000)
    """Age at which its positions are closed (a third of it warns, two thirds alert); 0 = never, -1 = as
    [position] says."""
    allow_short: bool = True
    """false = it is never short; true = as risk.allow_short says for the asset class."""
    budget_pct: float = key(0.0, unit="% NLV", ge=0, le=1000)
    """Most exposure of its positions and working entries together; 0 = only the account's limits."""
    params: Mapping[str, Parameter] = {}
    """Its own parameters; it says which it knows and checks them before anything starts."""
