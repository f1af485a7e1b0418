"""From the configuration to a run: limits and fees of live trading, costs and rules of [backtest]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from engine.backtest.costs import Costs, Slippage, SlippageModel
from engine.backtest.series import BarSeries
from engine.backtest.setting import BacktestConfig, OnBreach, StrategyRun, Weather
from engine.config import Config
from engine.config import Profile as ConfiguredProfile
from engine.config.backtest import BacktestSection, Commission, EntryType, Fills
from engine.config.regime import RegimeChoice
from engine.config.values import UnfilledPolicy
from engine.domain.fees import FeeSchedule, FlatFee
from engine.domain.order import OrderType
from engine.market.bars import timeframe_seconds
from engine.risk.limits import RiskLimits
from engine.risk.profile import Profile
from engine.risk.regime import Regime
from engine.runtime.close_times import day_rules
from engine.runtime.guards.age import age_limits
from engine.runtime.limits import limits_of
from engine.runtime.selection.regime import multipliers_of, rules_of
from engine.runtime.selection.universe import tier_rules
from engine.strategy.base import Strategy


def fees_of(section: BacktestSection, live: FeeSchedule) -> FeeSchedule:
    """The schedule by which the run pays, and its gate reckons."""
    if section.commission is Commission.BROKER:
        return live
    fixed, bps = section.commission_fixed, section.commission_bps
    return live._replace(flat_stock=FlatFee(fixed.STK, bps.STK), flat_future=FlatFee(fixed.FUT, bps.FUT))


def strategy_run(config: Config, name: str, strategy: Strategy) -> StrategyRun:
    """A configured strategy as a part of a run."""
    section = config.strategies[name]
    may_short = section.profile is not ConfiguredProfile.RULES and not strategy.long_only
    return StrategyRun(
        strategy=strategy,
        bar_seconds=timeframe_seconds(section.timeframe.value),
        allow_short=section.allow_short and may_short,
        holds_overnight=section.holds_overnight,
        profile=Profile(section.profile.value),
        budget_pct=section.budget_pct,
        max_age_h=age_limits(config, name).close_h,
    )


def backtest_config(
    config: Config,
    runs: Sequence[StrategyRun],
    *,
    begin_ns: int | None = None,
    end_ns: int | None = None,
    daily: Mapping[str, BarSeries] | None = None,
) -> BacktestConfig:
    """Everything about a run but its bars, as configured; `daily` bars are those that levels are found in."""
    section = config.backtest
    live = limits_of(config)
    fees = fees_of(section, live.order_rules.fees)
    slippage = Slippage(SlippageModel(section.slippage.value), section.slippage_bps, section.spread_fraction)
    return BacktestConfig(
        strategies=tuple(runs),
        limits=_as_bars_allow(live, fees),
        costs=Costs(slippage, fees),
        day=day_rules(config),
        initial_cash_usd=Decimal(repr(section.initial_cash)),
        entry_type=OrderType.MARKET if section.entry is EntryType.MARKET else OrderType.LIMIT,
        intrabar=section.fills is Fills.INTRABAR,
        volume_cap_pct=section.volume_cap_pct,
        on_breach=OnBreach(section.on_breach.value),
        unfilled_timeout_s=config.execution.unfilled_timeout_s,
        converts_unfilled=config.execution.unfilled_policy is UnfilledPolicy.MARKET,
        default_stop_pct=config.position.default_stop_pct,
        stock_margin_pct=section.stock_margin_pct,
        future_margin_pct=section.future_margin_pct,
        themes=themes_of(config),
        begin_ns=begin_ns,
        end_ns=end_ns,
        roll_days=section.roll_days,
        checks_orders=section.check_orders,
        tiers=tier_rules(config) if section.selection else (),
        weather=weather_of(config) if section.selection else None,
        daily=daily or {},
    )


def weather_of(config: Config) -> Weather:
    """How a run finds the regime of the market."""
    regime = config.regime
    return Weather(
        reference=regime.reference,
        seconds=timeframe_seconds(regime.timeframe.value),
        bars=regime.bars,
        rules=rules_of(config),
        multipliers=multipliers_of(config),
        said=None if regime.override is RegimeChoice.AUTO else Regime(regime.override.value),
    )


def _as_bars_allow(limits: RiskLimits, fees: FeeSchedule) -> RiskLimits:
    """The live limits with the run's fees. Bars do not tell what was visible at the touch, so that no entry
    can be judged by it; what `volume_cap_pct` of [backtest] lets through is the run's own measure.
    """
    rules = limits.order_rules._replace(fees=fees)
    return replace(limits, order_rules=rules, depth_share_stock=0.0, depth_share_future=0.0)


def themes_of(config: Config) -> Mapping[str, str]:
    """Symbol -> its theme; the first one that names it."""
    found: dict[str, str] = {}
    for theme, symbols in config.universe.themes.items():
        for symbol in symbols:
            found.setdefault(symbol, theme)
    return found
