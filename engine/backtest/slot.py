"""One instrument during a run: where it trades now, what is held of it, and the orders that rest in it.

A plain object with slots: it is looked at for every bar, so nothing here is derived when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from engine.backtest.matching import Terms, reach
from engine.domain.instrument import Instrument, SessionHours
from engine.domain.order import Order, OrderIntent, OrderState

_PENDING, _WORKING = OrderState.PENDING, OrderState.WORKING

NEVER_NS: int = 2**63 - 1
"""A moment after every other one."""


@dataclass(slots=True, eq=False)
class Resting:
    """An order at the exchange of the run."""

    intent: OrderIntent
    terms: Terms
    left: int
    """Units that can still fill."""
    adds_risk: bool
    seq: int
    """Order of arrival."""
    made: OrderIntent
    """As it was at first; `intent` is as it is now."""
    at_ns: int
    """When it was made."""
    place: int = -1
    """Where it stands among all orders of the run."""
    protect: float | None = None
    """Price of the stop that is attached to an entry."""
    status: str = "working"
    ended_ns: int | None = None
    reason: str = ""
    """Why it ended."""
    filled: int = 0
    notional: float = 0.0
    """Sum of price times quantity of its fills."""
    charged_usd: Decimal = Decimal(0)
    parent: Resting | None = None
    """The entry it waits for; None once that has begun to fill, or where there is none."""
    born_inside: bool = False
    """What it waited for filled inside the bar at hand: what the bar did before that is not known."""

    @property
    def order(self) -> Order:
        """The same as the gate sees it."""
        return Order(self.intent, _WORKING if self.filled else _PENDING, filled=self.filled)


@dataclass(slots=True, eq=False)
class Slot:
    """State of one instrument."""

    index: int
    key: str
    instrument: Instrument
    """With the session that runs, or the next one, as its hours."""
    seconds: int
    length: timedelta
    """The same: how long its bars are."""
    is_future: bool
    multiplier: float
    exact_multiplier: Decimal
    sessions: tuple[SessionHours, ...]
    session: int = -1
    """Index of the session that runs or comes next."""
    open_ns: int = 0
    """Beginning of that session."""
    close_ns: int = 0
    """End of that session."""
    flat_ns: int = NEVER_NS
    """From when on day positions in it are closed."""
    day_ns: int = 0
    """From when on something about its session has to be looked at."""
    alarm_ns: int = 0
    """The same, or earlier where an order or a position is due."""
    entries_end: datetime | None = None
    expires: bool = False
    """A future that is closed and entered no more, because its last day is near."""
    quantity: int = 0
    last: float = 0.0
    """Close of the last bar, or the open of the bar at hand once it has filled something."""
    orders: list[Resting] = field(default_factory=list)
    at_open: bool = False
    """An order is there that the next open can fill whatever its price."""
    below: float = float("-inf")
    """A bar whose low is here or lower may fill something."""
    above: float = float("inf")
    """The same for its high."""
    flow_usd: float = 0.0
    """Cash that fills of today brought, fees taken off."""
    day_value_usd: float = 0.0
    """Market value of the position at the beginning of the day."""

    def rearm(self) -> None:
        """Work out again which bars can do anything to its orders."""
        below, above, self.at_open = float("-inf"), float("inf"), False
        for order in self.orders:
            if order.parent is not None:
                continue
            low, high = reach(order.terms)
            if low is None and high is None:
                self.at_open = True
            elif low is not None and low > below:
                below = low
            elif high is not None and high < above:
                above = high
        self.below, self.above = below, above
