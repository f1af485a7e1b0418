"""A future as one series: rolled when volume has moved on, with no look ahead and no gain by the roll."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.data.cache import BarCache
from engine.backtest.data.fetch import columns_of
from engine.backtest.data.problems import DataError
from engine.backtest.data.rolls import Contract, rolled
from engine.backtest.data.universe import Room
from engine.backtest.series import BarSeries
from tests.backtest.data.made import csv_file, daily, sessions
from tests.backtest.data.test_fetch import bar

WEEK = [date(2024, 3, day) for day in (4, 5, 6, 7, 8)]
TABLE = sessions("C", WEEK[0], WEEK[-1])


def contract(expiry: str, closes: list[float], volumes: list[int], first: int = 0) -> Contract:
    days = WEEK[first : first + len(closes)]
    series = daily("ES@CME", days, closes)
    return Contract(
        expiry,
        BarSeries(
            "ES@CME",
            series.seconds,
            series.end_ns,
            series.open,
            series.high,
            series.low,
            series.close,
            np.array(volumes, dtype=np.int64),
            source=expiry,
        ),
    )


MARCH = contract("202403", [100, 101, 102, 103, 104], [90, 80, 20, 10, 5])
JUNE = contract("202406", [110, 111, 113, 114, 116], [10, 20, 80, 90, 95])


def test_a_session_uses_what_traded_most_in_the_one_before_and_prices_are_shifted_by_the_difference() -> None:
    series, notes = rolled("ES@CME", [JUNE, MARCH], TABLE)

    # The 6th is the first day on which June trades more, so the 7th is its first session: 113 - 102 = +11.
    assert series.close.tolist() == [111, 112, 113, 114, 116]
    assert series.volume.tolist() == [90, 80, 20, 90, 95]
    assert notes == ("ES@CME: rolled from 202403 to 202406 with the session of 2024-03-07 (difference +11)",)
    assert series.adjustment == "rolled by volume (202403, 202406), older contracts shifted"


def test_nothing_that_comes_later_changes_which_contract_is_used() -> None:
    """The shift is the same for all bars before a roll, so their differences tell who was used."""
    whole, _ = rolled("ES@CME", [MARCH, JUNE], TABLE)
    for days in range(2, 6):
        cut = [
            contract("202403", MARCH.series.close[:days].tolist(), MARCH.series.volume[:days].tolist()),
            contract("202406", JUNE.series.close[:days].tolist(), JUNE.series.volume[:days].tolist()),
        ]
        part, _ = rolled("ES@CME", cut, TABLE)
        assert part.volume.tolist() == whole.volume[:days].tolist()
        assert np.diff(part.close).tolist() == np.diff(whole.close[:days]).tolist()


def test_an_earlier_contract_is_never_used_again_and_one_that_ended_is_left() -> None:
    back = contract("202403", [100, 101, 102], [90, 10, 900])
    on = contract("202406", [110, 111, 112, 113, 114], [10, 90, 10, 10, 10])

    series, notes = rolled("ES@CME", [back, on], TABLE)

    assert series.volume.tolist() == [90, 10, 10, 10, 10]
    assert len(notes) == 1


def test_a_roll_without_a_price_of_both_says_that_the_jump_stays() -> None:
    late = contract("202406", [113, 114], [80, 90], first=3)

    series, notes = rolled("ES@CME", [contract("202403", [100, 101, 102], [9, 9, 9]), late], TABLE)

    assert series.close.tolist() == [100, 101, 102, 113, 114]
    assert "no price of both on the day before, so the jump stays" in notes[0]
    with pytest.raises(DataError, match="no bar of it lies inside a session"):
        rolled("ES@CME", [late], sessions("C", date(2025, 1, 1), date(2025, 2, 1)))


def test_a_file_of_several_contracts_and_fetched_ones_become_one_series(tmp_path: Path) -> None:
    rows = [
        f"{day},{one.expiry},{close},{close},{close},{close},{volume}"
        for one in (MARCH, JUNE)
        for day, close, volume in zip(WEEK, one.series.close, one.series.volume, strict=True)
    ]
    csv_file(tmp_path, *rows, name="ES.csv", header="date,expiry,open,high,low,close,volume")
    cache = BarCache(tmp_path / "tws")
    spans = tuple(TABLE.spans())
    for key, expiry in (("ESM4", "20240621"), ("ESH4", "20240315")):
        bars = [bar(key, day, 86_400) for day in map(_midnight_after, WEEK)]
        cache.add("ES@CME", key, 86_400, columns_of(bars, spans, 86_400), spans, expiry=expiry)

    of_file = Room(tmp_path, None, sessions).recorded("ES@CME", 86_400, None, None)
    fetched = Room(None, None, sessions, cache=cache).recorded("ES@CME", 86_400, WEEK[1], WEEK[3])

    assert of_file.series.close.tolist() == [111, 112, 113, 114, 116]
    assert (of_file.series.key, len(of_file.notes)) == ("ES@CME", 1)
    assert fetched.series.adjustment == "one contract (20240315 ESH4)"
    assert fetched.series.close.tolist() == [105, 106, 107]


def _midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
