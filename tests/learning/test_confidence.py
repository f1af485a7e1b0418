"""Confidence per contract, regime and half-hour; calibration and coverage, against values by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.confidence import Calibration, ConfidenceTable, Coverage, wilson
from engine.learning.insight import Insight


def filled(rates: dict[str, float], n: int, seed: int = 1) -> ConfidenceTable:
    rng, table = np.random.default_rng(seed), ConfidenceTable()
    for name, rate in rates.items():
        for _ in range(n):
            table.learn(("ES", name), is_right=bool(rng.random() < rate))
    return table


@pytest.mark.req("FUT-DO-4")
def test_the_four_granularities_count_what_was_seen() -> None:
    table = ConfidenceTable()
    for regime, hour, right in (("calm", "01", 1), ("calm", "01", 0), ("calm", "02", 1), ("lively", "01", 1)):
        table.learn(("ES", regime, hour), is_right=bool(right))
    table.learn(("NQ", "calm", "01"), is_right=False)

    assert [(one.path, one.right, one.n) for one in table.cells(1)] == [(("ES",), 3, 4), (("NQ",), 0, 1)]
    assert table.cell(("ES", "calm")).n == 3
    assert table.cell(("ES", "calm", "01")).right == 1
    assert [one.path[2] for one in table.cells(3)] == ["01", "02", "01", "01"]


def test_a_single_cell_is_shrunk_to_its_parent_by_hand() -> None:
    table = ConfidenceTable()
    for right in (1, 1, 1, 0):
        table.learn(("ES",), is_right=bool(right))
    # all: (3 + 2·0.5) / (4 + 2); ES, an only child, leans on it with the least weight: (3 + 2p) / (4 + 2)
    whole = 4.0 / 6.0
    assert table.cell(()).p == pytest.approx(whole)
    assert table.cell(("ES",)).p == pytest.approx((3 + 2 * whole) / 6)


def test_cells_that_differ_by_chance_say_what_their_parent_says_and_others_speak_for_themselves() -> None:
    same = ConfidenceTable()
    for name, wins in (("a", 22), ("b", 24), ("c", 26), ("d", 24)):
        for number in range(40):
            same.learn(("ES", name), is_right=number < wins)
    unlike = filled({"a": 0.3, "b": 0.5, "c": 0.7, "d": 0.9}, 200)

    spread = [one.p for one in same.cells(2)]
    assert max(spread) - min(spread) < 0.01
    assert unlike.cell(("ES", "a")).p == pytest.approx(0.3, abs=0.08)
    assert unlike.cell(("ES", "d")).p == pytest.approx(0.9, abs=0.08)


def test_an_unknown_cell_says_what_its_parent_says_and_widely() -> None:
    table = filled({"a": 0.8}, 100)
    known, unknown = table.cell(("ES", "a")), table.cell(("ES", "new"))
    assert unknown.n == 0
    assert unknown.p == pytest.approx(table.cell(("ES",)).p)
    assert unknown.high - unknown.low > 2 * (known.high - known.low)


@given(st.floats(0, 1), st.floats(0.5, 1e6))
def test_an_interval_holds_its_share_and_stays_a_probability(p: float, n: float) -> None:
    low, high = wilson(p, n)
    assert 0.0 <= low <= p + 1e-9
    assert p - 1e-9 <= high <= 1.0


@pytest.mark.req("FUT-F6")
def test_reliability_brier_and_error_equal_those_by_hand() -> None:
    seen = Calibration()
    assert math.isnan(seen.brier)
    for p, right in ((0.62, True), (0.63, False), (0.91, True), (0.92, True)):
        seen.learn(p, is_right=right)

    assert seen.brier == pytest.approx((0.38**2 + 0.63**2 + 0.09**2 + 0.08**2) / 4)
    assert seen.error == pytest.approx((abs(1.25 - 1) + abs(1.83 - 2)) / 4)
    assert [(round(one.claimed, 3), one.came_true, one.n) for one in seen.diagram()] == [
        (0.625, 0.5, 2),
        (0.915, 1.0, 2),
    ]
    seen.learn(math.nan, is_right=True)
    assert seen.n == 4


def test_coverage_is_kept_by_good_and_bad_models_alike() -> None:
    rng = np.random.default_rng(2)
    for honest in (True, False):
        cover = Coverage()
        for _ in range(4000):
            p = float(rng.uniform(0.2, 0.8))
            cover.learn(p if honest else 1 - p, up=bool(rng.random() < p))
        assert cover.share == pytest.approx(0.8, abs=0.02)


def test_insight_counts_what_does_not_overlap_and_survives_a_restart() -> None:
    insight, again = Insight("ES"), Insight("ES")
    for at in range(20):
        path = insight.path_of({"vol_ratio": 1.5}, 1800.0 + at, 0.0)
        insight.learn(path, p_up=0.6, up=at % 2 == 0, at=float(at), due=at + 5.0)
    again.restore(json.loads(json.dumps(insight.state(), allow_nan=False)))

    assert again.table.cell(("ES", "lively", "01")).n == 4
    assert again.calibration.n == 20
    assert again.state() == insight.state()
