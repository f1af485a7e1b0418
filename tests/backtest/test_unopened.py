"""A run that opens nothing says why: who refused, how often, and by how much the nearest miss failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.run_page import run_page
from engine.backtest.unopened import table_of, why_nothing_opened
from engine.config import Config
from engine.domain.instrument import SecType
from engine.domain.order import Side
from engine.runtime.limits import limits_of
from tests.backtest.running import Scripted, flat, instrument, play, series, setting
from tests.backtest.test_run_directory import written

ES = "ES@CME"


def es_with_the_shipped_caps(**changes: Any) -> RunResult:
    """Three entries into a future of 275,000 USD, by the limits that ship and the default account."""
    script = {(ES, n): ("enter", Side.BUY, 5450.0) for n in (60, 61, 62)}
    strategy = Scripted("s", keys=(ES,), script=script)
    shipped = limits_of(Config())
    config = setting(strategy, limits=shipped, **changes)
    contract = instrument(ES, sec_type=SecType.FUTURE, multiplier=50.0, min_tick=0.25)
    return run_backtest(config, [series(flat(5500.0, 70), ES)], {ES: contract})


def test_a_future_whose_margin_is_above_the_cap_of_a_position_opens_nothing_and_the_run_says_so() -> None:
    found = es_with_the_shipped_caps(initial_cash_usd=100_000)

    rows = why_nothing_opened(found)

    assert [(row.code, row.times) for row in rows] == [("max_position_size", 3)]
    # One contract ties up 8 % of 50 x 5,500; a position may have 5 % of 100,000.
    assert rows[0].value == pytest.approx(22_000.0)
    assert rows[0].limit == pytest.approx(5_000.0)
    head, line = table_of(found)
    assert head == "nothing was opened; why:"
    assert (
        "max_position_size  3 x  nearest: ES@CME: size of the position would be 22,000.00 of 5,000.00" in line
    )


def test_the_nearest_of_all_refusals_is_the_one_that_is_told() -> None:
    found = es_with_the_shipped_caps(initial_cash_usd=100_000)
    near = found.decisions[0]._replace(value=5_100.0, text="by a hair")

    rows = why_nothing_opened(replace(found, decisions=(*found.decisions[1:], near)))

    assert rows[0].times == 3
    assert rows[0].text == "by a hair"


def test_a_run_that_opened_something_has_no_such_table() -> None:
    found = play({0: ("enter", Side.BUY, 90.0)}, flat(100.0, 4))

    assert why_nothing_opened(found) == ()
    assert table_of(found) == ()


def test_a_run_without_a_wish_says_that_there_was_none() -> None:
    assert table_of(play({}, flat(100.0, 4))) == ("nothing was opened: no strategy proposed an entry",)


def test_an_entry_that_never_filled_is_told_apart_from_none_at_all() -> None:
    found = play({3: ("enter", Side.BUY, 90.0)}, flat(100.0, 4))

    assert table_of(found) == ("nothing was opened: no entry that was sent filled",)


def test_the_page_has_the_table(tmp_path: Path) -> None:
    found = es_with_the_shipped_caps(initial_cash_usd=100_000)

    page = run_page(written(tmp_path, found))

    assert "Why nothing was opened" in page
    assert "22,000.00" in page
    assert "Not modelled: spreads and depth, halts and price limits" in page
