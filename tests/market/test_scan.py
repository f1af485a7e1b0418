"""The scanner: levels from history, and files of them, read row by row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.market import Bar
from engine.domain.setup import Setup
from engine.market.scan import NoSetup, ScanInput, ScanRules, scan
from engine.market.scan_file import (
    ScanFileError,
    day_in_name,
    file_name,
    parse_scan_file,
    render_scan_file,
)
from tests.builders import stock

DAY = date(2026, 11, 20)
RULES = ScanRules()
CLOSE = datetime(2026, 10, 26, 20, tzinfo=UTC)


def daily(*ranges: tuple[float, float, float]) -> list[Bar]:
    """Daily bars from (high, low, close)."""
    return [
        Bar("SPY", CLOSE + timedelta(days=n), close, high, low, close, 1_000_000, 86_400)
        for n, (high, low, close) in enumerate(ranges)
    ]


QUIET = [(101.0, 99.0, 100.0)] * 15


def made(days: list[Bar], early: list[Bar] | None = None) -> Setup:
    found = scan(ScanInput(stock(), days, early or []), day=DAY, rules=RULES)
    assert isinstance(found, Setup)
    return found


def test_yesterdays_extremes_are_the_pivots_and_targets_are_parts_of_the_ordinary_range() -> None:
    setup = made(daily(*QUIET))

    assert (setup.resistance, setup.support) == (101.0, 99.0)
    assert setup.long_targets == (102.0, 103.0)
    assert setup.short_targets == (98.0, 97.0)
    assert setup.day == DAY


def test_the_nearest_level_ahead_of_the_price_is_the_pivot() -> None:
    days = daily(*QUIET[:-2], (103.0, 99.0, 100.0), (101.0, 99.0, 100.0))
    assert made(days).resistance == 101.0

    early = [Bar("SPY", days[-1].end + timedelta(hours=12), 101.5, 101.6, 101.4, 101.5, 10, 60)]
    assert made(days, early).resistance == 103.0


def test_levels_that_lie_together_are_one_at_its_far_end() -> None:
    days = daily(*QUIET[:-2], (101.15, 99.0, 100.0), (101.0, 99.0, 100.0))
    assert made(days).resistance == 101.15


def test_a_high_before_the_open_is_a_level() -> None:
    days = daily(*QUIET)
    early = [Bar("SPY", days[-1].end + timedelta(hours=12), 100.0, 100.5, 99.9, 100.0, 10, 60)]
    assert made(days, early).resistance == 100.5


def test_more_levels_that_agree_and_a_nearer_pivot_score_higher() -> None:
    lonely = daily(*[(105.0, 95.0, 100.0)] * 14, (102.0, 94.0, 100.0))
    agreed = daily(*[(102.0, 94.0, 100.0)] * 15)
    assert made(agreed).score > made(lonely).score


@pytest.mark.parametrize(
    ("days", "why"),
    [
        (daily(*QUIET[:5]), NoSetup.SHORT_HISTORY),
        (daily(*[(100.0, 100.0, 100.0)] * 15), NoSetup.NO_RANGE),
        (daily(*[(3.0, 0.1, 1.0)] * 14, (0.9, 0.01, 0.02)), NoSetup.NO_RANGE),
    ],
)
def test_what_has_no_levels_says_why(days: list[Bar], why: NoSetup) -> None:
    assert scan(ScanInput(stock(), days), day=DAY, rules=RULES) is why


prices = st.floats(1.0, 500.0)


@given(st.lists(st.tuples(prices, prices, prices), min_size=15, max_size=30))
def test_whatever_the_history_the_setup_is_in_order(rows: list[tuple[float, float, float]]) -> None:
    days = daily(*((max(row), min(row), sorted(row)[1]) for row in rows))
    found = scan(ScanInput(stock(), days), day=DAY, rules=RULES)
    if isinstance(found, NoSetup):
        return
    price = days[-1].close
    assert found.support < price < found.resistance or found.resistance - found.support <= 0.02
    assert 0 <= found.score <= 100
    for level in (found.resistance, found.support, *found.long_targets, *found.short_targets):
        assert round(level * 100) == pytest.approx(level * 100)


# --- files --------------------------------------------------------------------------------------

GOOD = {"symbol": "SPY", "resistance": 101.0, "support": 99.0, "targets": [102.0], "score": 50}


@pytest.mark.req("PS60-SCANNER")
def test_eight_setups_are_eight_rows() -> None:
    rows = [{**GOOD, "symbol": f"S{n}"} for n in range(8)]
    read = parse_scan_file(json.dumps({"date": "2026-11-20", "setups": rows}), name="f", day=DAY)
    assert len(read.setups) == 8
    assert read.bad == ()
    assert read.setups[0].long_targets == (102.0,)


@pytest.mark.req("PS60-SCANNER")
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**GOOD, "resistance": "101"}, "resistance"),
        ({**GOOD, "support": 102.0}, "support"),
        ({**GOOD, "targets": [100.0]}, "long_targets"),
        ({**GOOD, "resistance": float("nan")}, "resistance"),
        ({"symbol": "SPY"}, "resistance"),
        ("SPY", "object"),
        ({**GOOD, "score": 500.0}, "score"),
        (GOOD, "second row"),
    ],
)
def test_a_bad_row_is_named_and_the_others_count(row: object, said: str) -> None:
    text = json.dumps({"date": "2026-11-20", "setups": [GOOD, row, {**GOOD, "symbol": "QQQ"}]})
    read = parse_scan_file(text, name="f.json", day=DAY)

    assert [setup.key for setup in read.setups] == ["SPY", "QQQ"]
    (bad,) = read.bad
    assert bad.number == 2
    assert said in bad.text


@pytest.mark.req("PS60-SCANNER")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "setups"),
        (json.dumps({"date": "2026-11-19", "setups": []}), "2026-11-19"),
        (json.dumps({"setups": []}), "None"),
    ],
)
def test_a_file_of_no_use_says_why(text: str, said: str) -> None:
    with pytest.raises(ScanFileError, match=said):
        parse_scan_file(text, name="f.json", day=DAY)


def test_a_file_that_was_written_reads_back_the_same_best_first() -> None:
    first = made(daily(*QUIET))
    second = Setup(key="QQQ", day=DAY, resistance=2.0, support=1.0, score=99.0, source="scan")
    read = parse_scan_file(render_scan_file(DAY, (first, second)), name="scan", day=DAY)
    assert read.setups == (second, first)


def test_the_day_stands_in_the_name() -> None:
    assert day_in_name(Path("scanner") / file_name(DAY)) == DAY
    assert day_in_name(Path("scanner_results_20261399.json")) is None
    assert day_in_name(Path("notes.json")) is None
