"""What may have changed a position while we did not look: executions of others, a split, a new name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from engine.broker.port import BrokerPosition, Execution
from engine.domain.fill import execution_base
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.ledger.events import Adjustment
from engine.ledger.track import GAP

_COST_SLACK = 0.005
"""Share by which a total cost may differ and still be the same: what fees and roundings do to an average."""

_LEAST_SPLIT = 0.05
"""A quantity that changed by less is no split."""

_LARGEST_SPLIT_TERM = 100


def explain(gap: int, executions: Iterable[Execution]) -> tuple[Execution, ...] | None:
    """The newest executions that together change a position by exactly `gap`, oldest first; None: none do."""
    total = 0
    found: list[Execution] = []
    for execution in sorted(executions, key=lambda e: (e.fill.at, e.fill.exec_id), reverse=True):
        total += execution.fill.signed_quantity
        found.append(execution)
        if total == gap:
            return tuple(reversed(found))
    return None


def newest_revisions(executions: Iterable[Execution]) -> tuple[Execution, ...]:
    """Every execution once: a correction takes the place of what it corrects."""
    latest: dict[str, Execution] = {}
    for execution in executions:
        base, revision = execution_base(execution.fill.exec_id)
        known = latest.get(base)
        if known is None or execution_base(known.fill.exec_id)[1] < revision:
            latest[base] = execution
    return tuple(latest.values())


def booking_id(execution: Execution) -> str:
    """The id under which an execution that is not ours changes one of our positions: once for ever."""
    return f"ext-{execution_base(execution.fill.exec_id)[0]}"


def close_out(
    ours: Position, target: int, executions: Sequence[Execution], *, at: datetime
) -> tuple[Adjustment, ...]:
    """The bookings that bring a position to `target` (0 or the same side).

    Each execution is booked at its price until the target is reached (one that goes through zero only
    as far as zero); what they leave open is booked at an unknown price.
    """
    found: list[Adjustment] = []
    held = ours.quantity
    for execution in executions:
        change = execution.fill.signed_quantity
        if (held + change) * ours.quantity < 0:
            change = -held
        held += change
        if change:
            found.append(_booking(ours, change, execution))
    if held != target:
        unknown = f"{GAP}{ours.con_id}-{held}-{target}-{at.isoformat()}"
        reduces = abs(target) < abs(held)
        found.append(
            Adjustment(
                adjustment_id=unknown,
                key=ours.key,
                con_id=ours.con_id,
                quantity=target - held,
                price=None,
                at=at,
                reason=(Reason.EXTERNAL_CLOSE if reduces else Reason.RECONCILED).value,
                owner=ours.owner,
                note="the broker's quantity was taken over; nobody reported at which price",
            )
        )
    return tuple(found)


def _booking(ours: Position, change: int, execution: Execution) -> Adjustment:
    fill = execution.fill
    if execution.liquidation:
        reason = Reason.LIQUIDATION
    else:
        reason = Reason.EXTERNAL_CLOSE if change * ours.quantity < 0 else Reason.RECONCILED
    return Adjustment(
        adjustment_id=booking_id(execution),
        key=ours.key,
        con_id=ours.con_id,
        quantity=change,
        price=fill.price,
        at=fill.at,
        reason=reason.value,
        owner=ours.owner,
        note=f"execution {fill.exec_id} of client {execution.client_id}, not ours",
    )


def stays_worth(ours: Position, quantity: Decimal, average_cost: float) -> bool:
    """True where a position at the broker cost in total what ours did, fees aside."""
    paid = float(abs(ours.quantity) * ours.avg_price * ours.multiplier)
    stated = float(abs(quantity)) * average_cost
    fees = abs(float(ours.fees_usd))
    return paid > 0 and abs(stated - paid) <= _COST_SLACK * paid + 2 * fees


def split_ratio(ours: Position, broker: BrokerPosition) -> str | None:
    """`2:1` where the same total cost is spread over another number of shares; None where it is not."""
    ratio = Fraction(broker.quantity) / ours.quantity
    if abs(ratio - 1) < _LEAST_SPLIT or not stays_worth(ours, broker.quantity, broker.average_cost):
        return None
    plain = ratio.limit_denominator(_LARGEST_SPLIT_TERM)
    return f"{plain.numerator}:{plain.denominator}"


def average_price(executions: Sequence[Execution]) -> Decimal | None:
    """Average price of executions of one side, without fees; None where there are none or both sides."""
    quantity = sum(e.fill.quantity for e in executions)
    if not quantity or len({e.fill.side for e in executions}) != 1:
        return None
    return sum((e.fill.price * e.fill.quantity for e in executions), Decimal(0)) / quantity
