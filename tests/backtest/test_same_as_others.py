"""The job of the benchmarks: orders and equity to the cent as two other engines have them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.backtesting import ours, work


@pytest.mark.req("PLAN-M2-PORTFOLIO")
def test_orders_and_equity_are_those_that_other_engines_come_to() -> None:
    result, _ = ours.run(1, 20_000)
    # Said by backtesting.py 0.6 and by backtrader 1.9 on these bars.
    assert len(result.fills) == 461
    assert round(float(result.equity.equity_usd[-1]), 2) == 998_882.23
    assert not result.halted


def test_every_moment_of_ten_instruments_has_one_row_of_equity() -> None:
    result, _ = ours.run(10, 300)
    assert len(result.equity.at_ns) == 300
    assert result.bars == 3_000
    assert (np.diff(result.equity.at_ns) == 60 * 10**9).all()
    assert work.make_bars(2, 5).shape == (2, 5, 5)
