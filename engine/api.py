"""The whole contract between the engine and any front end: Snapshot down, Command up, Outcome back.

Plain frozen values that serialise, so the same contract runs over the direct link (two threads) and over
the attach socket. Text is cleaned of control characters and still never markup. Unknown is `None`, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.api_commands import Command, CommandKind, Outcome, OutcomeStatus, Scope, ScopeKind
from engine.api_gates import NO_GATES, GatesView
from engine.api_health import HealthRow, Level, TelemetryView, TimingRow, UptimeView
from engine.api_learning import ConfidenceView, ModelView
from engine.api_market import MarketView
from engine.api_recovery import RecoveryView
from engine.api_selection import NOTHING_SELECTED, SelectionView
from engine.api_setups import FilterView, SetupView

API_VERSION = 1

__all__ = [
    "API_VERSION",
    "AlertView",
    "BrakeKind",
    "BrakeView",
    "Command",
    "CommandKind",
    "ConfidenceView",
    "EngineState",
    "EventView",
    "FillView",
    "FilterView",
    "HealthRow",
    "Level",
    "MarketView",
    "Mode",
    "ModelView",
    "OrderView",
    "Outcome",
    "OutcomeStatus",
    "PnlView",
    "PositionView",
    "RuntimeValue",
    "Scope",
    "ScopeKind",
    "SelectionView",
    "SessionView",
    "SetupView",
    "Snapshot",
    "StrategyView",
    "TelemetryView",
    "TimingRow",
    "UptimeView",
    "WhyNot",
]


class EngineState(StrEnum):
    """The engine's life. Entries happen only in READY."""

    BOOTING = "BOOTING"
    RECONCILING = "RECONCILING"
    ORPHANS = "ORPHANS"
    READY = "READY"
    BLOCKED = "BLOCKED"
    DRAINING = "DRAINING"
    STOPPED = "STOPPED"


class Mode(StrEnum):
    """How real it is."""

    DRY_RUN = "DRY_RUN"
    PAPER = "PAPER"
    LIVE = "LIVE"


class BrakeKind(StrEnum):
    """The three brakes, mildest first."""

    PAUSE = "PAUSE"
    HALT = "HALT"
    KILL = "KILL"


@dataclass(frozen=True, slots=True)
class BrakeView:
    """One brake that is on."""

    kind: BrakeKind
    scope: Scope
    reason: str
    who: str
    since: datetime
    proof: str = ""
    """For KILL: `PROVEN FLAT …`, `NOT PROVEN: …` or what is still going on; empty for the others."""


@dataclass(frozen=True, slots=True)
class PositionView:
    """One holding. Prices per unit; money in USD, P&L net of fees where it says net."""

    symbol: str
    quantity: int
    avg_price: float
    last: float | None
    """Mark (mid of bid and ask, else last print); None before the first quote."""
    unrealized_usd: float | None
    realized_usd: float
    r_multiple: float | None
    """Unrealised in units of the initial risk; None without an initial stop."""
    protected_quantity: int
    """How much of it a working stop at the broker covers."""
    stop_price: float | None
    owner: str
    """Strategy, `operator`, `FOREIGN_OWNER`, or empty where the store does not know it (orphan)."""
    opened_at: datetime | None
    decimals: int
    quote_age_s: float | None
    exposure_usd: float | None
    """Notional for stocks, initial margin for futures."""
    is_orphan: bool = False
    is_foreign: bool = False
    """Left alone by a person's decision (or a fraction of a share): not ours, spared by every flatten."""
    metadata_lost: bool = False
    """True where it was taken over: what its entry was meant for is not known."""
    is_verified: bool = True
    """False where only our own state says so: the broker has not been asked in this run."""
    remaining: float = 1.0
    """Share of what was entered that is still open, 0 to 1."""
    sec_type: str = "STK"
    multiplier: float = 1.0
    close_price: float | None = None
    """Where it would close now: the bid of a long, the ask of a short; None without that side."""
    close_fee_usd: float | None = None
    """What one order that closes it is estimated to cost."""
    initial_stop: float | None = None
    """Stop price at entry: the way there from `avg_price` is 1 R. None where nobody says."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order, working or done today."""

    order_ref: str
    perm_id: int
    symbol: str
    side: str
    quantity: int
    filled: int
    order_type: str
    price: float | None
    """Limit of a limit order, trigger of a stop; None for market orders."""
    tif: str
    status: str
    """OrderState code: pending, sending, working, cancel_pending, filled, cancelled, rejected, unknown …"""
    role: str
    strategy: str
    at: datetime
    message: str
    decimals: int
    is_ours: bool = True
    is_done: bool = False
    avg_fill_price: float | None = None


@dataclass(frozen=True, slots=True)
class FillView:
    """One execution of today."""

    exec_id: str
    order_ref: str
    symbol: str
    side: str
    quantity: int
    price: float
    commission_usd: float | None
    at: datetime
    decimals: int


