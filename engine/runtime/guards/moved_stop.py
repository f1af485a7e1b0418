"""A stop that somebody moved at the broker: nearer to the market it stays, further away it is put back.

Whoever moves it in TWS may take risk away without asking; adding risk goes through the cockpit.
"""

from __future__ import annotations

from engine.api import Level
from engine.domain.order import Order, Role
from engine.execution.levels import is_tighter, meant_stop
from engine.ledger.events import StopMoved
from engine.runtime.desk import Desk

WHY = "moved_at_broker"


def moved_outside(desk: Desk, order: Order, price: float | None) -> tuple[StopMoved, ...]:
    """What follows from the broker's word that this stop of ours stands at `price`, unlike in the books.

    Empty for our own changes, and for one that is put back. Nothing is concluded while the position differs
    from the broker's: after a split, prices of before mean nothing.
    """
    key, intent = order.intent.key, order.intent
    position = desk.books.position(key)
    if intent.role is not Role.STOP or price is None or price == intent.stop_price or position is None:
        return ()
    if intent.side.sign * position.quantity > 0 or key in desk.unsettled():
        return ()
    default_pct = desk.config.position.default_stop_pct
    if is_tighter(position, price, default_pct=default_pct):
        text = f"{key}: its stop was moved to {price:g} at the broker, nearer to the market: it stays there"
        desk.notices.event(Level.WARNING, "order", text, symbol=key)
        return (StopMoved(key, price, WHY, desk.now()),)
    instrument = desk.instruments.get(key)
    if instrument is not None and price != meant_stop(position, instrument, default_pct=default_pct):
        text = (
            f"{key}: its stop stands at {price:g} at the broker, further away than meant: it is put back; "
            "a stop is loosened in the cockpit only"
        )
        desk.notices.event(Level.WARNING, "order", text, symbol=key)
    return ()
