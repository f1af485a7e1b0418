"""What is taken of a position, where its stop is meant to be, and the plan it was opened with."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Role, Side
from engine.domain.plan import Plan
from engine.domain.position import Position
from engine.ledger.changes import NoteCode
from engine.ledger.events import Adjustment, Described, Registered, StopMoved
from engine.ledger.ledger import Ledger
from tests.ledger.building import T0, at, executed, fill, intent

PLAN = Plan(pivot=444.77, target1=460.25, target2=470.5, moves_to_breakeven=True)


def entered(
    quantity: int = 100, price: str = "445.25", *, side: Side = Side.BUY, seconds: float = 0.0
) -> Ledger:
    """A ledger that holds one TSLA position entered with a plan and a stop."""
    ledger = Ledger()
    stop = 443.0 if side is Side.BUY else 448.0
    intents = (
        intent("in", key="TSLA", side=side, quantity=quantity, plan=PLAN),
        intent(
            "stop",
            role=Role.STOP,
            side=side.opposite,
            quantity=quantity,
            key="TSLA",
            parent_ref="in",
            stop_price=stop,
        ),
    )
    ledger.apply(Registered(intents, T0))
    ledger.apply(executed(fill("e0.01", side.sign * quantity, price, ref="in", key="TSLA", seconds=seconds)))
    return ledger


def sell(ledger: Ledger, ref: str, quantity: int, price: str, *, seconds: float, reason: str = "") -> None:
    """One exit order of ours and its single execution (of a long where `quantity` is positive)."""
    side = Side.SELL if quantity > 0 else Side.BUY
    order = intent(ref, role=Role.EXIT, side=side, quantity=abs(quantity), key="TSLA", reason=reason)
    ledger.apply(Registered((order,), at(seconds)))
    ledger.apply(executed(fill(f"x-{ref}.01", -quantity, price, ref=ref, key="TSLA", seconds=seconds)))


def held(ledger: Ledger) -> Position:
    position = ledger.positions.position("TSLA")
    assert position is not None
    return position


@pytest.mark.req("RECOVERY-STATE-POS")
def test_a_position_keeps_the_plan_and_the_stop_of_its_entry():
    position = held(entered())

    assert position.plan == PLAN
    assert (position.initial_stop, position.stop_price) == (443.0, 443.0)
    assert (position.entered, position.remaining, position.partials) == (100, 1.0, ())


@pytest.mark.req("REQ-POS-002")
def test_a_partial_is_recorded_with_its_time_price_shares_and_reason():
    ledger = entered()

    sell(ledger, "p1", 50, "447.13", seconds=141, reason="PARTIAL_50")

    position = held(ledger)
    (partial,) = position.partials
    assert partial == (at(141), Decimal("447.13"), 50, "PARTIAL_50", "p1")
    assert (position.quantity, position.entered, position.remaining) == (50, 100, 0.5)


def test_many_executions_of_one_order_are_one_partial_at_their_average():
    ledger = entered()
    ledger.apply(Registered((intent("p1", role=Role.EXIT, side=Side.SELL, quantity=50, key="TSLA"),), T0))

    for number, (quantity, price) in enumerate([(10, "447"), (30, "448"), (10, "449")]):
        booked = fill(f"p{number}.01", -quantity, price, ref="p1", key="TSLA", seconds=10 + number)
        ledger.apply(executed(booked))

    (partial,) = held(ledger).partials
    assert (partial.quantity, partial.price, partial.at) == (50, 448, at(12))


@pytest.mark.req("REQ-POS-003")
def test_the_trade_adds_up_all_partials_and_the_close():
    ledger = entered()

    sell(ledger, "p1", 50, "447.13", seconds=10, reason="PARTIAL_50")
    sell(ledger, "p2", 50, "445.25", seconds=20)

    (trade,) = ledger.positions.trades()
    assert trade.gross_usd == Decimal("94.00")
    assert [(p.quantity, p.reason) for p in trade.partials] == [(50, "PARTIAL_50")]
    assert ledger.positions.position("TSLA") is None


@pytest.mark.req("REQ-POS-003")
def test_a_short_gains_when_the_price_falls_and_a_future_counts_its_multiplier():
    short = entered(side=Side.SELL)
    future = entered()
    future.apply(Described("TSLA", 756733, Decimal(50), "FUT"))

    sell(short, "out", -100, "444.25", seconds=10)
    sell(future, "out", 100, "446.25", seconds=10)

    assert [t.gross_usd for t in short.positions.trades()] == [Decimal(100)]
    assert [t.gross_usd for t in future.positions.trades()] == [Decimal(5000)]


@pytest.mark.req("BUG-002")
def test_partials_that_take_everything_leave_no_position_and_one_trade():
    ledger = entered(3)

    for number in range(3):
        sell(ledger, f"p{number}", 1, "447", seconds=10 + number, reason="PARTIAL_50")

    assert ledger.positions.position("TSLA") is None
    (trade,) = ledger.positions.trades()
    assert [p.quantity for p in trade.partials] == [1, 1]


def test_executions_of_the_closing_order_are_no_partials_of_its_trade():
    ledger = entered()
    ledger.apply(Registered((intent("out", role=Role.EXIT, side=Side.SELL, key="TSLA"),), T0))

    ledger.apply(executed(fill("a.01", -60, "447", ref="out", key="TSLA", seconds=5)))
    ledger.apply(executed(fill("b.01", -40, "447", ref="out", key="TSLA", seconds=6)))

    assert [t.partials for t in ledger.positions.trades()] == [()]


@pytest.mark.req("RECOVERY-PARTIAL-BE")
def test_a_stop_that_was_moved_is_remembered_and_said_once():
    ledger = entered()

    changes = ledger.apply(StopMoved("TSLA", 445.25, "breakeven", at(150)))
    again = ledger.apply(StopMoved("TSLA", 445.25, "breakeven", at(151)))

    assert [n.code for n in changes.notes] == [NoteCode.STOP_MOVED]
    assert (held(ledger).initial_stop, held(ledger).stop_price) == (443.0, 445.25)
    assert [leg.stop_price for leg in changes.legs] == [445.25]
    assert not again


def test_a_move_of_a_stop_counts_although_the_brokers_clock_is_ahead_of_ours():
    ledger = entered(seconds=10)

    ledger.apply(StopMoved("TSLA", 445.25, "breakeven", at(4)))

    assert held(ledger).stop_price == 445.25


def test_a_flip_that_is_told_late_does_not_give_its_stop_to_the_other_side():
    ledger = entered()
    ledger.apply(StopMoved("TSLA", 445.25, "breakeven", at(5)))

    ledger.apply(executed(fill("flip.01", -150, "447", key="TSLA", seconds=3)))

    assert (held(ledger).quantity, held(ledger).stop_price) == (-50, None)


def test_a_moved_stop_is_not_inherited_by_the_next_position():
    ledger = entered()
    ledger.apply(StopMoved("TSLA", 445.25, "breakeven", at(5)))

    ledger.apply(executed(fill("flip.01", -150, "447", key="TSLA", seconds=9)))

    assert held(ledger).quantity == -50
    assert held(ledger).stop_price is None


def test_a_stop_without_a_position_or_with_a_wrong_price_moves_nothing():
    ledger = entered()

    assert not ledger.apply(StopMoved("NOPE", 10.0, "trail", at(5)))
    with pytest.raises(ValueError, match="TSLA: a stop cannot be moved to nan"):
        ledger.apply(StopMoved("TSLA", float("nan"), "trail", at(5)))


def test_an_adopted_position_has_the_plan_and_the_stop_it_was_adopted_with():
    ledger = Ledger()

    ledger.apply(
        Adjustment(
            "a1", "TSLA", 1, 100, Decimal(445), T0, "adopted", "operator", initial_stop=440.0, plan=PLAN
        )
    )

    assert (held(ledger).plan, held(ledger).stop_price, held(ledger).owner) == (PLAN, 440.0, "operator")


@pytest.mark.req("REQ-POS-002", "PLAN-M2-PORTFOLIO")
@given(
    st.integers(1, 400),
    st.lists(st.tuples(st.integers(1, 120), st.integers(40_000, 50_000)), max_size=8),
    st.sampled_from(Side),
)
def test_remaining_stays_between_0_and_1_and_partials_plus_open_are_what_was_entered(size, wishes, side):
    ledger = entered(size, side=side)

    for number, (wish, cents) in enumerate(wishes):
        position = ledger.positions.position("TSLA")
        if position is None:
            break
        quantity = min(wish, abs(position.quantity)) * side.sign
        sell(ledger, f"p{number}", quantity, str(Decimal(cents) / 100), seconds=number + 1)
        position = ledger.positions.position("TSLA")
        if position is not None:
            assert 0 <= position.remaining <= 1
            assert sum(p.quantity for p in position.partials) + abs(position.quantity) == size
            assert position.remaining == abs(position.quantity) / size
