"""Faults a drill or a test has switched on: what the gateway does wrong, on purpose, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

END_MARKERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "accountDownloadEnd": 54,
        "accountSummaryEnd": 64,
        "accountUpdateMultiEnd": 74,
        "completedOrdersEnd": 102,
        "contractDetailsEnd": 52,
        "execDetailsEnd": 55,
        "openOrderEnd": 53,
        "positionEnd": 62,
    }
)
"""The messages that end a list, by TWS's names, with their message ids."""


class OrderFaultKind(StrEnum):
    """What may go wrong with one order. The values are the drills' names."""

    REJECT = "reject_next"
    """A new order is refused."""
    SILENT = "silent_next"
    """A new order is taken; for a while nobody is told and no list shows it."""
    HOLD = "hold_next"
    """A new order is read and reaches the exchange only later, or never."""
    SPLIT = "split_next"
    """A new order fills in parts, one for each change of the market."""
    OVERFILL = "overfill_next"
    """A new order without a parent fills more than was ordered."""
    FALSE_CANCEL = "false_cancel"
    """A new order is told to be refused by an error on its id, and works all the same."""
    REFUSE_CANCEL = "refuse_cancel"
    """A cancel is refused, and the order works on."""
    LATE_FILL = "late_fill"
    """A cancel is confirmed; what had filled before it is told later."""


@dataclass(slots=True)
class OrderFault:
    """One armed fault of orders: it befalls the next ones whose orderRef contains `ref`."""

    left: int
    """How many it still befalls."""
    ref: str = ""
    code: int = 0
    text: str = ""
    seconds: float = 0.0
    """Real seconds of silence or lateness."""
    parts: int = 1
    """Into how many parts an order is split."""
    quantity: int = 0
    """How much fills late, 0 = all; or beyond what was ordered."""


@dataclass(slots=True)
class Faults:
    """All off unless the admin socket asked for them. Times are monotonic seconds."""

    frozen_until: float = 0.0
    """Nothing is read, processed or sent before this instant."""
    away_until: float = 0.0
    """Connections are cut as soon as they are made before this instant."""
    muted_until: float = 0.0
    """No client is told of quotes, prints or books before this instant; all else goes on."""
    answer_delay_s: float = 0.0
    """Everything that is sent leaves this much later."""
    order_delay_s: float = 0.0
    """Order events reach clients this much later."""
    commission_delay_s: float = 0.0
    """What a fill costs is told this much later than the fill; a re-query leaves it out as long."""
    market_data_type: int = 1
    """1 live, 2 frozen, 3 delayed, 4 delayed-frozen: what level-1 subscriptions are told they get."""
    halted: dict[int, int] = field(default_factory=dict)
    """Contracts that are told to be halted, by id: 1 halted, 2 volatility halt. Only told: orders go on."""
    order_id_rollback: int = 0
    """nextValidId is told this much too low, as after a nightly restart of TWS."""
    master_client: int = 0
    """The client that hears of every order, as the one set as master in TWS; 0 = none."""
    duplicates: int = 0
    """So many messages about orders and executions are sent twice."""
    withheld: dict[int, int] = field(default_factory=dict)
    """End markers that are not sent, by message id: how many more of each."""
    orders: dict[OrderFaultKind, OrderFault] = field(default_factory=dict)
    silent: dict[int, float] = field(default_factory=dict)
    """Orders nobody is told of, by perm id, and until when."""

    def is_frozen(self, mono_s: float) -> bool:
        """Whether the gateway plays dead at this instant."""
        return mono_s < self.frozen_until

    def is_away(self, mono_s: float) -> bool:
        """Whether no connection is taken at this instant."""
        return mono_s < self.away_until

    def is_muted(self, mono_s: float) -> bool:
        """Whether prices are kept from every client at this instant."""
        return mono_s < self.muted_until

    def take(self, kind: OrderFaultKind, order_ref: str) -> OrderFault | None:
        """The fault of that kind that befalls this order; used up by so many orders as were asked."""
        fault = self.orders.get(kind)
        if fault is None or fault.ref not in order_ref:
            return None
        fault.left -= 1
        if fault.left <= 0:
            del self.orders[kind]
        return fault

    def take_marker(self, message_id: object) -> bool:
        """Whether this end marker is kept back."""
        if not isinstance(message_id, int) or self.withheld.get(message_id, 0) <= 0:
            return False
        self.withheld[message_id] -= 1
        return True

    def take_duplicate(self) -> bool:
        """Whether this message about an order is sent twice."""
        if self.duplicates <= 0:
            return False
        self.duplicates -= 1
        return True

    def silent_until(self, perm_id: int) -> float:
        """Until when nobody may be told of this order; 0.0 where it is told as usual."""
        return self.silent.get(perm_id, 0.0)

    def clear(self) -> None:
        """Behave again. What was delayed or kept silent is told at the next turn."""
        fresh = Faults()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))
