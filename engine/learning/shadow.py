"""The trade that would have been made: in and out at the touch, after real latency, every cost paid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.learning import plain
from engine.learning.book import Top
from engine.learning.estimator import Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTerms:
    """How shadow trades of one contract are made. Distances and fees in ticks of the contract."""

    tick_size: float
    horizon_s: float
    """Time after entry at which it leaves at the touch."""
    latency_s: float
    """From decision to fill, as measured."""
    stop_ticks: float
    target_ticks: float
    fees_ticks: float
    """Fees of the round trip."""
    gap_ticks: float
    """Allowance for a price that jumps over the stop."""

    @property
    def worst_ticks(self) -> float:
        """The largest loss known before the bet."""
        return self.stop_ticks + self.gap_ticks + self.fees_ticks


class ShadowTrade:
    """One shadow trade under way. The touch in force at the moment counts, never one seen later."""

    __slots__ = ("entry", "leaves_at", "side", "starts_at", "stop", "target", "terms")

    def __init__(self, terms: ShadowTerms, *, is_up: bool, decided_at: float) -> None:
        self.terms = terms
        self.side = 1.0 if is_up else -1.0
        self.starts_at = decided_at + terms.latency_s
        self.leaves_at = self.starts_at + terms.horizon_s
        self.entry = self.stop = self.target = math.nan

    @property
    def due(self) -> float:
        """When the clock, not a price, changes it next: its entry, then its end."""
        return self.leaves_at if self.is_in else self.starts_at

    @property
    def is_in(self) -> bool:
        """It has been entered."""
        return not math.isnan(self.entry)

    def enter(self, book: Top) -> None:
        """In at the touch of the book that was in force at `starts_at`."""
        tick = self.terms.tick_size
        self.entry = book.ask if self.side > 0 else book.bid
        self.stop = self.entry - self.side * self.terms.stop_ticks * tick
        self.target = self.entry + self.side * self.terms.target_ticks * tick

    def leave(self, book: Top) -> float:
        """Out at the touch of the book that was in force at `leaves_at`: its net in ticks."""
        return self._net(self._way_out(book))

    def touch(self, new: Top) -> float | None:
        """A new book: is the stop or the target reached? Left at that book's touch, gaps and all."""
        if not self.is_in:
            return None
        price = self._way_out(new)
        reached = (price - self.stop) * self.side <= 0 or (price - self.target) * self.side >= 0
        return self._net(price) if reached else None

    def _way_out(self, book: Top) -> float:
        return book.bid if self.side > 0 else book.ask

    def _net(self, price: float) -> float:
        return (price - self.entry) * self.side / self.terms.tick_size - self.terms.fees_ticks

    def state(self) -> dict[str, Plain]:
        """Its side, times and, once it is in, its entry."""
        entry = None if math.isnan(self.entry) else self.entry
        return {"is_up": self.side > 0, "starts_at": self.starts_at, "entry": entry}

    @classmethod
    def restored(cls, terms: ShadowTerms, state: Mapping[str, Plain]) -> ShadowTrade:
        """Continue a trade exactly where `state` was taken."""
        starts_at = plain.number(state, "starts_at")
        made = cls(terms, is_up=state.get("is_up") is True, decided_at=starts_at - terms.latency_s)
        made.starts_at, made.leaves_at = starts_at, starts_at + terms.horizon_s
        if state.get("entry") is not None:
            entry = plain.number(state, "entry")
            made.enter(Top(starts_at, entry, entry, 1.0, 1.0))
        return made
