"""A listener that keeps everything it hears, and the values most broker tests start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from engine.broker.port import BrokerEvent
from engine.domain.instrument import Instrument, SecType
from engine.domain.market import Bar, Depth, Print, Quote
from engine.domain.order import Order, OrderIntent, OrderState, OrderType, Role, Side, Tif

E = TypeVar("E")


@dataclass
class Hearing:
    """A BrokerListener for tests."""

    events: list[BrokerEvent] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    books: list[Depth] = field(default_factory=list)
    prints: list[Print] = field(default_factory=list)

    def on_broker_event(self, event: BrokerEvent) -> None:
        self.events.append(event)

    def on_quote(self, quote: Quote) -> None:
        self.quotes.append(quote)

    def on_bar(self, bar: Bar) -> None:
        self.bars.append(bar)

    def on_depth(self, depth: Depth) -> None:
        self.books.append(depth)

    def on_print(self, trade: Print) -> None:
        self.prints.append(trade)

    def of(self, kind: type[E]) -> list[E]:
        """Every event of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]


SPY = Instrument(
    key="SPY",
    con_id=756733,
    symbol="SPY",
    sec_type=SecType.STOCK,
    exchange="SMART",
    currency="USD",
    local_symbol="SPY",
    multiplier=1.0,
    min_tick=0.01,
    price_steps=(),
    time_zone="US/Eastern",
)
ES = replace(
    SPY,
    key="ESZ6",
    con_id=495512563,
    symbol="ES",
    sec_type=SecType.FUTURE,
    exchange="CME",
    local_symbol="ESZ6",
    multiplier=50.0,
    min_tick=0.25,
)


def intent(ref: str = "ck-t-SPY-1-entry", **changes: object) -> OrderIntent:
    """A market order for 10 SPY, changed as wished."""
    base = OrderIntent(
        ref=ref,
        strategy="test",
        key="SPY",
        con_id=SPY.con_id,
        role=Role.ENTRY,
        side=Side.BUY,
        quantity=10,
        order_type=OrderType.MARKET,
        tif=Tif.DAY,
        created_at=datetime(2026, 11, 20, 15, tzinfo=UTC),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # names are checked by replace itself


def working(order_id: int, **changes: object) -> Order:
    """An order the broker works, for cancel and modify."""
    return Order(intent(**changes), OrderState.WORKING, order_id=order_id)  # type: ignore[arg-type]  # as above
