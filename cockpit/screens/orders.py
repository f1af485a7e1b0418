"""Screen 2: every order of the day with its life and its fills: what they cost, and what they slipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input

from cockpit import format as fmt
from cockpit.action import Where
from cockpit.format import clean
from cockpit.keymap import bindings_for
from cockpit.panels.events import event_line
from cockpit.panels.orders import COLUMNS, find, order_key, order_row, purpose, status_text
from cockpit.previews import ids_line, labelled, price_text
from cockpit.screens.table_dialog import TableDialog
from cockpit.spans import Line, Span, Tone, line
from cockpit.widgets.columns import Row
from engine.api import FillView, OrderView, Snapshot

MOST_ROWS: Final = 18
FEW_ROWS: Final = 7
"""Rows on a small terminal, where the words below need the room."""


class OrdersDialog(TableDialog):
    """Working and unknown orders first, then those done today, newest first; below, all about one."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for(Where.ORDERS))

    def __init__(self, *, keys: Mapping[str, str]) -> None:
        super().__init__(
            "Orders and fills",
            keys=keys,
            columns=COLUMNS,
            empty="no orders today",
            most_rows=MOST_ROWS,
            few_rows=FEW_ROWS,
            hints=("↑ ↓", "/ filter"),
        )
        self._wanted = ""
        self._field = Input(placeholder="symbol, status, role, strategy …", id="filter", compact=True)

    def compose(self) -> ComposeResult:
        """The field, hidden until it is asked for; the table; the words."""
        with Vertical(id="dialog", classes="-broad") as box:
            box.border_title = self.box_title
            box.border_subtitle = self.key_hints(*self._hints)
            self._field.display = False
            yield self._field
            yield self.table
            with VerticalScroll(id="words", can_focus=False):
                yield self.text

    def action_filter_rows(self) -> None:
        """Show the field; what is typed there filters at once."""
        self._field.display = True
        self._field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show only rows that have every word."""
        event.stop()
        self._wanted = event.value
        self._show_again()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: back to the rows; an empty field goes away."""
        event.stop()
        self._field.display = bool(event.value.strip())
        self.table.focus()

    def _show_again(self) -> None:
        if self._snapshot is not None:
            self.table.set_empty("no order has that" if self._wanted.strip() else "no orders today")
            self.table.set_rows(self.rows_of(self._snapshot))
            self._tell()

    def rows_of(self, snapshot: Snapshot) -> list[Row]:
        """One row per order that the filter lets through."""
        shown = matching(snapshot.orders, self._wanted)
        return [order_row(order, snapshot=snapshot) for order in shown]

    def words_of(self, snapshot: Snapshot, *, chosen: str | None) -> Sequence[Line]:
        """The day's fills in one line, then the life of the chosen order."""
        lines = [line(), *totals(snapshot)]
        order = find(snapshot.orders, chosen)
        return lines if order is None else [*lines, line(), *life_of(order, snapshot=snapshot)]


def matching(orders: Sequence[OrderView], wanted: str) -> list[OrderView]:
    """Orders whose row has every word of `wanted`, in either case."""
    words = wanted.casefold().split()
    return [order for order in orders if all(word in _text(order) for word in words)]


def totals(snapshot: Snapshot) -> list[Line]:
    """How many fills, what they cost, and what they slipped against their orders' prices."""
    fills = snapshot.fills
    if not fills:
        return labelled("fills", "none today", tone=Tone.MUTED)
    known = [fill.commission_usd for fill in fills if fill.commission_usd is not None]
    waiting = len(fills) - len(known)
    fees = fmt.number(sum(known)) if known else fmt.UNKNOWN
    text = f"{len(fills)} shown · commissions {fees}"
    return labelled("fills", f"{text}, {waiting} not reported yet" if waiting else text)


def life_of(order: OrderView, *, snapshot: Snapshot) -> list[Line]:
    """From the wish to the end: ids, the broker's words, each step that was told, each fill."""
    tone = Tone.ERROR if order.status in {"unknown", "rejected"} else Tone.STRONG
    what = f"{order.symbol} {order.side} {order.quantity} {order.order_type} {price_text(order)} {order.tif}"
    lines = labelled(status_text(order), f"{what} · {purpose(order)}", tone=tone)
    lines.append(ids_line(order))
    if order.message:
        lines += labelled("broker says", order.message)
    zone = snapshot.session.time_zone
    told = [event for event in snapshot.events if event.ref and event.ref == order.order_ref]
    lines += [event_line(event, time_zone=zone) for event in told]
    for fill in reversed([one for one in snapshot.fills if one.order_ref == order.order_ref]):
        lines += _fill_lines(fill, order, zone=zone)
    if not told and not order.filled:
        at = fmt.wall_time(order.at, time_zone=zone)
        lines += labelled(at, f"last change; {order.filled}/{order.quantity} filled", tone=Tone.MUTED)
    return lines


def slippage(fill: FillView, order: OrderView) -> float | None:
    """How much worse than its order's price it filled, per unit; negative is better. None at market."""
    if order.price is None:
        return None
    return (fill.price - order.price) * (1 if fill.side == "BUY" else -1)


def _fill_lines(fill: FillView, order: OrderView, *, zone: str) -> list[Line]:
    price = fmt.price(fill.price, decimals=fill.decimals)
    fee = "not reported yet" if fill.commission_usd is None else fmt.number(fill.commission_usd)
    text = f"fill {fill.side} {fill.quantity} @ {price} · commission {fee}{_slip_text(fill, order)}"
    lines = labelled(fmt.wall_time(fill.at, time_zone=zone), text, tone=Tone.TEXT)
    return [*lines, line(Span(f"  exec {clean(fill.exec_id)}", Tone.MUTED))]


def _slip_text(fill: FillView, order: OrderView) -> str:
    slipped = slippage(fill, order)
    if slipped is None:
        return ""
    word = "worse" if slipped > 0 else "better" if slipped < 0 else ""
    size = fmt.price(abs(slipped), decimals=fill.decimals)
    whole = "trigger" if order.role == "stop" else "limit"
    return f" · {size} {word} than its {whole}" if word else f" · at its {whole}"


def _text(order: OrderView) -> str:
    parts = (order.symbol, order.side, order.order_type, status_text(order), purpose(order), order.message)
    return " ".join((*parts, order_key(order), order.tif)).casefold()
