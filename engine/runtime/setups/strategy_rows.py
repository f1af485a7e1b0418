"""Every strategy as the front end lists it: what it trades, and whether it is on."""

from __future__ import annotations

from collections.abc import Iterable

from engine.api import StrategyView
from engine.runtime.desk import Desk
from engine.runtime.running import Running


def strategy_rows(desk: Desk, all_running: Iterable[Running]) -> tuple[StrategyView, ...]:
    """One row per configured strategy."""
    return tuple(
        StrategyView(
            name=r.strategy.name,
            kind=r.kind,
            symbols=tuple(sorted(r.keys)) or r.symbols,
            timeframe=r.timeframe,
            state=_state(desk, r),
            holds_overnight=r.holds_overnight,
            trades_levels=r.strategy.wants_setups,
            switched_off=str(desk.switched_off.get(r.strategy.name) or ""),
        )
        for r in all_running
    )


def _state(desk: Desk, running: Running) -> str:
    is_off = running.off or running.strategy.name in desk.switched_off
    if is_off or (running.keys and running.keys <= running.off_at.keys()):
        return "off"
    if not running.keys or running.warm != running.keys:
        return "warming up"
    held = desk.brakes.blocking(strategy=running.strategy.name, key="")
    return "live" if held is None else "paused"
