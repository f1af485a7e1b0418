"""What `cockpit kill` tells a person before it asks for the word: what closes, at what price, what stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.api import PositionView, Scope, ScopeKind
from engine.runtime.process.remote import printable


def preview(positions: Iterable[PositionView], scope: Scope) -> Iterator[str]:
    """A line for each position, and one for all that closes: the figures of the screen. Money in USD."""
    closing = []
    for position in positions:
        why = _stays(position, scope)
        if why:
            yield f"stays {_name(position)}: {why}"
        else:
            closing.append(position)
            yield f"would close {_name(position)} {_at(position)}"
    if closing:
        yield f"expected: {_sum(closing)}"
    else:
        yield "would close nothing"


def _name(position: PositionView) -> str:
    return f"{printable(position.symbol)} {position.quantity:+d}"


def _stays(position: PositionView, scope: Scope) -> str:
    """Why a KILL of this scope leaves it; empty where it closes it."""
    if position.is_foreign:
        return "not ours, it was left alone"
    if position.is_orphan:
        return "not ours yet: an orphan, `cockpit orphans` settles it"
    if scope.kind is ScopeKind.SYMBOL and position.symbol != scope.name:
        return f"outside {scope}"
    if scope.kind is ScopeKind.STRATEGY and position.owner != scope.name:
        return f"outside {scope}"
    return ""


def _at(position: PositionView) -> str:
    price = position.close_price if position.close_price is not None else position.last
    return "at a price nobody knows" if price is None else f"at about {price:.{position.decimals}f}"


def _sum(closing: list[PositionView]) -> str:
    """What comes of it at the present marks. Nothing is guessed: what has no price is counted."""
    known = [p.unrealized_usd for p in closing if p.unrealized_usd is not None]
    missing = len(closing) - len(known)
    rest = f"; {missing} without a price" if missing else ""
    return f"realised {sum(known):+,.2f}, {_cost(closing)}{rest}"


def _cost(closing: list[PositionView]) -> str:
    fees = slippage = 0.0
    for p in closing:
        if p.close_fee_usd is None or p.close_price is None or p.last is None:
            return "before fees and slippage"
        fees += p.close_fee_usd
        slippage += abs(p.last - p.close_price) * abs(p.quantity) * p.multiplier
    return f"fees {-fees:+,.2f}, slippage about {-slippage:+,.2f}"
