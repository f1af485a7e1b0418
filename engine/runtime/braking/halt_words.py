"""Keeps the alert of a HALT true while it stands: at work, done, not proven, or out of reach."""

from __future__ import annotations

from engine.broker.port import LinkState
from engine.execution.kill import KillSwitch
from engine.risk.brakes import Brake, BrakeLevel
from engine.runtime.brakes import symbol_of, told
from engine.runtime.braking.reach import reach_of_brake
from engine.runtime.desk import Desk


def tell_halts(desk: Desk, switch: KillSwitch) -> None:
    """Say of each HALT how far it is now. Where several share one alert, it speaks of the latest."""
    latest: dict[str, Brake] = {}
    for brake in desk.brakes.brakes:
        if brake.level is BrakeLevel.HALT:
            standing = latest.get(symbol_of(brake))
            if standing is None or brake.at >= standing.at:
                latest[symbol_of(brake)] = brake
    for symbol, brake in latest.items():
        desk.notices.reword("halt", told(brake, _how_far(brake, desk, switch)), symbol=symbol)


def _how_far(brake: Brake, desk: Desk, switch: KillSwitch) -> str:
    reach = reach_of_brake(brake)
    left = switch.risky(reach)
    if not left:
        return "nothing that adds risk works"
    orders = f"{len(left)} order{'s' if len(left) > 1 else ''}"
    if desk.link is not LinkState.UP:
        return f"no line, {orders} may still work at the broker"
    if any(switch.is_cancelling(order) for order in left):
        return "cancelling what adds risk"
    return f"{orders} not proven gone, asked again"
