"""Small builders of domain values, so that a test names only what it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from engine.domain.instrument import Instrument, PriceStep, SecType, SessionHours
from engine.domain.market import Quote
from engine.domain.order import (
    Intention,
    Order,
    OrderIntent,
    OrderState,
    OrderType,
    Proposal,
    Role,
    Side,
    Tif,
)
from engine.risk.brakes import BrakeSet
from engine.risk.exposure import Commitments, Holding, commitments, exposure
from engine.risk.limits import RiskLimits
from engine.risk.order_check import OrderRules
from engine.risk.world import GateWorld

TEN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
"""10:00 in New York on a Friday."""

OPEN_DAY = SessionHours(TEN - timedelta(minutes=30), TEN + timedelta(hours=6))


def stock(key: str = "SPY", **changes: object) -> Instrument:
    """A stock on a one-cent grid whose regular session contains TEN."""
    values: dict[str, object] = {
        "key": key,
        "con_id": 1000 + sum(map(ord, key)),
        "symbol": key,
        "sec_type": SecType.STOCK,
        "exchange": "SMART",
        "currency": "USD",
        "local_symbol": key,
        "multiplier": 1.0,
        "min_tick": 0.01,
        "price_steps": (PriceStep(0.0, 0.01),),
        "time_zone": "America/New_York",
        "trading_hours": (OPEN_DAY,),
        "liquid_hours": (OPEN_DAY,),
    }
    return Instrument(**{**values, **changes})  # type: ignore[arg-type]


def future(key: str = "ESZ6", **changes: object) -> Instrument:
    """An index future: 50 USD a point, quarter-point ticks."""
    values = {
        "sec_type": SecType.FUTURE,
        "symbol": key[:-2],
        "exchange": "CME",
        "multiplier": 50.0,
        "min_tick": 0.25,
        "price_steps": (PriceStep(0.0, 0.25),),
        "time_zone": "America/Chicago",
    }
    return stock(key, **{**values, **changes})


def quote(key: str = "SPY", bid: float = 99.99, ask: float = 100.01, at: datetime = TEN) -> Quote:
    """A two-sided quote of 300 by 300."""
    return Quote(key, bid, ask, 300, 300, (bid + ask) / 2, 100, at.timestamp())


def proposal(key: str = "SPY", side: Side = Side.BUY, **changes: object) -> Proposal:
    """A wish to enter with a stop one dollar away."""
    values: dict[str, object] = {
        "strategy": "ma",
        "key": key,
        "intention": Intention.ENTER,
        "side": side,
        "signal_id": f"ma-{key}-1",
        "at": TEN,
        "stop_price": 99.0 if side is Side.BUY else 101.0,
    }
    return Proposal(**{**values, **changes})  # type: ignore[arg-type]


def intent(
    key: str = "SPY", role: Role = Role.ENTRY, side: Side = Side.BUY, **changes: object
) -> OrderIntent:
    """An intent for 100."""
    values: dict[str, object] = {
        "ref": f"ck-0000-{key}-{role.value}",
        "strategy": "ma",
        "key": key,
        "con_id": 1000 + sum(map(ord, key)),
        "role": role,
        "side": side,
        "quantity": 100,
        "order_type": OrderType.LIMIT if role is Role.ENTRY else OrderType.STOP,
        "tif": Tif.DAY,
        "created_at": TEN,
        "limit_price": 100.0 if role is Role.ENTRY else None,
        "stop_price": None if role is Role.ENTRY else 99.0,
        "signal_id": f"ma-{key}-1" if role is Role.ENTRY else "",
    }
    return OrderIntent(**{**values, **changes})  # type: ignore[arg-type]


def order(
    key: str = "SPY",
    role: Role = Role.ENTRY,
    side: Side = Side.BUY,
    state: OrderState = OrderState.WORKING,
    filled: int = 0,
    **changes: object,
) -> Order:
    """An order for 100 in the given state."""
    return Order(
        intent=intent(key, role, side, **changes), state=state, order_id=1, perm_id=11, filled=filled
    )


LIMITS = RiskLimits(
    risk_per_trade_pct=0.5,
    max_positions=3,
    max_gross_exposure_usd=100_000.0,
    symbol_notional_cap_usd=25_000.0,
    symbol_margin_cap_usd=50_000.0,
    max_position_size_pct=5.0,
    allow_short_stock=False,
    allow_short_future=True,
    entry_start=time(9, 45),
    entry_end=time(15, 0),
    cooldown_s=60.0,
    cooldown_after_stop_s=300.0,
    max_attempts=2,
    order_rules=OrderRules(min_order_value_usd=100.0),
    max_quote_age_s=5.0,
    entry_ticks_through=2,
)


def world(
    *,
    holdings: tuple[Holding, ...] = (),
    orders: tuple[Order, ...] = (),
    out: Commitments | None = None,
    unit_usd: Mapping[str, float] | None = None,
    **changes: object,
) -> GateWorld:
    """A world in which an entry in SPY passes. `unit_usd` is the exposure of one unit of what is out."""
    out, units = commitments(holdings, orders) if out is None else out, unit_usd or {}
    values: dict[str, object] = {
        "now": TEN,
        "blocked": None,
        "blocked_text": "",
        "brakes": BrakeSet(),
        "instrument": stock(),
        "quote": quote(),
        "is_live_data": True,
        "net_liquidation_usd": 1_000_000.0,
        "commitments": out,
        "exposure": exposure(out, lambda key: units.get(key, math.nan)),
        "equity_age_s": 0.0,
        "available_funds_usd": 1_000_000.0,
        "margin_usd": None,
        "margin_age_s": 0.0,
        "strategy_allows_short": True,
        "signals_used": frozenset(),
    }
    return GateWorld(**{**values, **changes})  # type: ignore[arg-type]
