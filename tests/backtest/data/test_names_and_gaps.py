"""Changed symbols leave a named hole, missing bars are counted against the calendar; nothing is filled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.data.gaps import find_gaps
from engine.backtest.data.names import read_names, renamed
from engine.backtest.data.problems import DataError
from engine.backtest.series import BarSeries
from tests.backtest.data.made import MINUTE_S, daily, sessions

WEEK = [date(2024, 3, day) for day in (4, 5, 6, 7, 8)]


def names(folder: Path, *rows: str) -> Path:
    (folder / "qqq.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.req("PLAN-M2-CA")
def test_bars_under_an_old_symbol_are_joined_and_a_missing_stretch_is_named(tmp_path: Path) -> None:
    known = read_names(names(tmp_path, "20240304,qqq,Q", "20240306,qqqq,Q", "20501231,qqq,Q"), "QQQ")
    today = daily("QQQ", [WEEK[0], *WEEK[3:]], [1, 4, 5])

    without, notes = renamed(today, known, lambda _ticker: None)
    whole, quiet = renamed(today, known, {"QQQQ": daily("QQQQ", WEEK[1:3], [2, 3])}.get)

    assert without.close.tolist() == [1, 4, 5]
    (note,) = notes
    assert note.startswith("QQQ: from 2024-03-05 to 2024-03-06 it traded as QQQQ, which has no file of bars")
    assert (whole.key, whole.close.tolist(), quiet) == ("QQQ", [1, 2, 3, 4, 5], ())


@pytest.mark.req("PLAN-M2-CA")
def test_prices_of_another_company_that_had_the_symbol_before_are_left_out(tmp_path: Path) -> None:
    known = read_names(names(tmp_path, "20240305,nb,N", "20501231,qqq,Q"), "QQQ")

    series, notes = renamed(daily("QQQ", WEEK, [90, 91, 1, 2, 3]), known, lambda _ticker: None)

    assert series.close.tolist() == [1, 2, 3]
    assert "2 bars from 2024-03-04 to 2024-03-05 are of another company" in notes[-1]


def test_without_a_table_of_symbols_bars_stay_as_they_are_and_a_bad_table_is_refused(tmp_path: Path) -> None:
    series = daily("QQQ", WEEK, [1, 2, 3, 4, 5])

    assert renamed(series, read_names(tmp_path, "QQQ"), lambda _ticker: None) == (series, ())
    with pytest.raises(DataError, match=r"qqq.csv, line 2: '2024' is no date"):
        read_names(names(tmp_path, "20240304,qqq,Q", "2024,qqqq,Q"), "QQQ")
    with pytest.raises(DataError, match=r"qqq.csv, line 1: expected last date, ticker"):
        read_names(names(tmp_path, "20240304"), "QQQ")


def test_missing_sessions_are_named_in_stretches_and_holidays_are_not_missed() -> None:
    table = sessions("C", date(2024, 3, 1), date(2024, 3, 31), without=[WEEK[4]])
    series = daily("SPY", [WEEK[0], WEEK[3], date(2024, 3, 12)], [1, 2, 3])

    gaps = find_gaps(series, table)

    assert gaps.missing == ((WEEK[1], WEEK[2]), (date(2024, 3, 11), date(2024, 3, 11)))
    assert gaps.sessions == 3
    assert gaps.lines() == ("SPY: 3 sessions have no bar: 2024-03-05 to 2024-03-06, 2024-03-11; skipped",)
    assert find_gaps(daily("SPY", WEEK[:4], [1, 2, 3, 4]), table).lines() == ()


def test_what_lacks_at_both_ends_is_named_where_the_dates_were_asked_for() -> None:
    table = sessions("C", date(2024, 3, 1), date(2024, 3, 31))

    gaps = find_gaps(daily("SPY", WEEK[1:4], [1, 2, 3]), table, first=WEEK[0], last=WEEK[4])

    assert gaps.missing == ((WEEK[0], WEEK[0]), (WEEK[4], WEEK[4]))


def test_missing_minutes_are_counted_in_the_regular_session_only() -> None:
    opens = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
    minutes = [n for n in range(-30, 390) if n not in {5, 6, 389}]
    ends = [int((opens + timedelta(minutes=n + 1)).timestamp()) * 1_000_000_000 for n in minutes]
    ones = np.ones(len(ends))
    series = BarSeries(
        "SPY", MINUTE_S, np.array(ends), ones, ones, ones, ones, ones.astype(np.int64), source="made"
    )

    gaps = find_gaps(series, sessions("C", date(2024, 3, 1), date(2024, 3, 31)))

    assert gaps.missing == ()
    assert [(one.day, one.missing, one.expected) for one in gaps.short] == [(WEEK[0], 3, 390)]
    assert gaps.lines() == (
        "SPY: 3 bars are missing inside 1 sessions, most on 2024-03-04 (3 of 390); skipped",
    )
