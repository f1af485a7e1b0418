"""What was booked at an unknown price is taken back when its execution is told late, and only then."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Role, Side
from engine.ledger.changes import Changes
from engine.ledger.events import Adjustment, Executed, Registered
from engine.ledger.ledger import Ledger, LedgerState
from tests.ledger.building import T0, at, fill, intent

ENTRY, EXIT = "ck-1-SPY-a-entry", "ck-1-SPY-b-exit"


def _with_gap(gap: int = -100, *, seconds: float = 30) -> tuple[Ledger, list[Changes]]:
    """100 long; an exit of unknown fate; then the broker's quantity was taken over."""
    ledger = Ledger()
    made = [
        ledger.apply(Registered((intent(ENTRY), intent(EXIT, role=Role.EXIT, side=Side.SELL)), T0)),
        ledger.apply(Executed(fill("e1.01", 100, "500", ref=ENTRY, seconds=1), 1, at(1))),
        ledger.apply(
            Adjustment("gap-1", "SPY", 756733, gap, None, at(seconds), "external_close", owner="ma")
        ),
    ]
    return ledger, made


def _held(ledger: Ledger) -> int:
    position = ledger.positions.position("SPY")
    return 0 if position is None else position.quantity


def _again(made: list[Changes]) -> Ledger:
    """As a restart finds it."""
    fills = tuple(f for changes in made for f in changes.fills)
    adjustments = tuple(a for changes in made for a in changes.adjustments)
    orders = {o.intent.ref: o for changes in made for o in changes.orders}
    return Ledger(LedgerState(orders=tuple(orders.values()), fills=fills, adjustments=adjustments))


@pytest.mark.req("REQ-DATA-003")
def test_an_exit_that_is_told_after_its_gap_was_booked_counts_once_and_at_its_price() -> None:
    ledger, made = _with_gap()
    assert _held(ledger) == 0

    made.append(ledger.apply(Executed(fill("e2.01", -100, "503", ref=EXIT, seconds=20), 2, at(40))))

    for found in (ledger, _again(made)):
        assert _held(found) == 0
        (trade,) = found.positions.trades()
        assert (trade.exit_price, trade.gross_usd, trade.reason) == (Decimal(503), Decimal(300), "signal")
    (taken_back,) = made[-1].adjustments
    assert (taken_back.adjustment_id, taken_back.quantity) == ("told-e2", 100)
    assert any("told late" in note.text for note in made[-1].notes)


def test_an_execution_after_the_gap_is_another_trade() -> None:
    ledger, _ = _with_gap(-60)

    changes = ledger.apply(Executed(fill("e2.01", -40, "503", ref=EXIT, seconds=35), 2, at(40)))

    assert changes.adjustments == ()
    assert _held(ledger) == 0


def test_one_of_the_other_side_explains_nothing() -> None:
    ledger, _ = _with_gap(-60)

    changes = ledger.apply(Executed(fill("e2.01", 10, "503", ref=ENTRY, seconds=20), 2, at(40)))

    assert changes.adjustments == ()
    assert _held(ledger) == 50


def test_a_correction_of_what_was_booked_takes_nothing_back() -> None:
    ledger, _ = _with_gap(-60)

    changes = ledger.apply(Executed(fill("e1.02", 90, "500", ref=ENTRY, seconds=1), 1, at(40)))

    assert changes.adjustments == ()
    assert _held(ledger) == 30


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 100))
def test_parts_take_back_no_more_than_the_gap_and_a_restart_agrees(parts: list[int], gap: int) -> None:
    ledger, made = _with_gap(-gap)
    for number, part in enumerate(parts, start=2):
        booked = fill(f"e{number}.01", -part, "501", ref=EXIT, seconds=10 + number)
        made.append(ledger.apply(Executed(booked, 2, at(40 + number))))

    expected = 100 - max(gap, sum(parts))
    assert _held(ledger) == expected
    again = _again(made)
    assert _held(again) == expected
    assert again.positions.trades() == ledger.positions.trades()
    assert again.positions.realized_usd() == ledger.positions.realized_usd()
