"""What every request handler works on: market, exchange, clock, and the clients connected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.gateway.calendar import ExchangeCalendar
from engine.gateway.clock import ExchangeClock
from engine.gateway.daystats import DayStats
from engine.gateway.faults import Faults
from engine.gateway.model import (
    Contract,
    ExchangeEvent,
    ExecutionView,
    GatewaySettings,
    OrderRequest,
    QuoteTick,
    TradeTick,
)
from engine.gateway.ports import Exchange, Market
from engine.gateway.session import Session

_RECENT_TICKS: Final = 1000


class RecentTicks(NamedTuple):
    """The latest prints and quotes of a contract: what reqHistoricalTicks can look back on."""

    trades: deque[TradeTick]
    quotes: deque[QuoteTick]


@dataclass(slots=True)
class Venue:
    """The gateway's parts, wired once by the process and by tests."""

    settings: GatewaySettings
    market: Market
    exchange: Exchange
    calendar: ExchangeCalendar
    clock: ExchangeClock
    monotonic: Callable[[], float]
    market_rules: Mapping[int, tuple[tuple[float, float], ...]]
    """Price grids by rule id: `(low edge, increment)` rows, ascending."""
    faults: Faults = field(default_factory=Faults)
    sessions: dict[int, Session] = field(default_factory=dict)
    """Started clients by client id."""
    reached: float = 0.0
    """Exchange time up to which the market was advanced; what orders see as now."""
    stats: dict[int, DayStats] = field(default_factory=dict)
    recent: dict[int, RecentTicks] = field(default_factory=dict)
    held_events: list[tuple[float, ExchangeEvent]] = field(default_factory=list)
    """Order events a drill keeps back, with the monotonic instant of their release."""
    held_commissions: list[tuple[float, ExecutionView]] = field(default_factory=list)
    """Fills whose commission a drill keeps back, with the monotonic instant at which it is told."""
    late_orders: list[tuple[float, OrderRequest]] = field(default_factory=list)
    """Orders that a drill keeps from the exchange, with the monotonic instant at which they reach it."""
    step_requested: Callable[[], None] | None = None
    """In lockstep: plays the next step of the market to its end before it returns."""

    @property
    def contracts(self) -> Mapping[int, Contract]:
        """Every listed contract by con_id: what a request may name."""
        return self.market.contracts

    def contract_of(self, con_id: int) -> Contract:
        """The contract of an order, fill or position, which may have left the list since."""
        return self.exchange.contracts[con_id]

    def started(self) -> Iterable[Session]:
        """The clients that have completed startApi."""
        return self.sessions.values()

    def recent_of(self, con_id: int) -> RecentTicks:
        """The ring of latest ticks of one contract."""
        ring = self.recent.get(con_id)
        if ring is None:
            ring = RecentTicks(deque(maxlen=_RECENT_TICKS), deque(maxlen=_RECENT_TICKS))
            self.recent[con_id] = ring
        return ring

    def stats_of(self, contract: Contract) -> DayStats:
        """Open, high, low, volume of the running session; built from history on first use."""
        session = self.calendar.session(contract, self.reached)
        opened = session.open if session is not None else 0.0
        known = self.stats.get(contract.con_id)
        if known is None or known.session_open != opened:
            known = DayStats.from_history(self.market, contract, opened=opened, now=self.reached)
            self.stats[contract.con_id] = known
        return known

    def lines_in_use(self) -> int:
        """Market data lines of all clients of this login."""
        return sum(session.subscriptions.data_lines for session in self.started())

    def depth_in_use(self) -> int:
        """Depth lines of all clients of this login."""
        return sum(len(session.subscriptions.depth) for session in self.started())

    def ticks_in_use(self) -> int:
        """Tick-by-tick lines of all clients of this login."""
        return sum(len(session.subscriptions.ticks) for session in self.started())
