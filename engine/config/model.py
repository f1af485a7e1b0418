"""The whole configuration as one frozen value, with the strategies that are shipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from engine.config.backtest import BacktestSection
from engine.config.breaker_sections import BreakerSection, ErrorsSection
from engine.config.gates import GatesSection
from engine.config.history import HistorySection
from engine.config.loop import LoopSection
from engine.config.regime import RegimeSection
from engine.config.secrecy import looks_secret
from engine.config.sections import (
    BrokerSection,
    ConnectionSection,
    DataSection,
    ExecutionSection,
    KillSection,
    MarketDataSection,
    ModeSection,
    OrphansSection,
    PositionSection,
    ReconcileSection,
    RetrySection,
    RiskSection,
    RunSection,
    Section,
    SessionsSection,
    ShutdownSection,
    StateSection,
)
from engine.config.strategies import StrategySection
from engine.config.telling import AlertsSection, LogSection, SecuritySection, UiSection
from engine.config.universe import UniverseSection
from engine.config.values import Profile, Timeframe, matching
from engine.config.watching import GatewayRestartSection, HealthSection, SloSection
from engine.config.web import WebSection

RESERVED_OWNERS = frozenset({"operator"})
"""Names that own positions without being a strategy."""

SECRET_WORDS = ("password", "secret", "token", "api_key", "apikey", "credential")
MASK = "********"


def _not_reserved(name: str) -> str:
    if name in RESERVED_OWNERS:
        raise ValueError(f"expected another name: {name!r} stands for positions opened by hand")
    return name


_NAME = matching(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "a name of lower case letters, digits, single underscores")
StrategyName = Annotated[str, AfterValidator(_NAME), AfterValidator(_not_reserved)]

SHIPPED_STRATEGIES: Mapping[str, StrategySection] = {
    "stocks_cross": StrategySection(
        kind="ma_crossover",
        symbols=("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "TSLA", "AMD", "META", "AMZN"),
        timeframe=Timeframe.SECONDS_5,
        params={"fast": 8, "slow": 21, "stop_atr": 4.0},
    ),
    "futures_cross": StrategySection(
        kind="ma_crossover",
        symbols=("ES@CME", "NQ@CME", "EUR@CME", "ZN@CBOT", "CL@NYMEX", "GC@COMEX"),
        timeframe=Timeframe.SECONDS_5,
        params={"fast": 5, "slow": 21, "stop_atr": 4.0},
    ),
    "futures_learned": StrategySection(
        kind="learned_futures",
        symbols=("ES@CME", "ZN@CBOT"),
        timeframe=Timeframe.SECONDS_5,
        profile=Profile.FUTURES,
        enabled=False,
        params={"appetite": "standard", "explore": False, "horizon_s": 30.0},
    ),
}


class Config(Section):
    """Every key with its value. Immutable: a change makes a new one."""

    run: RunSection = RunSection.untouched()
    mode: ModeSection = ModeSection.untouched()
    broker: BrokerSection = BrokerSection.untouched()
    connection: ConnectionSection = ConnectionSection.untouched()
    retry: RetrySection = RetrySection.untouched()
    market_data: MarketDataSection = MarketDataSection.untouched()
    data: DataSection = DataSection.untouched()
    history: HistorySection = HistorySection.untouched()
    backtest: BacktestSection = BacktestSection.untouched()
    sessions: SessionsSection = SessionsSection.untouched()
    risk: RiskSection = RiskSection.untouched()
    execution: ExecutionSection = ExecutionSection.untouched()
    position: PositionSection = PositionSection.untouched()
    errors: ErrorsSection = ErrorsSection.untouched()
    breaker: BreakerSection = BreakerSection.untouched()
    kill: KillSection = KillSection.untouched()
    loop: LoopSection = LoopSection.untouched()
    web: WebSection = WebSection.untouched()
    reconcile: ReconcileSection = ReconcileSection.untouched()
    orphans: OrphansSection = OrphansSection.untouched()
    state: StateSection = StateSection.untouched()
    shutdown: ShutdownSection = ShutdownSection.untouched()
    log: LogSection = LogSection.untouched()
    health: HealthSection = HealthSection.untouched()
    slo: SloSection = SloSection.untouched()
    gateway_restart: GatewayRestartSection = GatewayRestartSection.untouched()
    alerts: AlertsSection = AlertsSection.untouched()
    gates: GatesSection = GatesSection.untouched()
    security: SecuritySection = SecuritySection.untouched()
    ui: UiSection = UiSection.untouched()
    universe: UniverseSection = UniverseSection.untouched()
    regime: RegimeSection = RegimeSection.untouched()
    strategies: Mapping[StrategyName, StrategySection] = SHIPPED_STRATEGIES

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every key but `run.id` and secrets, the same for any order of keys."""
        return _digest(self.model_dump(mode="json", exclude={"run": {"id"}}))

    @property
    def rules_fingerprint(self) -> str:
        """The same over what decides how it trades and protects.

        Left out is what has to differ between paper and live (mode, where the broker is, the account), what
        only people see (screen, log), where files are, and what an operator may change while it runs:
        else a proof made in paper could not be one for live, and no proof would outlive a key press.
        """
        return _digest(self.model_dump(mode="json", exclude=_NO_RULES))


_NO_RULES: Any = {
    "run": True,
    "mode": True,
    "broker": True,
    "connection": {"host", "port", "account", "client_id"},
    "state": {"dir"},
    "log": True,
    "ui": True,
    "risk": {"risk_per_trade_pct", "max_positions", "max_position_size_pct", "max_total_at_risk_pct"},
    "regime": {"override"},
    "history": True,
    "backtest": True,
}


def _digest(tree: Mapping[str, object]) -> str:
    canonical = json.dumps(masked(tree), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def is_secret(key_name: str) -> bool:
    """True where the last part of a dotted key names something that must not be shown."""
    last = key_name.rpartition(".")[2].lower()
    return any(word in last for word in SECRET_WORDS)


def masked(tree: Mapping[str, object]) -> dict[str, object]:
    """The same tree with every secret value replaced, known by its name or its looks."""
    return {
        name: masked(value) if isinstance(value, Mapping) else MASK if _hides(name, value) else value
        for name, value in tree.items()
    }


def _hides(name: str, value: object) -> bool:
    return is_secret(name) or (isinstance(value, str) and looks_secret(value, key=name))
