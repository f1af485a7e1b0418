"""Size, choice and budget: calm, earned, rounded down; one position; exploring never beyond its day."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.appetite import APPETITES, AppetiteName
from engine.learning.choice import Candidate, ExplorationBudget, best_of
from engine.learning.record import TradeRecord
from engine.learning.sizing import Size, drawdown_share, earned_share, size_of

STANDARD = APPETITES[AppetiteName.STANDARD]


def record(outcomes: list[float]) -> TradeRecord:
    made = TradeRecord()
    for r in outcomes:
        made.add(r)
    return made


GOOD = record([1.0, 1.0, -1.0] * 60)


def sized(**more: float) -> Size:
    known = {"equity_usd": 1e6, "risk_usd": 400.0, "vol_target": 1.0, "vol_now": 1.0, "drawdown": 0.0}
    return size_of(STANDARD, GOOD, **{**known, **more})


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=50))
def test_moments_equal_those_computed_at_once(outcomes: list[float]) -> None:
    made, values = record(outcomes), np.array(outcomes)
    assert made.mean == pytest.approx(values.mean(), abs=1e-9)
    assert made.variance == pytest.approx(values.var(ddof=1), abs=1e-9)
    if values.std() > 1e-3:
        z = (values - values.mean()) / values.std()
        assert made.skew == pytest.approx((z**3).mean(), abs=1e-6)
        assert made.kurtosis == pytest.approx((z**4).mean(), rel=1e-6)
    again = TradeRecord()
    again.restore(json.loads(json.dumps(made.state())))
    again.add(0.5)
    made.add(0.5)
    assert again.state() == made.state()


def test_an_outcome_that_is_not_known_is_not_counted() -> None:
    assert record([1.0, math.nan, math.inf]).n == 1
    assert math.isnan(record([1.0]).sharpe)
    assert record([1.0, 1.0]).sharpe_error != record([1.0, 1.0]).sharpe_error  # NaN: no spread


@pytest.mark.req("PLAN-STRETCH-VOL", "FUT-RISKMGR")
def test_twice_the_volatility_is_half_the_size_rounded_down() -> None:
    assert sized().contracts == 12  # 0.5 % of a million over 400
    assert sized(vol_now=2.0).contracts == 6
    assert sized(risk_usd=401.0).contracts == 12
    assert sized(risk_usd=5001.0).contracts == 0


@pytest.mark.req("FUT-EDGE-5")
def test_a_drawdown_shrinks_it_to_nothing_at_its_limit() -> None:
    assert sized(drawdown=0.5).contracts == 6
    assert sized(drawdown=1.0).contracts == 0
    assert drawdown_share(97.0, 100.0, STANDARD) == pytest.approx(0.5)
    assert drawdown_share(101.0, 100.0, STANDARD) == 0.0
    assert drawdown_share(50.0, 100.0, STANDARD) == 1.0
    assert drawdown_share(math.nan, 100.0, STANDARD) == 1.0


@pytest.mark.req("FUT-RISKMGR")
def test_it_never_exceeds_what_outcomes_have_earned() -> None:
    assert earned_share(record([1.0])) == 0.0
    assert earned_share(record([1.0, -1.2] * 50)) == 0.0
    thin = record([1.0, -0.99] * 3000)
    assert size_of(
        STANDARD, thin, equity_usd=1e6, risk_usd=400.0, vol_target=1.0, vol_now=1.0, drawdown=0.0
    ) == Size(0, 0.0, 0.0)
    better, good = record([1.0, 1.0, 1.0, -1.0] * 45), GOOD
    assert earned_share(better) > earned_share(good) > 0


@pytest.mark.parametrize("part", ["equity_usd", "risk_usd", "vol_target", "vol_now", "drawdown"])
def test_anything_unknown_is_size_zero(part: str) -> None:
    assert sized(**{part: math.nan}).contracts == 0


def test_an_edge_that_is_not_there_never_costs_more_than_the_drawdown_and_one_trade() -> None:
    rng = np.random.default_rng(9)
    for _ in range(20):
        equity = peak = 1e5
        lowest = 0.0
        for r in rng.choice((-1.0, 1.0), size=600).tolist():
            drawdown = drawdown_share(equity, peak, STANDARD)
            share = size_of(
                STANDARD,
                GOOD,
                equity_usd=equity,
                risk_usd=1.0,
                vol_target=1.0,
                vol_now=1.0,
                drawdown=drawdown,
            ).risk_share
            equity *= 1.0 + share * r
            peak = max(peak, equity)
            lowest = max(lowest, 1.0 - equity / peak)
        assert 100 * lowest <= STANDARD.drawdown_max_pct + STANDARD.risk_pct


@pytest.mark.req("FUT-EDGE-7")
def test_of_several_claims_the_best_lower_bound_trades_alone() -> None:
    lucky = Candidate("AA", 0.9, 4.0, record([1.0, -1.0, 1.0]))
    known = Candidate("BB", 0.8, 4.0, GOOD)
    weak = Candidate("CC", 0.3, 4.0, GOOD)

    chosen, outranked = best_of([weak, lucky, known])

    assert chosen is known
    assert [one.key for one in outranked] == ["CC", "AA"]
    assert best_of([]) == (None, [])
    assert best_of([Candidate("DD", 9.0, 4.0, TradeRecord())])[0] is None


class TestExploring:
    def may(self, budget: ExplorationBudget, worst: float, *, day: str = "mon", paper: bool = True) -> bool:
        return budget.may_explore(
            day, appetite=STANDARD, is_paper=paper, equity_usd=100_000.0, worst_usd=worst
        )

    @pytest.mark.req("FUT-F6", "FUT-DEMO")
    def test_it_happens_on_paper_only_and_where_the_appetite_allows_it(self) -> None:
        budget = ExplorationBudget()
        assert self.may(budget, 100.0)
        assert not self.may(budget, 100.0, paper=False)
        cautious = APPETITES[AppetiteName.CAUTIOUS]
        assert not budget.may_explore("mon", appetite=cautious, is_paper=True, equity_usd=1e6, worst_usd=1.0)

    def test_open_trades_are_charged_with_their_worst_case(self) -> None:
        budget = ExplorationBudget()
        budget.begin("mon", 60.0)
        assert not self.may(budget, 60.0)
        budget.end(60.0, -10.0)
        assert self.may(budget, 60.0)
        assert not self.may(budget, 95.0)
        assert self.may(budget, 95.0, day="tue")

    def test_gains_are_no_new_budget_and_an_unknown_end_costs_the_worst(self) -> None:
        budget = ExplorationBudget()
        budget.begin("mon", 50.0)
        budget.end(50.0, +500.0)
        budget.begin("mon", 50.0)
        budget.end(50.0, math.nan)
        again = ExplorationBudget()
        again.restore(json.loads(json.dumps(budget.state())))
        assert (again.spent_usd, again.held_usd) == (50.0, 0.0)
