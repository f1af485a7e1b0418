"""What a run is told: strategies, limits, costs, rules of the market. Plain values, no configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from enum import StrEnum

from engine.backtest.costs import Costs
from engine.backtest.series import BarSeries
from engine.domain.order import OrderType
from engine.market.sessions import DayRules
from engine.market.universe import TierRule
from engine.risk.limits import RiskLimits
from engine.risk.profile import Profile
from engine.risk.regime import Regime, RegimeMultipliers, RegimeRules
from engine.strategy.base import Strategy


class BacktestError(ValueError):
    """A run that cannot be done as it was asked for; the text says what to change."""


class OnBreach(StrEnum):
    """What a run does when a loss limit of the account is reached."""

    HALT = "halt"
    """No entry any more until the end of the run: nobody is there to lift the brake."""
    KILL = "kill"
    """The same, and every position is closed."""
    NEXT_DAY = "next_day"
    """A HALT that a person lifts before the next trading day."""


@dataclass(frozen=True, slots=True)
class StrategyRun:
    """One strategy of a run."""

    strategy: Strategy
    bar_seconds: int
    """Length of the bars it decides on; those of its instruments are as long or shorter."""
    allow_short: bool = False
    holds_overnight: bool = False
    profile: Profile = Profile.OPEN
    budget_pct: float = 0.0
    """Most exposure of all it has out, in percent of equity; 0 = only the account's limits."""
    max_age_h: float = 0.0
    """Hours of open session after which a position of it is closed; 0 = never."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Which market is watched for the regime, and what a regime multiplies."""

    reference: str
    """Instrument key; where the run has no bars of it the regime is not known."""
    seconds: int
    """Length of the bars that are looked at."""
    bars: int
    """How many of them."""
    rules: RegimeRules
    multipliers: RegimeMultipliers
    said: Regime | None = None
    """What the configuration says instead; None: as it is detected."""


_DAY = DayRules(eod_close=time(15, 55), flatten_minutes=5.0, flatten_lead_minutes=1.0, no_entry_minutes=15.0)


@dataclass(frozen=True, slots=True)
class BacktestConfig:
    """Everything about a run but its data."""

    strategies: tuple[StrategyRun, ...]
    limits: RiskLimits
    """The very limits of the live gate; its fee schedule is the one the commissions follow."""
    costs: Costs
    day: DayRules = _DAY
    initial_cash_usd: Decimal = Decimal(100_000)
    entry_type: OrderType = OrderType.MARKET
    """How entries are sent: at market, or with the gate's limit."""
    intrabar: bool = True
    """True: stops and limits fill inside the bar that reaches them. False: at the next bar's open."""
    volume_cap_pct: float = 0.0
    """Most that orders take of a bar's volume, the rest waits for the next; 0 = no such limit."""
    on_breach: OnBreach = OnBreach.HALT
    unfilled_timeout_s: float = 0.0
    """Age at which an entry that has not filled is given up, after one bar at least; 0 = at the close."""
    converts_unfilled: bool = False
    """True: what did not fill of a limit entry goes at market then. False: it is cancelled."""
    default_stop_pct: float = 2.0
    """Distance of the stop of a position that came without one, in percent."""
    stock_margin_pct: float = 50.0
    """Part of a stock position that it ties up."""
    future_margin_pct: float = 8.0
    """The same of a future whose margin is not given in `margins_usd`."""
    margins_usd: Mapping[str, float] = field(default_factory=dict)
    """Instrument key -> initial margin of one contract."""
    themes: Mapping[str, str] = field(default_factory=dict)
    """Instrument key -> theme whose exposure is capped together."""
    tiers: tuple[TierRule, ...] = ()
    """Best first: what an instrument must trade to be entered, and how much it may then make up."""
    weather: Weather | None = None
    """How the regime of the market is found; None: its factor is 1."""
    begin_ns: int | None = None
    """Bars that end before this moment (epoch ns) only warm the strategies up."""
    end_ns: int | None = None
    """Bars that end after this moment are left out."""
    daily: Mapping[str, BarSeries] = field(default_factory=dict)
    """Instrument key -> daily bars in which levels are found, where the run's own bars do not reach back."""
    checks_orders: bool = False
    """True: everything about its orders is told to a live ledger afterwards, which must come to the same."""
    roll_days: int = 1
    """Sessions before that of its last trading day in which a future is closed and entered no more."""
