"""What the desk's sums were made of, so that each is made anew only after a change."""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.order import Order
from engine.recovery.compare import Finding
from engine.risk.exposure import Commitments, Holding


class Held(NamedTuple):
    """Holdings and what they were made of."""

    version: int
    differences: tuple[Finding, ...]
    foreign: tuple[Finding, ...]
    holdings: tuple[Holding, ...]


class Committed(NamedTuple):
    """A sum and what it was made of."""

    holdings: tuple[Holding, ...]
    orders: tuple[Order, ...]
    sum: Commitments
