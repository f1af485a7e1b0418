"""Gaps: what was booked without an execution, and is taken back when the execution comes after all. Pure.

A position at the broker can change before the execution that changed it is told. What was booked meanwhile at
an unknown price would count a second time when it comes.
"""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Final

from engine.domain.fill import Fill, execution_base
from engine.domain.reasons import Reason
from engine.ledger.booking import ZERO, Booking
from engine.ledger.events import Adjustment
from engine.ledger.track import GAP, TOLD, Track

_NOTE: Final = "told late, explains what was booked at an unknown price: that is taken back"


def told_late(track: Track, fill: Fill, *, at: datetime) -> Adjustment | None:
    """What is taken back because this execution of ours, new to the books, happened before it was booked.

    None where nothing was: an execution after the gap is another trade.
    """
    # They stand in order of time: looking back ends at the first that is older, however long the day was.
    since = takewhile(lambda e: e.at >= fill.at, track.bookings_newest_first())
    later = [e for e in since if _is_gap(e)]
    gap = sum(e.quantity for e in later)
    if gap * fill.signed_quantity <= 0:
        return None
    sign = 1 if gap > 0 else -1
    return Adjustment(
        adjustment_id=f"{TOLD}{execution_base(fill.exec_id)[0]}",
        key=fill.key,
        con_id=fill.con_id,
        quantity=-sign * min(abs(gap), fill.quantity),
        price=None,
        at=max(at, *(e.at for e in later)),
        reason=Reason.RECONCILED.value,
        note=f"execution {fill.exec_id}, {_NOTE}",
    )


def adjustment_booking(adjustment: Adjustment) -> Booking:
    """How an adjustment is booked."""
    return Booking(
        adjustment.adjustment_id,
        adjustment.con_id,
        adjustment.at,
        adjustment.quantity,
        adjustment.price,
        ZERO,
        adjustment.owner,
        adjustment.reason,
        adjustment.initial_stop,
        plan=adjustment.plan,
    )


def _is_gap(entry: Booking) -> bool:
    return entry.booking_id.startswith(GAP)
