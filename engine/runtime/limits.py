"""From the configuration to what the gate and the books measure by."""

from __future__ import annotations

from engine.config import Config
from engine.domain.fees import FeeSchedule
from engine.risk.limits import RiskLimits
from engine.risk.order_check import OrderRules


def order_rules(config: Config) -> OrderRules:
    """What fees are reckoned with, and what an entry must be worth after them."""
    execution = config.execution
    fees = FeeSchedule(
        per_share_usd=execution.commission_per_share,
        minimum_usd=execution.commission_minimum,
        cap_pct=execution.commission_cap_pct,
        per_contract_usd=execution.commission_per_contract,
    )
    return OrderRules(fees, config.risk.min_order_value)


def limits_of(config: Config) -> RiskLimits:
    """What the gate measures by; units as the names say."""
    risk, sessions = config.risk, config.sessions
    return RiskLimits(
        risk_per_trade_pct=risk.risk_per_trade_pct,
        volatility_target_pct=risk.volatility_target_pct,
        max_positions=risk.max_positions,
        max_gross_exposure_usd=risk.max_gross_exposure,
        symbol_notional_cap_usd=risk.per_symbol_notional_cap,
        symbol_margin_cap_usd=risk.per_symbol_margin_cap,
        max_position_size_pct=risk.max_position_size_pct,
        allow_short_stock=risk.allow_short.STK,
        allow_short_future=risk.allow_short.FUT,
        entry_start=sessions.entry_start,
        entry_end=sessions.entry_end,
        open_delay_s=sessions.open_delay_s,
        cooldown_s=risk.cooldown_minutes * 60.0,
        cooldown_after_stop_s=risk.cooldown_after_stop_minutes * 60.0,
        max_attempts=risk.max_attempts,
        order_rules=order_rules(config),
        max_quote_age_s=config.market_data.max_quote_age_seconds,
        max_quote_age_of={k: s for k, s in config.market_data.max_quote_age_of if s > 0},
        entry_ticks_through=config.execution.entry_ticks_through,
        max_order_value_usd=risk.max_order_value,
        max_order_shares=risk.max_order_size.STK,
        max_order_contracts=risk.max_order_size.FUT,
        max_account_age_s=risk.max_account_age_s,
        max_total_at_risk_pct=risk.max_total_at_risk_pct,
        theme_cap_pct=config.universe.theme_cap_pct,
        tier_caps_pct=config.universe.allocation_pct,
        tier_sizes_pct=config.universe.base_size_pct,
        regime_cap=config.regime.hard_cap_factor,
        price_collar_pct=risk.price_collar_pct,
        max_spread_bps=config.market_data.max_spread_bps,
        depth_share_stock=config.universe.max_depth_share_pct.STK / 100.0,
        depth_share_future=config.universe.max_depth_share_pct.FUT / 100.0,
        restricted=frozenset(risk.restricted),
        min_conviction=risk.min_conviction_to_propose,
        orders_per_minute=risk.orders_per_minute,
        duplicate_window_s=risk.duplicate_window_s,
        repeat_fills=risk.repeated_execution.n,
        repeat_window_s=risk.repeated_execution.window_s,
        daily_loss_pct=risk.daily_loss_pct,
        symbol_daily_loss_pct=risk.symbol_daily_loss_pct,
        session_drawdown_pct=risk.max_drawdown_pct.session,
        rolling_drawdown_pct=risk.max_drawdown_pct.rolling,
        drawdown_window_days=risk.max_drawdown_pct.window_days,
        derisk_start=risk.max_drawdown_pct.derisk_start,
    )
