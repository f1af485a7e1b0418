"""No change of code moves the figures of a backtest by more than 2 % unnoticed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backtest.regression import as_json, deviations
from tools.baseline import BASELINE, agreed, measured


@pytest.mark.slow
@pytest.mark.req("REQ-BT3", "PLAN-TEST-REGRESSION", "PLAN-TEST-INT")
def test_the_backtest_of_the_sample_is_where_it_was_agreed_to_be(tmp_path: Path) -> None:
    now = measured(tmp_path)

    found = deviations(agreed()["metrics"], now["metrics"])

    told = json.dumps(as_json(found), indent=2)
    assert found == [], f"{told}\nif this is meant: python -m tools.baseline --write"
    assert now["data_hash"] == agreed()["data_hash"]


@pytest.mark.req("REQ-BT3")
def test_the_agreed_figures_name_the_configuration_and_hold_what_matters() -> None:
    baseline = agreed()

    assert len(baseline["config_hash"]) == len(baseline["data_hash"]) == 64
    assert {"cagr", "sharpe", "max_drawdown", "pnl_usd", "hit_rate", "exposure"} <= set(baseline["metrics"])
    assert baseline["metrics"]["trades_total_trades"] > 100
    assert BASELINE.read_text(encoding="utf-8") == json.dumps(baseline, indent=2) + "\n"


@pytest.mark.req("REQ-BT3")
@pytest.mark.parametrize("value", [1.5, -0.004, 382.11, 1e-4, -7e6])
def test_1_9_percent_pass_and_2_1_percent_fail_in_both_directions(value: float) -> None:
    for factor in (1.019, 0.981, 1.0):
        assert deviations({"m": value}, {"m": value * factor}) == []
    for factor in (1.021, 0.979, -1.0):
        (found,) = deviations({"m": value}, {"m": value * factor})
        assert (found.name, found.baseline) == ("m", value)


@pytest.mark.req("REQ-BT3")
def test_a_figure_that_is_missing_fails_and_one_that_is_new_does_not() -> None:
    (found,) = deviations({"m": 1.0, "n": 2.0}, {"n": 2.0, "more": 5.0})

    assert (found.name, found.why) == ("m", "it is missing")


@pytest.mark.req("REQ-BT3")
def test_a_figure_of_nought_may_move_by_a_hair_only() -> None:
    assert deviations({"m": 0.0}, {"m": 1.9e-6}) == []
    assert [str(d) for d in deviations({"m": 0}, {"m": 1})] == ["m: 0 -> 1 (it was nought)"]


@pytest.mark.parametrize(
    ("before", "after"), [(None, 1.0), (1.0, None), (True, False), (1.0, math.nan), (1.0, math.inf)]
)
def test_what_is_no_longer_a_figure_fails(before: float | None, after: float | None) -> None:
    assert len(deviations({"m": before}, {"m": after})) == 1


@given(st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False, allow_infinity=False) | st.none()))
def test_nothing_deviates_from_itself(figures: dict[str, float | None]) -> None:
    assert deviations(figures, figures) == []
