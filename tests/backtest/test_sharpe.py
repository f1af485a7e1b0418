"""Luck looks like skill where many are tried: the honest figures must say so."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from engine.backtest.sharpe import Sharpe, deflated, expected_best, probabilistic, sharpe_of


@pytest.mark.req("PLAN-M2-METRICS")
def test_the_best_of_ten_worthless_trials_is_expected_where_the_formula_puts_it() -> None:
    normal = NormalDist()
    by_hand = 0.1 * (
        (1 - 0.5772156649015329) * normal.inv_cdf(0.9)
        + 0.5772156649015329 * normal.inv_cdf(1 - 1 / (10 * math.e))
    )

    assert expected_best(10, 0.01) == pytest.approx(by_hand, abs=1e-12)
    assert expected_best(1, 0.01) == 0.0


def test_one_trial_is_deflated_by_nothing_and_each_further_one_costs() -> None:
    sharpe = Sharpe(0.15, 0.06, 0.0, 3.0, 250)
    spread = [0.15, -0.05]

    alone = deflated(sharpe, tried=[0.15])
    few, many = deflated(sharpe, tried=spread * 5), deflated(sharpe, tried=spread * 50)

    assert alone == probabilistic(sharpe)
    assert alone is not None
    assert few is not None
    assert many is not None
    assert alone > few > many


def test_trials_that_left_no_ratio_count_as_tries_all_the_same() -> None:
    sharpe = Sharpe(0.15, 0.06, 0.0, 3.0, 250)

    assert deflated(sharpe, tried=[0.15, 0.1], unknown=8) < deflated(sharpe, tried=[0.15, 0.1])  # type: ignore[operator]


def test_the_best_of_twenty_without_skill_convinces_by_itself_and_not_deflated() -> None:
    draw = np.random.default_rng(7)
    fooled = deflated_believed = 0
    for _ in range(60):
        tried = [sharpe_of(draw.normal(0.0, 0.01, 250)) for _ in range(20)]
        best = max(tried, key=lambda one: one.ratio)
        fooled += (probabilistic(best) or 0.0) > 0.95
        deflated_believed += (deflated(best, tried=[one.ratio for one in tried]) or 0.0) > 0.95

    assert fooled > 30
    assert deflated_believed <= 2


def test_returns_that_do_not_vary_have_no_odds() -> None:
    for returns in ([], [0.01], [0.01, 0.01, 0.01]):
        sharpe = sharpe_of(np.asarray(returns, dtype=np.float64))

        assert (sharpe.ratio, sharpe.standard_error) == (0.0, None)
        assert probabilistic(sharpe) is deflated(sharpe, tried=[0.0, 0.0]) is None
