"""What a deed would do, in words and figures from the present snapshot. Pure; asked anew at every refresh."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cockpit import format as fmt
from cockpit.frame import account_brake, tone_of_amount
from cockpit.keymap import key_for
from cockpit.panels.orders import find, purpose, status_text
from cockpit.spans import Line, Span, Tone, line
from engine.api import BrakeKind, BrakeView, OrderView, Outcome, PositionView, RuntimeValue, Scope, Snapshot

_LABEL = 14
TEXT_WIDTH = 70
"""Cells for the text of a preview; fits a dialog on 80 columns with its label."""

STRATEGY = "strategy "
"""What the key of a row of the dial begins with that switches a strategy."""
REGIME = "regime"
"""Key of the row of the dial that says the regime."""
REGIME_WORDS = ("auto", "bull", "chop", "bear", "crash")


class Preview(NamedTuple):
    """Lines to read, and whether the deed is possible at all now."""

    lines: tuple[Line, ...]
    possible: bool = True


def labelled(label: str, text: str, *, tone: Tone = Tone.TEXT, width: int = TEXT_WIDTH) -> list[Line]:
    """A label and its text, wrapped under itself, in `width` cells."""
    wrapped = textwrap.wrap(fmt.clean(text), width=max(8, width - _LABEL)) or [""]
    return [
        line(Span(f"{label if row == 0 else '':<{_LABEL}}", Tone.MUTED), Span(part, tone))
        for row, part in enumerate(wrapped)
    ]


def listed(label: str, items: Iterable[str], *, tone: Tone = Tone.TEXT, nothing: str) -> list[Line]:
    """A label and short items, three cells apart, none of them torn over two lines."""
    rows: list[str] = []
    for item in map(fmt.clean, items):
        if rows and len(rows[-1]) + 3 + len(item) <= TEXT_WIDTH - _LABEL:
            rows[-1] = f"{rows[-1]}   {item}"
        else:
            rows.append(item)
    if not rows:
        return labelled(label, nothing)
    return [
        line(Span(f"{label if row == 0 else '':<{_LABEL}}", Tone.MUTED), Span(text, tone))
        for row, text in enumerate(rows)
    ]


def working_orders(snapshot: Snapshot) -> list[OrderView]:
    """Orders of ours of which something is still expected."""
    return [order for order in snapshot.orders if order.is_ours and not order.is_done]


def our_positions(snapshot: Snapshot) -> list[PositionView]:
    """Positions that we may close."""
    return [position for position in snapshot.positions if is_ours(position) and position.quantity]


def is_ours(position: PositionView) -> bool:
    """False for what nobody decided about yet and for what a person left alone."""
    return not (position.is_orphan or position.is_foreign)


def close_text(position: PositionView) -> str:
    """One closing trade at the price it would meet now: `TSLA −50 ≈ 447.90`."""
    at = position.last if position.close_price is None else position.close_price
    price = fmt.price(at, decimals=position.decimals)
    return f"{position.symbol} {fmt.signed(-position.quantity, decimals=0)} ≈ {price}"


def held_text(position: PositionView) -> str:
    """Signed quantity at its average price: `−1 @ 5801.25`."""
    quantity = fmt.number(position.quantity, decimals=0)
    return f"{quantity} @ {fmt.price(position.avg_price, decimals=position.decimals)}"


def ids_line(order: OrderView) -> Line:
    """What the broker and what we call an order; from the edge, so that it is never torn in two."""
    return line(
        Span(f"  perm {order.perm_id or '—'} · {order.order_ref or 'no reference of ours'}", Tone.MUTED)
    )


def price_text(order: OrderView) -> str:
    """The order's limit or trigger, `market` where it has none."""
    return "market" if order.price is None else fmt.price(order.price, decimals=order.decimals)


