"""The diff as a pure function: three-way outcomes, tolerance, flips, splits, renames, foreign parts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api_recovery import RecoveryKind
from engine.broker.port import BrokerPosition, Execution
from engine.domain.position import Position
from engine.domain.reasons import Reason
from engine.ledger.events import Adjustment
from engine.ledger.positions import PositionManager
from engine.recovery.compare import Finding, compare_positions
from tests.builders import TEN
from tests.recovery.building import execution, held, listed


def _one(
    ours: Position | None,
    broker: BrokerPosition | None,
    *executions: Execution,
    foreign: Decimal | None = None,
) -> Finding:
    (found,) = _all(ours, broker, *executions, foreign=foreign)
    return found


def _all(
    ours: Position | None,
    broker: BrokerPosition | None,
    *executions: Execution,
    foreign: Decimal | None = None,
) -> tuple[Finding, ...]:
    return compare_positions(
        [ours] if ours else [],
        [broker] if broker else [],
        at=TEN,
        foreign={} if foreign is None else {1: foreign},
        strangers=executions,
    )


@pytest.mark.req("RECOVERY-HYBRID", "REQ-ARCH-004", "RECOVERY-MODULE")
def test_match_other_quantity_missing_and_unknown_are_four_outcomes() -> None:
    ours = [held("A", con_id=1), held("B", con_id=2), held("C", con_id=3)]
    broker = [listed("A", con_id=1), listed("B", "99", con_id=2), listed("D", "25", con_id=4)]

    found = {f.key: f for f in compare_positions(ours, broker, at=TEN)}

    assert {key: f.kind for key, f in found.items()} == {
        "A": RecoveryKind.RESTORED,
        "B": RecoveryKind.QUANTITY,
        "C": RecoveryKind.CLOSED_AWAY,
        "D": RecoveryKind.ORPHAN,
    }
    assert [b.quantity for b in found["B"].bookings] == [-1]
    assert [b.quantity for b in found["C"].bookings] == [-100]
    assert (found["A"].bookings, found["D"].bookings, found["D"].excess) == ((), (), 25)
    assert "25" in found["D"].text
    assert "average cost of 50.00" in found["D"].text


@pytest.mark.req("RECOVERY-HYBRID")
@pytest.mark.parametrize(
    ("listed_at", "whole"), [("100.1", 100), ("99.9", 100), ("100.11", 100), ("99.89", 99)]
)
def test_a_tenth_of_a_share_is_tolerated_and_beyond_it_the_whole_part_is_ours(
    listed_at: str, whole: int
) -> None:
    found = _all(held(), listed(quantity=listed_at))
    booked = sum(b.quantity for f in found for b in f.bookings)

    assert 100 + booked == whole
    foreign = [f.excess for f in found if f.kind is RecoveryKind.FOREIGN]
    assert foreign == ([Decimal("0.11")] if listed_at == "100.11" else [])


def test_the_signed_open_quantity_is_compared_not_the_size() -> None:
    assert _one(held(quantity=-50), listed(quantity="-50")).kind is RecoveryKind.RESTORED


@pytest.mark.req("RECOVERY-HYBRID")
def test_the_other_side_is_never_taken_over_ours_ended_and_the_rest_is_an_orphan() -> None:
    closed, orphan = _all(held(quantity=50), listed(quantity="-30"))

    assert (closed.kind, [b.quantity for b in closed.bookings]) == (RecoveryKind.CLOSED_AWAY, [-50])
    assert (orphan.kind, orphan.excess, orphan.bookings) == (RecoveryKind.ORPHAN, -30, ())
    assert orphan.is_orphan


@pytest.mark.req("REQ-ARCH-004")
def test_what_was_closed_outside_is_booked_at_the_prices_of_the_executions() -> None:
    found = _one(held(), None, execution(1, -60, price="49"), execution(2, -40, price="48"))

    assert [(b.quantity, b.price, b.reason) for b in found.bookings] == [
        (-60, Decimal(49), Reason.EXTERNAL_CLOSE.value),
        (-40, Decimal(48), Reason.EXTERNAL_CLOSE.value),
    ]
    assert {b.owner for b in found.bookings} == {"ma"}


def test_what_nobody_reported_is_booked_at_an_unknown_price() -> None:
    (booking,) = _one(held(), None).bookings

    assert (booking.quantity, booking.price) == (-100, None)


def test_only_the_newest_executions_that_add_up_explain_a_change() -> None:
    old = execution(1, 500, price="1")

    found = _one(held(), listed(quantity="70"), old, execution(2, -30))

    assert [(b.quantity, b.price) for b in found.bookings] == [(-30, Decimal(49))]


def test_an_execution_through_zero_closes_ours_and_only_ours() -> None:
    closed, orphan = _all(held(quantity=50), listed(quantity="-30"), execution(1, -80))

    assert [(b.quantity, b.price) for b in closed.bookings] == [(-50, Decimal(49))]
    assert orphan.excess == -30


def test_a_forced_liquidation_is_booked_and_named() -> None:
    found = _one(held(), None, execution(1, -100, liquidation=True))

    assert (found.kind, found.is_orphan) == (RecoveryKind.CORPORATE, False)
    assert [b.reason for b in found.bookings] == [Reason.LIQUIDATION.value]
    assert "forced liquidation" in found.text


@pytest.mark.parametrize(
    ("quantity", "cost", "ratio"), [("200", 25.0, "2:1"), ("10", 500.0, "1:10"), ("150", 33.34, "3:2")]
)
def test_another_quantity_at_the_same_total_cost_is_a_split_and_waits_for_a_person(
    quantity: str, cost: float, ratio: str
) -> None:
    found = _one(held(), listed(quantity=quantity, cost=cost))

    assert (found.kind, found.is_orphan, found.bookings) == (RecoveryKind.CORPORATE, True, ())
    assert ratio in found.corporate


def test_half_sold_at_the_same_price_is_no_split() -> None:
    assert _one(held(), listed(quantity="50", cost=50.0)).kind is RecoveryKind.QUANTITY


def test_the_multiplier_and_fees_in_the_brokers_average_make_no_split() -> None:
    ours = held(quantity=2, price="5000", multiplier="50")

    assert _one(ours, listed(quantity="2", cost=250_002.0)).kind is RecoveryKind.RESTORED


def test_a_new_name_under_the_same_number_is_shown() -> None:
    found = _one(held("FB"), listed("META"))

    assert (found.kind, found.moved_from, found.is_orphan) == (RecoveryKind.CORPORATE, ("FB", 1), True)
    assert "FB is called META now" in found.text


def test_a_position_that_appears_as_another_vanishes_is_one_that_moved() -> None:
    (found,) = compare_positions([held("OLD", con_id=1)], [listed("NEW", con_id=2)], at=TEN)

    assert (found.kind, found.moved_from, found.bookings) == (RecoveryKind.CORPORATE, ("OLD", 1), ())


def test_what_a_person_left_alone_stays_foreign_until_its_quantity_changes() -> None:
    thirty = Decimal(-30)

    assert _one(None, listed(quantity="-30"), foreign=thirty).kind is RecoveryKind.FOREIGN
    assert _one(None, listed(quantity="-40"), foreign=thirty).kind is RecoveryKind.ORPHAN


def test_ours_beside_a_foreign_part_stays_ours() -> None:
    kinds = {f.kind for f in _all(held(), listed(quantity="130"), foreign=Decimal(30))}
    changed = _one(held(), listed(quantity="120"), foreign=Decimal(30))

    assert kinds == {RecoveryKind.RESTORED, RecoveryKind.FOREIGN}
    assert (changed.kind, changed.excess, changed.bookings) == (RecoveryKind.ORPHAN, 20, ())


def test_ours_can_end_while_the_foreign_part_stays() -> None:
    closed, foreign = _all(held(), listed(quantity="-30"), foreign=Decimal(-30))

    assert (closed.kind, [b.quantity for b in closed.bookings]) == (RecoveryKind.CLOSED_AWAY, [-100])
    assert (foreign.kind, foreign.excess) == (RecoveryKind.FOREIGN, -30)


def test_a_fraction_nobody_owns_is_foreign_and_asks_nobody() -> None:
    found = _one(None, listed(quantity="0.5"))

    assert (found.kind, found.excess, found.is_orphan) == (RecoveryKind.FOREIGN, Decimal("0.5"), False)


def test_an_empty_account_and_empty_books_agree() -> None:
    assert compare_positions([], [], at=TEN) == ()


# --- properties ---------------------------------------------------------------------------------

_QUANTITIES = st.integers(-200, 200)


@st.composite
def _worlds(
    draw: st.DrawFn,
) -> tuple[list[Position], list[BrokerPosition], list[Execution], dict[int, Decimal]]:
    """Books, a broker's account, executions of others and decisions about up to four instruments."""
    ours, broker, executions, foreign = [], [], [], {}
    for con_id in range(1, draw(st.integers(1, 4)) + 1):
        key = f"K{con_id}"
        mine, theirs = draw(_QUANTITIES), draw(_QUANTITIES)
        if mine:
            ours.append(held(key, mine, con_id=con_id))
        fraction = draw(st.sampled_from(["0", "0", "0.05", "0.5"]))
        total = Decimal(theirs) + Decimal(fraction)
        if total:
            broker.append(
                listed(key, str(total), con_id=con_id, cost=draw(st.sampled_from([25.0, 50.0, 70.0])))
            )
        for number, quantity in enumerate(draw(st.lists(_QUANTITIES.filter(bool), max_size=3)), start=1):
            executions.append(execution(con_id * 100 + number, quantity, con_id=con_id, key=key))
        if draw(st.booleans()):
            foreign[con_id] = Decimal(draw(_QUANTITIES))
    return ours, broker, executions, foreign