@dataclass(frozen=True, slots=True)
class PnlView:
    """Profit and loss of the trading day, net of fees, in USD."""

    net_liquidation_usd: float | None = None
    day_usd: float | None = None
    realized_usd: float | None = None
    unrealized_usd: float | None = None
    fees_usd: float | None = None
    carried_usd: float = 0.0
    """Earned before the day began by positions of the days before; in `unrealized_usd` and `realized_usd`,
    not in `day_usd`."""
    sharpe: float | None = None
    """Mean over standard deviation of the day's closed trades, net; None while there are too few."""
    worst_usd: float | None = None
    trades: int = 0
    wins: int = 0
    curve: tuple[float, ...] = ()
    """`day_usd` at even steps since the day began, oldest first, at most 240 points."""
    curve_step_s: float = 0.0
    stock_exposure_usd: float = 0.0
    futures_margin_usd: float = 0.0
    stop_risk_usd: float | None = None
    """Loss if every stop is hit at its price; None while a position has no stop."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a symbol is not being traded right now: the latest refusal or what its strategy waits for."""

    symbol: str
    strategy: str
    code: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of what happened. `seq` counts up without holes, so a slow front end sees what it missed."""

    seq: int
    at: datetime
    level: Level
    kind: str
    """`fill`, `order`, `brake`, `command`, `link`, `engine`, `strategy`, `alert`, `note`."""
    symbol: str
    text: str
    ref: str = ""
    """The order, or the signal, it is about; empty where it is about neither."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert; CRITICAL ones block entries until acknowledged or their cause has ended."""

    alert_id: int
    level: Level
    code: str
    symbol: str
    text: str
    at: datetime
    acknowledged: bool = False
    count: int = 1
    """How often it was raised since it stands."""
    escalated: bool = False
    """Nobody answered in time."""
    to_do: str = ""
    """The first thing to do; the runbook has the rest under `alert-<code>`."""


@dataclass(frozen=True, slots=True)
class StrategyView:
    """One strategy as configured and where it stands."""

    name: str
    kind: str
    symbols: tuple[str, ...]
    timeframe: str
    state: str
    """`warming up`, `live`, `paused`, `off`."""
    holds_overnight: bool = False
    trades_levels: bool = False
    """True where it trades the levels of a scanner: it has rows on the watch list."""
    switched_off: str = ""
    """Who switched it off while it ran, and when; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class RuntimeValue:
    """One number that an operator may change while it runs (config key, value, bounds, origin)."""

    key: str
    value: float
    low: float
    high: float
    step: float
    overridden: bool
    changed: str = ""
    """What it was, who changed it and when; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """Exchange clock and the session of the traded instruments."""

    now: datetime
    """Exchange time, aware UTC."""
    time_zone: str = "America/New_York"
    speed: float = 1.0
    is_open: bool | None = None
    closes_in_s: float | None = None
    opens_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a front end shows, at one moment. `seq` rises with every change."""

    seq: int
    as_of: datetime
    """Wall time of publication, aware UTC."""
    engine_state: EngineState
    state_reason: str
    """Why BLOCKED / DRAINING …; empty when READY."""
    mode: Mode
    gateway: str
    gateway_text: str
    """What the header says: `simulated prices` or `IBKR DU123…`."""
    account: str
    session: SessionView
    entries_allowed: bool
    entries_text: str
    """`entries on` or what blocks them, one short phrase."""
    connected: bool
    data_age_s: float | None
    """Age of the freshest quote; None before any."""
    brakes: tuple[BrakeView, ...] = ()
    positions: tuple[PositionView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    """Working and unknown ones first, then those done today, newest first."""
    fills: tuple[FillView, ...] = ()
    pnl: PnlView = field(default_factory=PnlView)
    health: tuple[HealthRow, ...] = ()
    telemetry: TelemetryView = field(default_factory=TelemetryView)
    confidence: tuple[ConfidenceView, ...] = ()
    confidence_text: str = "no model yet"
    models: tuple[ModelView, ...] = ()
    """All about each contract that some strategy learns."""
    why_not: tuple[WhyNot, ...] = ()
    setups: tuple[SetupView, ...] = ()
    markets: tuple[MarketView, ...] = ()
    """Markets that somebody looks at; none while nobody does."""
    selection: SelectionView = NOTHING_SELECTED
    """Who may be entered, the regime, the data lines."""
    events: tuple[EventView, ...] = ()
    """The last 200, oldest first."""
    alerts: tuple[AlertView, ...] = ()
    strategies: tuple[StrategyView, ...] = ()
    runtime: tuple[RuntimeValue, ...] = ()
    recovery: RecoveryView = field(default_factory=RecoveryView)
    gates: GatesView = NO_GATES
    """How the gates of LIVE stand."""
    summary: tuple[str, ...] = ()
    """The day in lines for people; empty until the engine ends."""
    unknown_orders: int = 0
    loop_lag_max_ms: float = 0.0
    run_id: str = ""
    pid: int = 0
    version: str = ""
    read_only: bool = False
    dead_man_minutes: float = 0.0
    """Entries are paused where no operator is seen for this long; 0 = never."""
    api_version: int = API_VERSION