def expected_text(positions: Iterable[PositionView]) -> tuple[str, Tone]:
    """What closing them would book at the present marks, and what the way out costs where that is known."""
    positions = tuple(positions)
    amounts = [position.unrealized_usd for position in positions]
    known = [amount for amount in amounts if amount is not None]
    missing = len(amounts) - len(known)
    rest = f"; {missing} without a price" if missing else ""
    total = sum(known)
    return f"realised {fmt.signed(total)}, {_cost_text(positions)}{rest}", tone_of_amount(total)


def _cost_text(positions: Iterable[PositionView]) -> str:
    """`fees −5.10, slippage about −14.00`: estimates, the spread being what a market order gives away."""
    fees = slippage = 0.0
    for position in positions:
        if position.close_fee_usd is None or position.close_price is None or position.last is None:
            return "before fees and slippage"
        fees += position.close_fee_usd
        slippage += abs(position.last - position.close_price) * abs(position.quantity) * position.multiplier
    return f"fees {fmt.signed(-fees)}, slippage about {fmt.signed(-slippage)}"


def kill_preview(snapshot: Snapshot) -> Preview:
    """What KILL would cancel and close, what stays, and what holds afterwards."""
    positions, orders = our_positions(snapshot), working_orders(snapshot)
    stops = [order for order in orders if order.role == "stop"]
    others = [order for order in orders if order.role != "stop"]
    cancels = (
        [f"{len(stops)} protective stop{'' if len(stops) == 1 else 's'}, each as its position closes"]
        if stops
        else []
    )
    cancels += [
        f"{order.symbol} {order.side} {order.quantity} {order.order_type} ({purpose(order)})"
        for order in others
    ]
    expected, tone = expected_text(positions)
    lines = _halt_lines(snapshot)
    lines += listed("will cancel", cancels, nothing="nothing is working")
    lines += listed("will close", map(close_text, positions), tone=Tone.STRONG, nothing="nothing: flat")
    lines += labelled("expected", expected, tone=tone) if positions else []
    lines += labelled("stays", _stays(snapshot))
    lines += labelled("then", "entries blocked until a person resumes with a reason, also after a restart")
    if snapshot.session.is_open is False:
        lines += labelled(
            "market",
            "shut: stops stay, positions cannot be closed now, the record will say NOT FLAT",
            tone=Tone.WARN,
        )
    return Preview(tuple(lines))


def _halt_lines(snapshot: Snapshot) -> list[Line]:
    brake = account_brake(snapshot)
    if brake is None or brake.kind is BrakeKind.PAUSE:
        return labelled("halt", "requested …", tone=Tone.WARN)
    since = fmt.wall_time(brake.since, time_zone=snapshot.session.time_zone)
    return labelled(
        "HALTED", f"{since} by {brake.who}: nothing that adds risk will be sent", tone=Tone.STRONG
    )


def _stays(snapshot: Snapshot) -> str:
    others = [
        f"{position.symbol} {fmt.number(position.quantity, decimals=0)} "
        f"({'orphan' if position.is_orphan else 'foreign'})"
        for position in snapshot.positions
        if not is_ours(position)
    ]
    foreign = [
        f"{order.symbol} {order.side} {order.quantity} (order, not ours)"
        for order in snapshot.orders
        if not order.is_ours and not order.is_done
    ]
    return ", ".join([*others, *foreign]) or "nothing"


def position_key(position: PositionView) -> str:
    """Names a position on screen: its symbol, with a word behind it where it is not ours."""
    if is_ours(position):
        return position.symbol
    return f"{position.symbol} ({'orphan' if position.is_orphan else 'foreign'})"


def find_position(snapshot: Snapshot, key: str) -> PositionView | None:
    """The position that the screen calls `key`; for a bare symbol ours comes first."""
    held = snapshot.positions
    exact = next((position for position in held if position_key(position) == key), None)
    return exact or next((position for position in held if position.symbol == key), None)


