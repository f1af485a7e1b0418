"""What the desk's sums were made of, so that each is made anew only after a change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.execution.books import Books
from engine.recovery.compare import Finding
from engine.risk.exposure import Commitments, Holding


class Held(NamedTuple):
    """Holdings and what they were made of."""

    version: int
    differences: tuple[Finding, ...]
    foreign: tuple[Finding, ...]
    holdings: tuple[Holding, ...]


class Committed(NamedTuple):
    """A sum and what it was made of; the version of the books stands for their orders and positions."""

    version: int
    differences: tuple[Finding, ...]
    foreign: tuple[Finding, ...]
    sum: Commitments
    without: str = ""
    """Reference of the one order that is left out."""


def holdings_of(books: Books, beside: Iterable[Finding]) -> tuple[Holding, ...]:
    """What the books hold, and what the broker holds `beside` that."""
    held = {p.key: p.quantity for p in books.positions()}
    for finding in beside:
        more = int(finding.broker) - books.quantity(finding.key)
        held[finding.key] = held.get(finding.key, 0) + more
    return tuple(Holding(key, quantity) for key, quantity in held.items() if quantity)
