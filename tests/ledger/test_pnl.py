"""P&L of the day: signs, units, what is unknown, and a curve that never grows without end."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fees import FeeSchedule
from engine.domain.position import Position
from engine.ledger.changes import BookedFill
from engine.ledger.events import Described
from engine.ledger.pnl import (
    DayCurve,
    booked_day,
    day_pnl,
    exposure_usd,
    r_multiple,
    stop_risk_usd,
    trade_sharpe,
    unrealized_usd,
)
from engine.ledger.positions import PositionManager
from tests.ledger.building import T0, fill


def holding(
    key: str,
    quantity: int,
    price: str,
    *,
    multiplier: str = "1",
    stop: float | None = None,
    at: datetime = T0,
) -> Position:
    return Position(key, 1, quantity, Decimal(price), Decimal(multiplier), "ma", at, initial_stop=stop)


LONG_SPY = holding("SPY", 100, "500", stop=495.0)
SHORT_ES = holding("ESZ6", -2, "5000", multiplier="50", stop=5010.0)


def booked() -> PositionManager:
    manager = PositionManager(described=[Described("ESZ6", 2, Decimal(50), "FUT")])
    runs = [
        ("a", 10, "100", "SPY"),
        ("b", -10, "101", "SPY"),
        ("c", -1, "5000", "ESZ6"),
        ("d", 1, "5001", "ESZ6"),
    ]
    for i, (name, size, price, key) in enumerate(runs):
        one = fill(f"{name}.01", size, price, seconds=i, key=key, commission="1")
        manager.apply_fill(BookedFill(one, "signal", None))
    return manager


@pytest.mark.req("REQ-X3", "REQ-X2")
def test_a_commission_that_is_late_is_estimated_per_order_until_it_is_reported():
    manager = PositionManager()
    for number in range(3):
        part = fill(f"a{number}.01", 100, "50", seconds=number, ref="in")
        manager.apply_fill(BookedFill(part, "signal", None))

    estimated = day_pnl(manager, {"SPY": 50.0}, booked_day(manager, schedule=FeeSchedule()))
    for number in range(3):
        manager.apply_commission(f"a{number}.01", Decimal("0.7"))
    reported = day_pnl(manager, {"SPY": 50.0}, booked_day(manager, schedule=FeeSchedule()))

    assert (estimated.fees_usd, estimated.net_usd) == (1.5, -1.5)
    assert reported.fees_usd == pytest.approx(2.1)
    assert manager.uncharged_fills() == ()


def test_the_day_counts_closed_trades_fees_and_wins_after_fees():
    day = day_pnl(booked(), {}, booked_day(booked()))

    assert (day.realized_usd, day.fees_usd, day.unrealized_usd) == (10 - 50, 4, 0)
    assert day.net_usd == -44
    assert (day.trades, day.wins) == (2, 1)


def test_unrealised_takes_side_and_multiplier_into_account():
    marks = {"SPY": 501.0, "ESZ6": 5001.0}

    assert unrealized_usd([LONG_SPY, SHORT_ES], marks) == 100 - 100


@pytest.mark.parametrize("marks", [{}, {"SPY": math.nan}])
def test_a_missing_mark_makes_unrealised_and_net_unknown(marks):
    manager = PositionManager()
    manager.apply_fill(BookedFill(fill("a.01", 1, "10"), "signal", None))

    day = day_pnl(manager, marks, booked_day(manager))

    assert (day.unrealized_usd, day.net_usd) == (None, None)


def test_r_is_measured_from_the_initial_stop_on_both_sides():
    assert r_multiple(LONG_SPY, 510.0) == pytest.approx(2.0)
    assert r_multiple(SHORT_ES, 4995.0) == pytest.approx(0.5)
    assert r_multiple(holding("SPY", 1, "500"), 510.0) is None
    assert r_multiple(holding("SPY", 1, "500", stop=501.0), 510.0) is None
    assert r_multiple(LONG_SPY, math.nan) is None


def test_stop_risk_adds_what_every_stop_would_cost_from_here():
    marks = {"SPY": 502.0, "ESZ6": 5000.0}

    risk = stop_risk_usd([LONG_SPY, SHORT_ES], {"SPY": 495.0, "ESZ6": 5010.0}, marks)

    assert risk == 700 + 1000
    assert stop_risk_usd([LONG_SPY], {}, marks) is None
    assert stop_risk_usd([LONG_SPY], {"SPY": 495.0}, {}) is None
    assert stop_risk_usd([LONG_SPY], {"SPY": 503.0}, marks) == 0


def test_exposure_is_notional_for_stocks_and_margin_for_futures():
    exposure = exposure_usd([LONG_SPY, SHORT_ES], {"SPY": 510.0}, margins={"ESZ6": 15_000.0})

    assert exposure == (51_000.0, 30_000.0)
    assert exposure_usd([LONG_SPY], {}, margins={}).stock_notional_usd == 50_000.0


@given(st.lists(st.tuples(st.floats(0, 400_000), st.floats(-1e6, 1e6)), min_size=1, max_size=60))
def test_the_curve_stays_short_ends_with_the_newest_value_and_knows_the_worst(samples):
    curve = DayCurve(0.0)
    samples = sorted(samples, key=lambda sample: sample[0])

    for at, value in samples:
        curve.add(at, value)

    assert 1 <= len(curve.points) <= 240
    assert curve.points[-1] == samples[-1][1]
    assert curve.worst_usd == min(value for _, value in samples)
    assert (len(curve.points) - 1) * curve.step_s <= samples[-1][0] < len(curve.points) * curve.step_s


def test_a_gap_in_the_curve_repeats_the_last_value():
    curve = DayCurve(100.0, step_s=5.0)

    for at, value in [(100.0, 1.0), (118.0, 4.0), (99.0, -7.0), (119.0, math.nan)]:
        curve.add(at, value)

    assert curve.points == (1.0, 1.0, 1.0, 4.0)
    assert curve.worst_usd == 1.0


def test_doubling_the_step_keeps_the_value_at_the_end_of_each_pair():
    curve = DayCurve(0.0, step_s=1.0)
    for second in range(240):
        curve.add(float(second), float(second))

    curve.add(240.0, 240.0)

    assert curve.step_s == 2.0
    assert curve.points == (*[float(i) for i in range(1, 240, 2)], 240.0)


@pytest.mark.req("FUT-QA-UI-4")
def test_a_sharpe_ratio_of_trades_is_their_mean_over_their_scatter_and_nothing_below_ten() -> None:
    nets = [10.0, -4.0, 6.0, 2.0, -8.0, 12.0, 1.0, 3.0, -2.0]
    assert trade_sharpe(nets) is None
    assert trade_sharpe([*nets, 5.0]) == pytest.approx(0.4064, abs=1e-4)
    assert trade_sharpe([5.0] * 20) is None