def find_order(snapshot: Snapshot, key: str) -> OrderView | None:
    """The order that the screen calls `key`."""
    return find(snapshot.orders, key)


def flatten_preview(snapshot: Snapshot, symbol: str) -> Preview:
    """What flattening one position would do."""
    position = find_position(snapshot, symbol)
    if position is None:
        return Preview(
            tuple(labelled("gone", f"{symbol} is flat: there is nothing to close")), possible=False
        )
    if not is_ours(position):
        text = (
            f"{symbol}: the recovery screen decides about it"
            if position.is_orphan
            else f"{symbol}: left alone"
        )
        return Preview(tuple(labelled("not ours", text)), possible=False)
    expected, tone = expected_text([position])
    stop = fmt.price(position.stop_price, decimals=position.decimals)
    lines = labelled("will close", close_text(position), tone=Tone.STRONG)
    lines += labelled(
        "held",
        f"{held_text(position)} by {position.owner or 'nobody we know'}",
    )
    lines += labelled("expected", expected, tone=tone)
    lines += labelled(
        "its stop",
        f"{position.protected_quantity} @ {stop}, cancelled as the position closes"
        if position.protected_quantity
        else "none",
    )
    lines += labelled("then", "entries stay as they are: its strategy may enter again")
    return Preview(tuple(lines))


def flatten_all_preview(snapshot: Snapshot) -> Preview:
    """What flattening everything of ours would do."""
    positions = our_positions(snapshot)
    if not positions:
        return Preview(tuple(labelled("flat", "there is nothing of ours to close")), possible=False)
    expected, tone = expected_text(positions)
    lines = listed("will close", map(close_text, positions), tone=Tone.STRONG, nothing="nothing")
    lines += labelled("expected", expected, tone=tone)
    lines += labelled("stays", _stays(snapshot))
    lines += labelled("then", "entries stay as they are; kill also halts and proves that the account is flat")
    return Preview(tuple(lines))


def cancel_preview(snapshot: Snapshot, key: str) -> Preview:
    """What cancelling one order would do, and what it would bare."""
    order = find_order(snapshot, key)
    if order is None or order.is_done:
        state = "is gone" if order is None else f"is {status_text(order)}"
        return Preview(
            tuple(labelled("too late", f"{key} {state}: there is nothing to cancel")), possible=False
        )
    lines = labelled(
        "will cancel",
        f"{order.symbol} {order.side} {order.quantity} {order.order_type} {price_text(order)} {order.tif}",
        tone=Tone.STRONG,
    )
    lines += labelled("reference", key)
    lines += labelled("filled", f"{order.filled} of {order.quantity}; what is filled stays")
    if not order.is_ours:
        lines += labelled("not ours", "sent by somebody else; the broker may refuse", tone=Tone.WARN)
    if order.role == "stop" and find_position(snapshot, order.symbol) is not None:
        lines += labelled("BARES", f"{order.symbol} would have no stop at the broker", tone=Tone.ERROR)
    return Preview(tuple(lines))


def resume_preview(snapshot: Snapshot, scope: Scope) -> Preview:
    """Which brakes a resume lifts and what may happen next."""
    lifted = [brake for brake in snapshot.brakes if brake.scope == scope]
    if not lifted:
        return Preview(tuple(labelled("nothing", f"no brake is on for {scope}")), possible=False)
    lines: list[Line] = []
    for brake in lifted:
        lines += labelled("lifts", _brake_text(brake, snapshot=snapshot), tone=Tone.STRONG)
    for brake in snapshot.brakes:
        lines += labelled("stays", _brake_text(brake, snapshot=snapshot)) if brake.scope != scope else []
    lines += labelled("then", "strategies may enter again as soon as nothing else blocks them")
    lines += labelled("not undone", "cancelled orders and closed positions do not come back")
    if snapshot.unknown_orders:
        lines += labelled(
            "in the way", f"{snapshot.unknown_orders} unknown order(s): settle them first", tone=Tone.WARN
        )
    return Preview(tuple(lines))