def _book(ours: list[Position], bookings: list[Adjustment]) -> list[Position]:
    """The real ledger takes the bookings."""
    manager = PositionManager()
    for p in ours:
        opening = Adjustment(
            f"o{p.con_id}", p.key, p.con_id, p.quantity, p.avg_price, p.opened_at, "x", p.owner
        )
        manager.adjust(opening)
    for booking in bookings:
        manager.adjust(booking)
    return list(manager.positions())


@given(_worlds())
def test_one_pass_converges_and_the_second_books_nothing(
    world: tuple[list[Position], list[BrokerPosition], list[Execution], dict[int, Decimal]],
) -> None:
    ours, broker, executions, foreign = world
    first = compare_positions(ours, broker, at=TEN, foreign=foreign, strangers=executions)

    after = _book(ours, [b for f in first for b in f.bookings])
    second = compare_positions(after, broker, at=TEN, foreign=foreign, strangers=executions)

    assert [f for f in second if f.bookings] == []
    assert _open(second) == _open(first)


def _open(findings: tuple[Finding, ...]) -> set[tuple[int, Decimal]]:
    return {(f.con_id, f.excess) for f in findings if f.is_orphan}


@given(_worlds())
def test_every_share_at_the_broker_is_ours_foreign_or_asked_about(
    world: tuple[list[Position], list[BrokerPosition], list[Execution], dict[int, Decimal]],
) -> None:
    ours, broker, executions, foreign = world
    found = compare_positions(ours, broker, at=TEN, foreign=foreign, strangers=executions)
    after = {p.con_id: p.quantity for p in _book(ours, [b for f in found for b in f.bookings])}

    for position in broker:
        here = [f for f in found if f.con_id == position.con_id]
        if any(f.kind is RecoveryKind.CORPORATE and not f.bookings for f in here):
            continue  # waits as a whole
        beside = sum((f.excess for f in here if f.is_orphan or f.kind is RecoveryKind.FOREIGN), Decimal(0))
        rest = position.quantity - after.get(position.con_id, 0) - beside
        assert abs(rest) < 1, here


@given(_worlds())
def test_the_books_never_change_sides_by_themselves(
    world: tuple[list[Position], list[BrokerPosition], list[Execution], dict[int, Decimal]],
) -> None:
    ours, broker, executions, foreign = world
    found = compare_positions(ours, broker, at=TEN, foreign=foreign, strangers=executions)
    after = {p.con_id: p.quantity for p in _book(ours, [b for f in found for b in f.bookings])}

    for position in ours:
        assert after.get(position.con_id, 0) * position.quantity >= 0
    assert after.keys() <= {p.con_id for p in ours}
