"""What an act by hand would do, in words and figures from the present snapshot. Pure."""

from __future__ import annotations

import math

from cockpit import format as fmt
from cockpit.previews import Preview, close_text, find_position, held_text, is_ours, labelled
from cockpit.spans import Line, Tone
from engine.api import PositionView, Snapshot

HALF_PCT = 50.0
"""The share that is offered."""


def held_now(snapshot: Snapshot, symbol: str) -> PositionView | None:
    """The position of ours that is meant; None where it is gone, an orphan or left alone."""
    position = find_position(snapshot, symbol)
    return position if position is not None and is_ours(position) and position.quantity else None


def stop_preview(snapshot: Snapshot, symbol: str) -> Preview:
    """Where the stop stands and the market is, before a price is typed."""
    position = held_now(snapshot, symbol)
    if position is None:
        return _gone(symbol)
    lines = _held_lines(position)
    lines += labelled("market", _market(position))
    lines += labelled("then", "nearer to the market: at once; further away: shows the new risk and asks")
    return Preview(tuple(lines))


def loosen_preview(snapshot: Snapshot, symbol: str, *, price: float) -> Preview:
    """What a stop further away would let the position lose."""
    position = held_now(snapshot, symbol)
    if position is None:
        return _gone(symbol)
    lines = _held_lines(position)
    lines += labelled("move", f"{_price(position, position.stop_price)} → {_price(position, price)}")
    now = "no stop" if position.stop_price is None else risk_text(position, position.stop_price)
    lines += labelled("risk now", now)
    lines += labelled("risk then", risk_text(position, price), tone=Tone.WARN)
    lines += labelled("checks", "refused while anything blocks entries, or beyond the risk of one trade")
    return Preview(tuple(lines))


def partial_preview(snapshot: Snapshot, symbol: str) -> Preview:
    """What is there to take a part of."""
    position = held_now(snapshot, symbol)
    if position is None:
        return _gone(symbol)
    lines = _held_lines(position)
    lines += labelled("closing", f"at market; all of it: {close_text(position)}")
    lines += labelled("then", "its stop is cut to the rest first, so that both cannot fill")
    return Preview(tuple(lines))


def note_preview(_snapshot: Snapshot) -> Preview:
    """What becomes of a note."""
    return Preview(
        tuple(labelled("kept", "in the event log with the time; events and the day's report show it"))
    )


def risk_text(position: PositionView, stop: float) -> str:
    """What the position loses, or locks in, if its stop fills at this price: `150.00 USD (1.5 R)`."""
    away = (position.avg_price - stop) * (1 if position.quantity > 0 else -1)
    usd = away * abs(position.quantity) * position.multiplier
    one_r = 0.0 if position.initial_stop is None else abs(position.avg_price - position.initial_stop)
    in_r = f" ({fmt.number(abs(away) / one_r, decimals=1)} R)" if one_r > 0 else ""
    word = "lost" if usd >= 0 else "locked in"
    return f"{fmt.number(abs(usd), decimals=2)} USD{in_r} {word} from the entry, if it fills there"


def stop_meaning(position: PositionView | None, typed: str) -> str:
    """What a typed price would do; empty where it is none."""
    price = number_in(typed)
    if position is None or price is None or stop_complaint(position, typed):
        return ""
    how = "asks again" if loosens(position, price) else "at once"
    return f"{risk_text(position, price)}; {how}"


def stop_complaint(position: PositionView | None, typed: str) -> str:
    """Why a typed price will not do; empty where it will."""
    price = number_in(typed)
    if price is None or price <= 0:
        return f"{fmt.clean(typed)} is no price"
    touch = None if position is None else position.close_price
    if position is None or touch is None:
        return ""  # the engine knows better, and refuses what it does not know either
    if (touch - price) * position.quantity > 0:
        return ""
    where = "under the bid" if position.quantity > 0 else "over the ask"
    return f"it would fill at once: it belongs {where} {_price(position, touch)}"


def loosens(position: PositionView, price: float) -> bool:
    """True where a stop at this price would lose more than the one that stands; never without one."""
    stop = position.stop_price
    return stop is not None and (price - stop) * position.quantity < 0


def part_meaning(position: PositionView | None, typed: str) -> str:
    """What a typed share would close; empty where it is none."""
    share_pct = number_in(typed)
    if position is None or share_pct is None or part_complaint(position, typed):
        return ""
    held = abs(position.quantity)
    units = part_of(held, share_pct)
    return f"closes {units} of {held} at market, its stop then covers {held - units}"


def part_complaint(position: PositionView | None, typed: str) -> str:
    """Why a typed share will not do; empty where it will."""
    share_pct = number_in(typed)
    if share_pct is None or not 0.0 < share_pct <= 100.0:
        return "a share is more than 0 and at most 100 percent"
    if position is not None and part_of(abs(position.quantity), share_pct) == 0:
        return f"{typed} % of {abs(position.quantity)} is less than one"
    return ""


def part_of(held: int, share_pct: float) -> int:
    """Whole units of a share, rounded down, as the engine does."""
    return math.floor(held * share_pct / 100.0 + 1e-9)


def number_in(typed: str) -> float | None:
    """The finite number that was typed, with a decimal point or comma and perhaps a percent sign."""
    try:
        value = float(typed.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _held_lines(position: PositionView) -> list[Line]:
    stop = _price(position, position.stop_price)
    covers = f"{position.protected_quantity} @ {stop}" if position.protected_quantity else "none"
    lines = labelled(
        "held", f"{held_text(position)} by {position.owner or 'nobody we know'}", tone=Tone.STRONG
    )
    return lines + labelled("its stop", covers)


def _market(position: PositionView) -> str:
    side = "bid" if position.quantity > 0 else "ask"
    return f"{side} {_price(position, position.close_price)}, last {_price(position, position.last)}"


def _price(position: PositionView, price: float | None) -> str:
    return fmt.price(price, decimals=position.decimals)


def _gone(symbol: str) -> Preview:
    return Preview(tuple(labelled("gone", f"{symbol}: there is no position of ours")), possible=False)
