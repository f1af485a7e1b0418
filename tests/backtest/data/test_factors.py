"""Splits and dividends: golden values by hand, the table's reader, and the word where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.data.factors import FactorFolder, adjusted, read_factors
from engine.backtest.data.problems import DataError
from tests.backtest.data.made import MINUTE_S, daily

DAYS = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11), date(2024, 3, 12)]


def table(folder: Path, *rows: str) -> Path:
    path = folder / "spy.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.req("PLAN-M2-CA")
def test_a_four_to_one_split_leaves_returns_as_they_were_and_volume_in_new_shares(tmp_path: Path) -> None:
    # The session of the 11th trades after the split: 400 becomes 100, and the day gains 2 %.
    raw = daily("SPY", DAYS, [396, 400, 102, 102], volume=1_000)

    series = adjusted(raw, read_factors(table(tmp_path, "20240308,1,0.25,400", "20501231,1,1,0")))

    assert series.close.tolist() == [99, 100, 102, 102]
    assert series.volume.tolist() == [4_000, 4_000, 1_000, 1_000]
    assert np.diff(series.close)[1] / series.close[1] == pytest.approx(0.02, abs=1e-12)
    assert series.adjustment == "adjusted for splits and dividends, the last of 2024-03-08"


@pytest.mark.req("PLAN-M2-CA")
def test_a_cash_dividend_lowers_what_came_before_and_leaves_volume(tmp_path: Path) -> None:
    # A dividend of 2 with ex-date the 11th: factor 1 - 2/100. The price falls by it; the return is 0.
    raw = daily("SPY", DAYS, [99, 100, 98, 98], volume=1_000)

    series = adjusted(raw, read_factors(table(tmp_path, "20240308,0.98,1,100", "20501231,1,1,0")))

    assert series.close.tolist() == pytest.approx([97.02, 98, 98, 98], abs=1e-12)
    assert series.open.tolist() == series.close.tolist()
    assert series.volume.tolist() == [1_000] * 4


def test_both_at_once_multiply_and_a_table_without_a_last_row_of_ones_ends_as_traded(tmp_path: Path) -> None:
    factors = read_factors(table(tmp_path, "20240307,0.49,0.5,1", "20240308,0.98,0.5,1"))

    series = adjusted(daily("SPY", DAYS, [100, 100, 100, 100]), factors)

    assert series.close.tolist() == pytest.approx([24.5, 49, 100, 100], abs=1e-12)


@pytest.mark.req("PLAN-M2-CA")
def test_without_factors_a_series_says_unadjusted() -> None:
    raw = daily("SPY", DAYS, [1, 2, 3, 4])

    assert adjusted(raw, None) is raw
    assert raw.adjustment == "unadjusted"


def test_bars_that_a_broker_has_adjusted_for_splits_get_dividends_alone(tmp_path: Path) -> None:
    factors = read_factors(table(tmp_path, "20240308,0.98,0.25,400"))

    series = adjusted(daily("SPY", DAYS, [100, 100, 98, 98]), factors, splits=False)

    assert series.close.tolist() == pytest.approx([98, 98, 98, 98], abs=1e-12)
    assert series.volume.tolist() == [1_000] * 4
    assert "splits by the broker" in series.adjustment


def test_a_minute_counts_to_the_new_york_date_on_which_it_begins(tmp_path: Path) -> None:
    # 2024-03-09 00:59 to 01:00 UTC is the evening of the 8th in New York; ten hours later it is the 9th.
    factors = read_factors(table(tmp_path, "20240308,1,0.5,1", "20501231,1,1,0"))
    ends = np.array([1709946000, 1709946000 + 36_000], dtype=np.int64) * 1_000_000_000
    minutes = replace(daily("SPY", DAYS[:2], [10, 10], seconds=MINUTE_S), end_ns=ends)

    assert adjusted(minutes, factors).close.tolist() == [5, 10]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2024-03-08,1,1,1", "spy.csv, line 2: '2024-03-08' is no date like 20240301"),
        ("20240308,zero,1,1", "spy.csv, line 2: the price factor 'zero' is no positive number"),
        ("20240308,1,0,1", "spy.csv, line 2: the split factor '0' is no positive number"),
        ("20240308,1", "spy.csv, line 2: 2 cells"),
        ("20240101,1,1,1", "spy.csv, line 2: date 20240101 is not after the line before it"),
    ],
)
def test_a_bad_line_of_a_table_is_refused_by_its_number(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError) as refused:
        read_factors(table(tmp_path, "20240201,1,1,1", row))

    assert str(refused.value).startswith(said)


def test_a_folder_of_tables_is_read_once_and_says_nothing_of_what_it_does_not_know(tmp_path: Path) -> None:
    path = table(tmp_path, "20240308,1,0.25,400")
    folder = FactorFolder(tmp_path)

    first = folder.factors("SPY")
    path.unlink()

    assert first is not None
    assert folder.factors("SPY") is first
    assert folder.factors("IWM") is None
