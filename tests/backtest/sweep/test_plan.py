"""What a sweep tries, from what was asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from engine.backtest.series import NANOSECONDS
from engine.backtest.sweep.grid import GridError, axes_of
from engine.backtest.sweep.plan import WHOLE as ALL_OF_IT
from engine.backtest.sweep.plan import Part, combinations, folds, trading_days, trial_id
from tests.backtest.building import bars


def test_every_combination_is_tried_once_the_last_axis_fastest() -> None:
    tried = combinations({"a": [1, 2], "b": ["x", "y"]})

    assert tried == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert combinations({}) == [{}]


def test_axes_come_from_a_file_and_options_replace_them(tmp_path: Path) -> None:
    file = tmp_path / "grid.toml"
    file.write_text('[strategies.cross]\nfast = [5, 10]\nkind = "momentum"\n[risk]\nmax_positions = [1, 2]\n')

    axes = axes_of(["strategies.cross.fast=3, 4,5", "backtest.fills=intrabar,next_open"], file)

    assert axes == {
        "strategies.cross.params.fast": [3, 4, 5],
        "strategies.cross.kind": ["momentum"],
        "risk.max_positions": [1, 2],
        "backtest.fills": ["intrabar", "next_open"],
    }


@pytest.mark.parametrize("option", ["fast", "=5", "risk.max_positions=", "a.b=[5,", "a.b=5,,6"])
def test_an_option_that_says_nothing_is_named(option: str) -> None:
    with pytest.raises(GridError, match=r"expected|no value"):
        axes_of([option], None)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(GridError, match=r"nothing\.toml cannot be read"):
        axes_of([], tmp_path / "nothing.toml")


def test_a_walk_forward_tests_each_day_once_right_after_what_it_trained_on() -> None:
    found = folds(trading_days([bars(count=10), bars("QQQ", count=8)]), train_days=4, test_days=2)

    assert [(fold.train.part, fold.test.part) for fold in found] == [(Part.TRAIN, Part.TEST)] * 3
    for fold, following in pairwise(found):
        assert (fold.train.end_ns or 0) + 1 == fold.test.begin_ns
        assert (fold.test.end_ns or 0) + 1 == following.test.begin_ns
    # 2 March 2026, 0:00 in New York; the clocks change on the 8th.
    first_ns = int(datetime(2026, 3, 2, 5, tzinfo=UTC).timestamp()) * NANOSECONDS
    assert found[0].train.begin_ns == first_ns + 1
    assert found[2].test.end_ns == int(datetime(2026, 3, 12, 4, tzinfo=UTC).timestamp()) * NANOSECONDS


def test_a_walk_forward_without_days_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 8 trading days; there are 5"):
        folds(range(5), train_days=6, test_days=2)
    with pytest.raises(ValueError, match="is none"):
        folds(range(5), train_days=0, test_days=2)


def test_a_trial_has_another_name_where_anything_that_decides_it_differs() -> None:
    same = {"data": "d", "config": "c", "code": "1", "strategies": ("s",), "window": ALL_OF_IT}
    others = ({"data": "e"}, {"config": "e"}, {"code": "2"}, {"window": ALL_OF_IT._replace(end_ns=5)})

    names = {trial_id(**{**same, **other}) for other in ({}, *others)}  # type: ignore[arg-type]

    assert len(names) == 5
    assert trial_id(**same) == trial_id(**{**same, "window": ALL_OF_IT._replace(name="other")})  # type: ignore[arg-type]
