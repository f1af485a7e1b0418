"""Lines of the help page and of the details pages. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from cockpit import format as fmt
from cockpit.action import Action, Confirm, Group, Where
from cockpit.actions import ACTIONS
from cockpit.frame import Frame
from cockpit.keymap import shown_keys
from cockpit.panels.orders import purpose, status_text
from cockpit.previews import TEXT_WIDTH, find_order, find_position, held_text, ids_line, labelled, price_text
from cockpit.spans import Line, Span, Tone, line
from engine.api import FillView, OrderView, PositionView, Snapshot

_KEYS = 12

_LEGEND = (
    ("▲ ▼", "gain and loss, always with their sign"),
    ("~ stale", "the quote is older than 5 s: do not trust the mark"),
    ("✓ ! ✗", "covered by a stop at the broker: all, a part, nothing"),
    ("UNVERIFIED", "our own word only: no broker was asked in this run"),
    ("foreign", "left alone by a person: never closed, not ours"),
    ("! ● →", "recovery: waits for you, selected, chosen (not yet sent)"),
    ("—", "not known; never a zero"),
)


def help_lines(overrides: Mapping[str, str]) -> list[Line]:
    """Every action with its keys, what it does and what stands before it."""
    lines: list[Line] = []
    for group in Group:
        lines += [line(Span(group.value, Tone.ACCENT))]
        for action in (action for action in ACTIONS if action.group is group):
            lines += _action_lines(action, keys=shown_keys(action, overrides=overrides))
        lines.append(line())
    lines.append(line(Span("Signs", Tone.ACCENT)))
    lines += [line(Span(f"  {sign:<{_KEYS}}", Tone.STRONG), Span(text, Tone.MUTED)) for sign, text in _LEGEND]
    return lines


def _action_lines(action: Action, *, keys: str) -> list[Line]:
    ask = f" ({action.confirm.value})" if action.confirm is not Confirm.NONE else ""
    where = (
        " Works everywhere, also in dialogs and while you type." if action.where is Where.EVERYWHERE else ""
    )
    verb = f" Shell: cockpit {action.verb}." if action.verb else ""
    wrapped = textwrap.wrap(f"{action.help}{ask}{where}{verb}", width=TEXT_WIDTH - _KEYS - 2)
    head = line(Span(f"  {keys:<{_KEYS}}", Tone.STRONG), Span(action.title))
    return [head, *(line(Span(" " * (_KEYS + 2) + part, Tone.MUTED)) for part in wrapped)]


def position_lines(frame: Frame, *, symbol: str) -> list[Line]:
    """Everything about one position: itself, its orders with their ids, its fills of today."""
    snapshot = frame.snapshot
    position = find_position(snapshot, symbol)
    lines = _position_head(position, frame=frame) if position is not None else labelled(symbol, "flat now")
    name = symbol if position is None else position.symbol
    orders = [order for order in snapshot.orders if order.symbol == name]
    lines += [line(), line(Span(f"Orders {len(orders)}", Tone.ACCENT))]
    for order in orders:
        lines += _order_short(order, snapshot=snapshot)
    fills = [fill for fill in snapshot.fills if fill.symbol == name]
    return lines + _fill_lines(fills, snapshot=snapshot)


def _position_head(position: PositionView, *, frame: Frame) -> list[Line]:
    decimals = position.decimals
    kind = (
        f"{position.sec_type}, {value_of(position.multiplier)} USD per point"
        if position.sec_type == "FUT"
        else position.sec_type
    )
    stop = fmt.price(position.stop_price, decimals=decimals)
    covered = f"{position.protected_quantity} of {abs(position.quantity)} covered @ {stop}"
    bare = position.protected_quantity < abs(position.quantity)
    lines = labelled(
        "position",
        f"{position.symbol} {held_text(position)} ({kind})",
        tone=Tone.STRONG,
    )
    lines += labelled(
        "owner", "ORPHAN: at the broker, not in the store" if position.is_orphan else position.owner or "—"
    )
    if position.metadata_lost:
        text = "metadata lost: taken over, its targets and plan are not known"
        lines += labelled("adopted", text, tone=Tone.WARN)
    if not position.is_verified:
        lines += labelled("UNVERIFIED", "the broker was not asked in this run", tone=Tone.WARN)
    lines += labelled(
        "last", f"{fmt.price(position.last, decimals=decimals)}, {fmt.age(position.quote_age_s)} old"
    )
    lines += labelled("unrealised", fmt.arrowed(position.unrealized_usd))
    lines += labelled("realised", fmt.arrowed(position.realized_usd))
    lines += labelled("R", fmt.signed(position.r_multiple, decimals=2))
    lines += labelled(
        "stop",
        covered if position.protected_quantity else "NO STOP at the broker",
        tone=Tone.ERROR if bare else Tone.TEXT,
    )
    opened = fmt.wall_time(position.opened_at, time_zone=frame.snapshot.session.time_zone)
    lines += labelled(
        "opened", f"{opened}, held {fmt.held(position.opened_at, now=frame.snapshot.session.now)}"
    )
    return lines + labelled("exposure", f"{fmt.number(position.exposure_usd)} USD")


def order_lines(frame: Frame, *, key: str) -> list[Line]:
    """Everything about one order: ids, state, the broker's words, its fills."""
    snapshot = frame.snapshot
    order = find_order(snapshot, key)
    if order is None:
        return labelled(key, "no longer listed")
    lines = _order_short(order, snapshot=snapshot)
    lines += labelled("perm id", str(order.perm_id) if order.perm_id else "none yet")
    lines += labelled("broker says", order.message or "—")
    lines += labelled("average fill", fmt.price(order.avg_fill_price, decimals=order.decimals))
    fills = [fill for fill in snapshot.fills if fill.order_ref == order.order_ref]
    return lines + _fill_lines(fills, snapshot=snapshot)


def _order_short(order: OrderView, *, snapshot: Snapshot) -> list[Line]:
    at = fmt.wall_time(order.at, time_zone=snapshot.session.time_zone)
    what = f"{order.symbol} {order.side} {order.quantity} {order.order_type} {price_text(order)} {order.tif}"
    text = f"{what} · {order.filled}/{order.quantity} filled · {purpose(order)} · {at}"
    tone = Tone.ERROR if order.status in {"unknown", "rejected"} else Tone.TEXT
    lines = labelled(status_text(order), text, tone=tone)
    return [*lines, ids_line(order)]


def _fill_lines(fills: list[FillView], *, snapshot: Snapshot) -> list[Line]:
    lines = [line(), line(Span(f"Fills today {len(fills)}", Tone.ACCENT))]
    for fill in fills:
        at = fmt.wall_time(fill.at, time_zone=snapshot.session.time_zone)
        price = fmt.price(fill.price, decimals=fill.decimals)
        fee = fmt.number(fill.commission_usd)
        lines += labelled(at, f"{fill.side} {fill.quantity} @ {price} · fee {fee} · {fill.exec_id}")
    return lines


def value_of(multiplier: float) -> str:
    """A multiplier without idle zeros: `50`."""
    return f"{multiplier:g}"
