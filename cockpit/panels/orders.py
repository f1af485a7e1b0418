"""What waits at the broker, what is unknown, and what was done today."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cockpit import format as fmt
from cockpit.frame import Frame, empty_words
from cockpit.panels.panel import TablePanel
from cockpit.spans import Span, Tone, title
from cockpit.widgets.columns import Column, Row, RowsOf
from engine.api import OrderView, Snapshot
from engine.api_recovery import FOREIGN_OWNER

COLUMNS = (
    Column("symbol", width=6, most=12),
    Column("side", width=4, most=4),
    Column("qty", right=True, width=5, most=9),
    Column("type", width=4, most=8),
    Column("price", right=True, width=8, most=12),
    Column("tif", rank=5, width=3, most=4),
    Column("status", width=9, most=16),
    Column("filled", right=True, width=7, most=13),
    Column("time", rank=4, width=8, most=8),
    Column("what for", rank=3, width=10, most=22),
    Column("broker says", rank=6, width=11, most=60, flex=True),
    Column("perm id", rank=7, right=True, width=9, most=12),
)

_TONES = {
    "working": Tone.STRONG,
    "pending": Tone.TEXT,
    "sending": Tone.TEXT,
    "cancel_pending": Tone.WARN,
    "rejected": Tone.ERROR,
    "unknown": Tone.ERROR,
}


NONE_TODAY = "no orders today"


class OrdersPanel(TablePanel):
    """The orders table; the cursor says which one `x` and `↵` mean."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, empty=NONE_TODAY, id=id)

    def rows_of(self, frame: Frame) -> Sequence[Row]:
        """One row for each."""
        self.set_empty(empty_words(frame.snapshot, NONE_TODAY))
        return RowsOf(frame.snapshot.orders, partial(order_row, snapshot=frame.snapshot))

    def show(self, frame: Frame) -> None:
        """Show the rows; a cursor left on an order that has ended goes back to what still works.

        Done orders sink: staying with one would scroll the working ones out of sight.
        """
        super().show(frame)
        under = find(frame.snapshot.orders, self.cursor_key)
        if under is not None and under.is_done and self.screen.focused is not self:
            self.move_cursor(0)
            self.set_title(self.title_of(frame))

    def title_of(self, frame: Frame) -> str:
        """Counts, ages and which rows are in sight."""
        return orders_title(frame, in_sight=self.span_text, width=self.size.width)


def order_key(order: OrderView) -> str:
    """What names an order on screen: our reference, else the broker's id."""
    return order.order_ref or f"perm {order.perm_id}"


def find(orders: Sequence[OrderView], key: str | None) -> OrderView | None:
    """The order that the screen calls `key`."""
    return next((order for order in orders if order_key(order) == key), None)


def order_row(order: OrderView, *, snapshot: Snapshot) -> Row:
    """The cells of one order; done ones are quiet."""
    zone = snapshot.session.time_zone
    return Row(order_key(order), (order, zone), partial(_cells, order, time_zone=zone))


def _cells(order: OrderView, *, time_zone: str) -> tuple[Span, ...]:
    quiet = Tone.MUTED if order.is_done else Tone.TEXT
    return (
        Span(order.symbol, Tone.MUTED if order.is_done else Tone.STRONG),
        Span(order.side, quiet),
        Span(fmt.number(order.quantity, decimals=0), quiet),
        Span(order.order_type, quiet),
        Span(_price(order), quiet),
        Span(order.tif, Tone.MUTED),
        Span(status_text(order), _TONES.get(order.status, quiet)),
        Span(f"{order.filled}/{order.quantity}", quiet),
        Span(fmt.wall_time(order.at, time_zone=time_zone), Tone.MUTED),
        Span(purpose(order), Tone.MUTED if order.is_ours else Tone.WARN),
        Span(order.message, Tone.MUTED),
        Span(str(order.perm_id) if order.perm_id else "—", Tone.MUTED),
    )


def status_text(order: OrderView) -> str:
    """The order's state in words."""
    return "UNKNOWN" if order.status == "unknown" else order.status.replace("_", " ")


def purpose(order: OrderView) -> str:
    """Role and strategy, or that it is not ours."""
    if not order.is_ours:
        return "foreign" if order.strategy == FOREIGN_OWNER else "not ours"
    return " ".join(part for part in (order.role, order.strategy) if part) or "—"


def orders_title(frame: Frame, *, in_sight: str, width: int) -> str:
    """Counts of working, unknown and done orders, and the age of the panel."""
    orders = frame.snapshot.orders
    working = sum(1 for order in orders if not order.is_done)
    parts = [
        (0, f"Orders {working} working"),
        (0, f"{frame.snapshot.unknown_orders} unknown"),
        (2, f"{len(orders) - working} done today"),
        (1, in_sight),
        (0, fmt.freshness(frame.age_s)),
    ]
    return title(parts, width=width)


def _price(order: OrderView) -> str:
    if order.price is None and order.avg_fill_price is not None:
        return fmt.price(order.avg_fill_price, decimals=order.decimals)
    return "market" if order.price is None else fmt.price(order.price, decimals=order.decimals)
