"""The best trial is the one with the highest figure, or with the lowest where less of it is better."""

from __future__ import annotations

import pytest

from engine.backtest.sweep.campaign import Row, best_of
from engine.backtest.sweep.choice import BETTER, Better, Choice, ChoiceError, choice_of
from engine.backtest.sweep.outcome import Outcome, metric_names
from engine.backtest.sweep.plan import WHOLE, Job


def row(name: str, **figures: float | None) -> Row:
    """A trial that ended with these figures."""
    return Row(Job(name, (), WHOLE, None), Outcome(name, figures={"fills": 2, **figures}))


ROWS = (row("a", max_drawdown=0.2, sharpe=1.0), row("b", max_drawdown=0.1, sharpe=0.5), row("c", sharpe=2.0))


def best(rows: tuple[Row, ...], text: str) -> str | None:
    """Name of the best trial."""
    found = best_of(rows, choice_of(text))
    return None if found is None else found.job.trial_id


def test_of_a_fall_the_smallest_is_the_best_and_of_a_ratio_the_highest() -> None:
    assert best(ROWS, "max_drawdown") == "b"
    assert best(ROWS, "sharpe") == "c"


def test_the_end_that_is_wanted_may_be_said() -> None:
    assert best(ROWS, "max_drawdown:highest") == "a"
    assert best(ROWS, "sharpe:lowest") == "b"
    assert choice_of("orders:lowest") == Choice("orders", Better.LOWEST)


def test_of_equals_the_first_is_the_best_and_where_nobody_has_the_figure_nobody_is() -> None:
    assert best((row("a", sharpe=1.0), row("b", sharpe=1.0)), "sharpe") == "a"
    assert best((row("a", max_drawdown=0.1), row("b", max_drawdown=0.1)), "max_drawdown") == "a"
    assert best((row("a", calmar=None),), "calmar") is None


def test_a_trial_that_did_nothing_has_not_the_smallest_fall() -> None:
    idle = row("idle", max_drawdown=0.0, fills=0)

    assert best((idle, *ROWS), "max_drawdown") == "b"
    assert best((idle,), "max_drawdown") is None


def test_losses_are_negative_so_that_the_highest_is_the_smallest() -> None:
    assert BETTER["trades_avg_loser"] is BETTER["trades_largest_loser"] is Better.HIGHEST


def test_every_figure_whose_better_end_is_known_is_one_that_trials_have() -> None:
    assert BETTER.keys() <= metric_names()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("luck", "known are bars, cagr"),
        ("sharpe:most", "expected sharpe:highest or sharpe:lowest"),
        ("orders", "neither end of it is the better one; say orders:highest or orders:lowest"),
    ],
)
def test_what_nothing_can_be_chosen_by_is_refused_and_what_can_be_is_named(text: str, said: str) -> None:
    with pytest.raises(ChoiceError, match=said):
        choice_of(text)
