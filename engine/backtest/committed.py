"""What is out in a run, kept up by instrument: a decision sums only what has changed since the last one.

The sums themselves are the live gate's.
"""

from __future__ import annotations

from engine.backtest.slot import Slot
from engine.risk.exposure import Commitments, Holding, commitments


class Committed:
    """Positions and orders of every instrument as the gate wants to see them."""

    def __init__(self) -> None:
        self._worst: dict[str, int] = {}
        self._pending: dict[str, int] = {}
        self._held: set[str] = set()
        self._working: set[str] = set()
        self._busy: set[str] = set()
        self._all = Commitments(self._worst, self._held, self._working, self._busy, self._pending)
        self._touched: dict[int, Slot] = {}

    def touch(self, slot: Slot) -> None:
        """Something in it has changed, or is about to."""
        self._touched[slot.index] = slot

    def now(self) -> Commitments:
        """As it stands. The same object every time: good until something happens."""
        if self._touched:
            for slot in self._touched.values():
                self._sum_up(slot)
            self._touched.clear()
        return self._all

    def _sum_up(self, slot: Slot) -> None:
        key = slot.key
        self._worst.pop(key, None)
        self._pending.pop(key, None)
        for keys in (self._held, self._working, self._busy):
            keys.discard(key)
        if not (slot.quantity or slot.orders):
            return
        held = (Holding(key, slot.quantity),) if slot.quantity else ()
        worst, own, working, busy, pending = commitments(held, [one.order for one in slot.orders])
        self._worst.update(worst)
        self._pending.update(pending)
        self._held |= own
        self._working |= working
        self._busy |= busy
