"""The money adds up: cash and what is held, realised and unrealised, at every step and to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fill import Fill
from engine.ledger.changes import BookedFill
from engine.ledger.events import Described
from engine.ledger.pnl import booked_day, day_pnl
from engine.ledger.positions import PositionManager
from tests.ledger.building import fill

OPENING_USD = Decimal(100_000)
TERMS = (Described("SPY", 1, Decimal(1), "STK"), Described("ESZ6", 2, Decimal(50), "FUT"))
MULTIPLIER = {terms.key: terms.multiplier for terms in TERMS}

runs = st.lists(
    st.tuples(
        st.sampled_from(sorted(MULTIPLIER)),
        st.integers(-40, 40).filter(bool),
        st.integers(100, 900_000).map(lambda cents: Decimal(cents) / 100),
        st.integers(0, 500).map(lambda cents: Decimal(cents) / 100),
    ),
    min_size=1,
    max_size=25,
)


def cash_after(fills: list[Fill]) -> Decimal:
    """Cash by the executions alone: what was paid, what came in, and every commission."""
    paid = sum((f.signed_quantity * f.price * MULTIPLIER[f.key] for f in fills), Decimal(0))
    return OPENING_USD - paid - sum((f.commission or Decimal(0) for f in fills), Decimal(0))


def market_value(manager: PositionManager, marks: dict[str, float]) -> float:
    return sum(p.quantity * marks[p.key] * float(p.multiplier) for p in manager.positions())


@pytest.mark.req("PLAN-M2-PORTFOLIO")
@given(runs, st.floats(1, 9000), st.floats(1, 9000))
def test_equity_is_cash_and_market_value_after_every_fill(run, spy, es):
    manager, done = PositionManager(described=TERMS), []
    marks = {"SPY": spy, "ESZ6": es}

    for number, (key, signed, price, fee) in enumerate(run):
        done.append(fill(f"e{number}.01", signed, str(price), seconds=number, key=key, commission=str(fee)))
        manager.apply_fill(BookedFill(done[-1], "signal", None))
        day = day_pnl(manager, marks, booked_day(manager))

        assert day.net_usd is not None
        equity = float(cash_after(done)) + market_value(manager, marks)
        assert float(OPENING_USD) + day.net_usd == pytest.approx(equity, rel=1e-9, abs=1e-6)


@pytest.mark.req("PLAN-M2-PORTFOLIO")
@given(runs)
def test_realised_and_unrealised_are_what_fills_and_commissions_say_to_a_billionth(run):
    manager = PositionManager(described=TERMS)
    done = [
        fill(f"e{n}.01", signed, str(price), seconds=n, key=key, commission=str(fee))
        for n, (key, signed, price, fee) in enumerate(run)
    ]
    for booked in done:
        manager.apply_fill(BookedFill(booked, "signal", None))

    mark = Decimal(4321)
    held = manager.positions()
    unrealised = sum(((mark - p.avg_price) * p.quantity * p.multiplier for p in held), Decimal(0))
    value = sum((mark * p.quantity * p.multiplier for p in held), Decimal(0))
    gained = manager.realized_usd() + unrealised - manager.fees_usd()
    assert abs(gained - (cash_after(done) - OPENING_USD + value)) < Decimal("1e-9")


@pytest.mark.req("PLAN-M2-PORTFOLIO")
def test_five_fills_by_hand():
    manager = PositionManager(described=TERMS)
    steps = [
        # key, quantity, price, commission -> realised, fees, held, average
        ("SPY", 100, "500.00", "1.00", "0", "1.00", 100, "500"),
        ("SPY", 50, "503.00", "1.00", "0", "2.00", 150, "501"),
        ("SPY", -60, "506.00", "1.00", "300", "3.00", 90, "501"),
        ("ESZ6", -2, "5000.00", "4.50", "300", "7.50", -2, "5000"),
        ("ESZ6", 2, "4990.00", "4.50", "1300", "12.00", 0, "0"),
    ]

    for number, (key, signed, price, fee, realised, fees, held, average) in enumerate(steps):
        booked = fill(f"e{number}.01", signed, price, seconds=number, key=key, commission=fee)
        manager.apply_fill(BookedFill(booked, "signal", None))

        position = manager.position(key)
        assert (manager.realized_usd(), manager.fees_usd()) == (Decimal(realised), Decimal(fees))
        assert (0 if position is None else position.quantity) == held
        assert position is None or position.avg_price == Decimal(average)
