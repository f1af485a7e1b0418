"""An order by hand in words: what was typed, what it means, and what the gate says to it. Pure."""

from __future__ import annotations

from typing import Final

from cockpit import format as fmt
from cockpit.by_hand_previews import number_in
from cockpit.previews import Preview, labelled
from cockpit.spans import Line, Tone
from engine.api import Outcome, OutcomeStatus, Snapshot
from engine.api_orders import GateCheck, OrderPreview, OrderWish

SIDES: Final = {"b": "BUY", "buy": "BUY", "s": "SELL", "sell": "SELL"}
MARKET: Final = frozenset({"market", "mkt", "m"})
HIGHEST: Final = 1e9


def form_preview(_snapshot: Snapshot) -> Preview:
    """What the fields take."""
    lines = labelled("gate", "the one that strategies pass; what it says is shown before anything is sent")
    lines += labelled("size", "units · risk as in 0.3% of equity · empty: the configured risk per trade")
    lines += labelled("price", "a limit · market · empty: a limit just through the touch")
    lines += labelled("stop", "always one; empty: at the configured distance")
    return Preview(tuple(lines))


def side_complaint(typed: str) -> str:
    """Why a text is no side."""
    return "" if typed.lower() in SIDES else f"{fmt.clean(typed)} is no side: buy or sell"


def size_complaint(typed: str) -> str:
    """Why a text is no size."""
    size = number_in(typed)
    if size is None or not 0.0 < size < HIGHEST:
        return f"{fmt.clean(typed)} is no size: units, or a risk as in 0.3%"
    if not _is_percent(typed) and size != int(size):
        return f"{fmt.clean(typed)}: whole units only, or a risk as in 0.3%"
    return ""


def size_meaning(typed: str) -> str:
    """What a size asks for."""
    size = number_in(typed)
    if size is None or size_complaint(typed):
        return ""
    if _is_percent(typed):
        return f"so many units that its stop costs {size:g} % of equity"
    return f"exactly {size:.0f} units, or a refusal"


def price_complaint(typed: str) -> str:
    """Why a text is neither a limit nor `market`."""
    return "" if typed.lower() in MARKET else level_complaint(typed)


def level_complaint(typed: str) -> str:
    """Why a text is no price."""
    price = number_in(typed)
    if price is None or not 0.0 < price < HIGHEST or _is_percent(typed):
        return f"{fmt.clean(typed)} is no price"
    return ""


def wish_of(*, side: str, size: str, price: str, stop: str, target: str) -> OrderWish:
    """The wish that was typed; every text is one without a complaint, or empty."""
    number = number_in(size)
    by_risk = number is not None and _is_percent(size)
    at_market = price.lower() in MARKET
    return OrderWish(
        SIDES[side.lower()],
        quantity=None if number is None or by_risk else int(number),
        risk_pct=number if by_risk else None,
        limit=None if at_market else number_in(price),
        at_market=at_market,
        stop=number_in(stop),
        target=number_in(target),
    )


def order_preview(_snapshot: Snapshot, outcome: Outcome | None) -> Preview:
    """What the engine said last to an order; possible only where the gate lets it through."""
    if outcome is None:
        return Preview(tuple(labelled("gate", "asked …", tone=Tone.MUTED)), possible=False)
    if outcome.order is None or outcome.status is not OutcomeStatus.DONE:
        return Preview(
            tuple(labelled("not so", f"{outcome.text} [{outcome.code}]", tone=Tone.WARN)), possible=False
        )
    return Preview(tuple(_order_lines(outcome.order)), possible=not outcome.order.code)


def _order_lines(order: OrderPreview) -> list[Line]:
    refusing = [check for check in order.checks if check.passes is False]
    lines = labelled("order", order.what, tone=Tone.STRONG)
    lines += labelled("risk", order.risk or "—")
    if order.code:
        lines += labelled("gate", f"✗ refuses: {order.text} [{order.code}]", tone=Tone.ALARM)
        lines += [made for check in refusing if check.code != order.code for made in _check_lines(check)]
    else:
        lines += labelled("gate", f"✓ lets it through, {len(order.checks)} checks; asked anew when you send")
        lines += [made for text in order.then for made in labelled("then", text)]
    return lines + [made for check in order.checks if check not in refusing for made in _check_lines(check)]


def _check_lines(check: GateCheck) -> list[Line]:
    mark = {True: "✓", False: "✗", None: "?"}[check.passes]
    tone = {True: Tone.TEXT, False: Tone.WARN, None: Tone.MUTED}[check.passes]
    code = f" [{check.code}]" if check.code else ""
    return labelled("", f"{mark} {check.name}: {check.text}{code}", tone=tone)


def _is_percent(typed: str) -> bool:
    return typed.strip().endswith("%")
