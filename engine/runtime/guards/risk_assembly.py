"""Puts the watches together that keep the gate's figures fresh and act on limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.api import PnlView
from engine.broker.port import Broker
from engine.runtime.desk import Desk
from engine.runtime.engine import Engine
from engine.runtime.guards.account_watch import AccountWatch
from engine.runtime.guards.cap_watch import CapWatch
from engine.runtime.guards.risk_watch import RiskWatch
from engine.runtime.markets import Markets
from engine.store.operations import StoredState


def risk_chores(
    desk: Desk,
    broker: Broker,
    markets: Markets,
    stored: StoredState,
    engine: Engine,
    *,
    pnl: Callable[[], PnlView],
) -> dict[str, Callable[[], Awaitable[None]]]:
    """Steps of the regular round, by name."""
    risk = RiskWatch.continued(desk, stored=stored, pnl=pnl, execute=engine.execute, spawn=engine.spawn)
    account = AccountWatch(desk, broker=broker, margin=markets.margin, spawn=engine.spawn)
    return {"account": account.round, "risk": risk.round, "caps": CapWatch(desk).round}
