"""The price grid: the quick way of rounding agrees with exact arithmetic, and dust never moves a tick."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.price import Rounding, round_to_tick
from tests.builders import stock

GRIDS = (0.01, 0.25, 0.05, 0.1, 0.005, 0.00005, 1 / 32, 1 / 64, 0.0001, 1.0, 0.5, 2.5)


def exactly(price: float, step: float, rounding: Rounding) -> float:
    """The same with Decimal all the way; 10 digits are finer than any grid and coarser than dust."""
    grid = Decimal(str(step))
    ticks = Decimal(str(round(price, 10))) / grid
    return float(ticks.to_integral_value(rounding=rounding.value) * grid)


@given(
    st.floats(0.0001, 2_000_000.0), st.integers(0, 8), st.sampled_from(GRIDS), st.sampled_from(list(Rounding))
)
def test_rounding_is_that_of_exact_arithmetic(price, digits, step, rounding):
    price = round(price, digits)

    assert round_to_tick(stock(min_tick=step, price_steps=()), price, rounding) == exactly(
        price, step, rounding
    )


@pytest.mark.parametrize("rounding", list(Rounding))
@given(st.integers(1, 90_000), st.sampled_from(GRIDS))
def test_a_price_on_the_grid_stays_where_it_is(rounding, ticks, step):
    price = ticks * step

    assert round_to_tick(stock(min_tick=step, price_steps=()), price, rounding) == pytest.approx(
        price, rel=1e-12
    )


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_a_price(price):
    with pytest.raises(ValueError, match="not a number"):
        round_to_tick(stock(), price)