def needs_account(snapshot: Snapshot, scope: Scope) -> bool:
    """True where lifting takes the typed account id: after HALT and KILL."""
    return any(brake.scope == scope and brake.kind is not BrakeKind.PAUSE for brake in snapshot.brakes)


def _brake_text(brake: BrakeView, *, snapshot: Snapshot) -> str:
    since = fmt.wall_time(brake.since, time_zone=snapshot.session.time_zone)
    return f"{brake.kind.value} {brake.scope}, since {since} by {brake.who}: {brake.reason}"


def find_value(snapshot: Snapshot, key: str) -> RuntimeValue | None:
    """The runtime value `key`, or the only one whose last part is `key`."""
    return next(
        (item for item in snapshot.runtime if item.key == key or item.key.rsplit(".", 1)[-1] == key), None
    )


def value_text(value: float) -> str:
    """A runtime value without idle zeros: `0.5`, `3`."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def bounds_text(item: RuntimeValue) -> str:
    """Lowest and highest value: `0.05 to 2`."""
    return f"{value_text(item.low)} to {value_text(item.high)}"


def value_preview(snapshot: Snapshot, outcome: Outcome | None, *, key: str, value: float) -> Preview:
    """What raising a limit means now, and, once the engine has said it, what it would have let through."""
    item = find_value(snapshot, key)
    if item is None:
        return Preview(tuple(labelled("gone", f"{key} cannot be changed now")), possible=False)
    lines = labelled("value", item.key)
    lines += labelled("change", f"{value_text(item.value)} → {value_text(value)}", tone=Tone.STRONG)
    lines += labelled("bounds", bounds_text(item))
    lines += labelled("then", "acts on the next entry; what is held and working keeps its size")
    told = ("asked …",) if outcome is None else outcome.details or (outcome.text,)
    for row, text in enumerate(told):
        lines += labelled("lately" if row == 0 else "", text, tone=Tone.WARN if row == 1 else Tone.TEXT)
    return Preview(tuple(lines), possible=item.value != value)


def switch_preview(snapshot: Snapshot, name: str) -> Preview:
    """What switching a strategy on again means now."""
    found = next((s for s in snapshot.strategies if s.name == name), None)
    if found is None:
        return Preview(tuple(labelled("gone", f"{name} is not loaded")), possible=False)
    lines = labelled("strategy", f"{name} ({found.kind}, {found.timeframe})")
    lines += labelled("change", "off → on", tone=Tone.STRONG)
    lines += labelled("off", found.switched_off or "it is not switched off")
    lines += labelled("then", "it enters again as soon as nothing else blocks it")
    return Preview(tuple(lines), possible=bool(found.switched_off))


def leave_preview(snapshot: Snapshot, *, keys: Mapping[str, str]) -> Preview:
    """What each way out does to the positions of this moment."""
    positions = our_positions(snapshot)
    covered = sum(1 for position in positions if position.protected_quantity >= abs(position.quantity))
    held = f"{len(positions)} held, {covered} of them with a full stop at the broker"
    overnight = [strategy.name for strategy in snapshot.strategies if strategy.holds_overnight]
    kept = f"; those of {', '.join(overnight)} stay with their stops" if overnight else ""
    lines = labelled("now", held if positions else "flat: no positions")
    detach, flatten, keep = (
        f"{key_for(name, overrides=keys)} {word}"
        for name, word in (("detach", "detach"), ("stop_flatten", "flatten"), ("stop_keep", "keep"))
    )
    lines += labelled(detach, "trades on without a screen; `cockpit attach` comes back", tone=Tone.STRONG)
    lines += labelled(flatten, f"closes the positions, then stops the engine{kept}")
    lines += labelled(keep, "stops the engine; positions and their stops at the broker stay")
    return Preview(tuple(lines))
