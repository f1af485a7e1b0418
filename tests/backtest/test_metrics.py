"""Every figure against one worked out by hand, and a value for what has none."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.metrics import as_json, measure, new_york_days
from engine.backtest.result import EquityCurve
from tests.backtest.building import eventful, fill, ns, result, trade

YEAR = math.sqrt(252)
GOLDEN = (110.0, 99.0, 108.9, 108.9)
"""From 100: returns of +10 %, -10 %, +10 %, 0 %."""


@pytest.mark.req("PLAN-M2-METRICS")
def test_the_seven_figures_of_four_days_by_hand() -> None:
    measured = measure(result(GOLDEN, trades=[trade("5"), trade("-2"), trade("0"), trade("1")]))

    # Mean 0.025; squared deviations 0.005625 + 0.015625 + 0.005625 + 0.000625 = 0.0275 over n - 1 = 3.
    assert measured.sharpe == pytest.approx(YEAR * 0.025 / math.sqrt(0.0275 / 3), abs=1e-9)
    # One day lost 10 %: the downside is sqrt(0.01 / 4) = 0.05.
    assert measured.sortino == pytest.approx(YEAR * 0.025 / 0.05, abs=1e-9)
    assert measured.max_drawdown == pytest.approx(0.1, abs=1e-9)
    assert measured.max_drawdown_usd == pytest.approx(11.0, abs=1e-9)
    assert measured.cagr == pytest.approx(1.089**63 - 1.0, rel=1e-9)
    assert measured.calmar == pytest.approx((1.089**63 - 1.0) / 0.1, rel=1e-9)
    assert measured.hit_rate == pytest.approx(0.5, abs=1e-9)
    assert measured.volatility == pytest.approx(YEAR * math.sqrt(0.0275 / 3), abs=1e-9)
    assert (measured.days, measured.enough_days) == (4, False)
    assert measured.pnl_usd == pytest.approx(8.9, abs=1e-9)


@pytest.mark.req("PLAN-M2-METRICS")
def test_the_standard_error_of_the_sharpe_ratio_by_hand() -> None:
    measured = measure(result(GOLDEN))

    ratio = 0.025 / math.sqrt(0.0275 / 3)
    # Deviations +0.075, -0.125, +0.075, -0.025: cubes sum to -0.001125, fourth powers to 0.0003078125.
    skewness = (-0.001125 / 4) / (0.0275 / 4) ** 1.5
    kurtosis = (0.0003078125 / 4) / (0.0275 / 4) ** 2
    error = math.sqrt((1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2) / 3)
    assert measured.sharpe_standard_error == pytest.approx(YEAR * error, abs=1e-9)
    below = 0.5 * (1 + math.erf(ratio / error / math.sqrt(2)))
    assert measured.sharpe_probability == pytest.approx(below, abs=1e-9)


@pytest.mark.req("REQ-BT2", "PLAN-M2-METRICS")
def test_exposure_is_a_mean_share_of_equity_and_its_themes_sum_to_it() -> None:
    measured = measure(eventful())

    assert measured.exposure == pytest.approx((50 / 101 + 1.0) / 4, abs=1e-9)
    assert measured.exposure_by_theme == pytest.approx({"index": 50 / 101 / 4, "tech": 0.25}, abs=1e-9)
    assert sum(measured.exposure_by_theme.values()) == pytest.approx(measured.exposure, abs=1e-12)
    assert measured.time_in_market == 0.5


def test_turnover_counts_what_was_bought_and_sold_per_year_and_a_future_by_its_multiplier() -> None:
    run = result((100.0, 100.0), fills=(fill(price="10"), fill(2, key="ESZ6", price="2")))

    plain, times = measure(run), measure(run, multipliers={"ESZ6": Decimal(50)})

    assert plain.turnover_per_year == pytest.approx((100 + 20) / 100 * 126, abs=1e-9)
    assert times.turnover_per_year == pytest.approx((100 + 1000) / 100 * 126, abs=1e-9)
    assert (plain.costs.commission_usd, plain.costs.slippage_usd) == (1.0, 0.2)


@pytest.mark.req("PLAN-M2-METRICS")
@pytest.mark.parametrize(
    ("equity", "sortino", "calmar"),
    [
        ((), 0.0, 0.0),
        ((100.0,), 0.0, 0.0),
        ((100.0, 100.0, 100.0), 0.0, 0.0),
        ((101.0, 102.0), None, None),
        ((0.0, 0.0), pytest.approx(-YEAR * 0.5 / math.sqrt(0.5)), -1.0),
        (
            (-5.0, 3.0),
            pytest.approx(-YEAR * 0.525 / math.sqrt(1.05**2 / 2)),
            pytest.approx((0.03**126 - 1) / 1.05),
        ),
    ],
)
def test_a_run_without_what_a_figure_needs_has_a_defined_value(
    equity: tuple[float, ...], sortino: float | None, calmar: float | None
) -> None:
    measured = measure(result(equity))

    assert (measured.sortino, measured.calmar) == (sortino, calmar)
    json.dumps(as_json(measured), allow_nan=False)


@given(st.lists(st.floats(-1e6, 1e7, allow_nan=False), max_size=12))
def test_no_equity_whatever_makes_a_figure_that_json_cannot_hold(equity: list[float]) -> None:
    assert json.dumps(as_json(measure(result(equity))), allow_nan=False)  # raises on NaN and infinity


def test_an_intraday_curve_is_measured_by_its_days_but_falls_at_every_bar() -> None:
    at = [datetime(2026, 3, 2 + day, hour, 0, tzinfo=UTC) for day in (0, 1) for hour in (15, 21)]
    path = np.asarray([120.0, 110.0, 88.0, 99.0])
    held = np.zeros(4)
    run = result(EquityCurve(np.asarray([ns(one) for one in at]), path, path, held, {"none": held}))

    measured = measure(run)

    assert measured.days == 2
    assert measured.sortino == pytest.approx(0.0, abs=1e-12)  # +10 % and -10 %
    assert measured.max_drawdown == pytest.approx(32 / 120, abs=1e-12)


def test_a_day_ends_at_midnight_in_new_york_in_winter_and_in_summer() -> None:
    edges = {
        datetime(2026, 1, 6, 5, 0, tzinfo=UTC): datetime(2026, 1, 5, tzinfo=UTC),
        datetime(2026, 1, 6, 5, 1, tzinfo=UTC): datetime(2026, 1, 6, tzinfo=UTC),
        datetime(2026, 7, 6, 4, 0, tzinfo=UTC): datetime(2026, 7, 5, tzinfo=UTC),
        datetime(2026, 7, 6, 4, 1, tzinfo=UTC): datetime(2026, 7, 6, tzinfo=UTC),
    }

    days = new_york_days(np.asarray([ns(at) for at in edges]))

    assert [int(day) * 86_400 for day in days] == [int(day.timestamp()) for day in edges.values()]
