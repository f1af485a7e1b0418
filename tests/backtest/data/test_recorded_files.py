"""The loaders on recorded bars: a split is an ordinary day, a crash stays one, dirt is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.data.calendars import CalendarShelf
from engine.backtest.data.factors import session_days
from engine.backtest.data.files import load_bars
from engine.backtest.data.problems import Dirt, DirtyFileError
from engine.backtest.data.sessions import day_number
from engine.backtest.data.universe import Recorded, Room
from engine.market.calendar_source import make_calendars
from tests.days.recorded import DATA, needs_data

pytestmark = needs_data
EQUITIES = DATA / "equities"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Files and tables of the recorded equities; the calendar is made once."""
    shelf = CalendarShelf(tmp_path_factory.mktemp("calendars"), make_calendars)
    shelf.sessions("NYSE", date(1997, 12, 1), date(2022, 1, 1))
    return Room(EQUITIES, EQUITIES, shelf.sessions)


def day_return(recorded: Recorded, day: date) -> float:
    series = recorded.series
    row = int(np.searchsorted(session_days(series), day_number(day)))
    return float(series.close[row] / series.close[row - 1] - 1)


@pytest.mark.req("PLAN-M2-CA")
@pytest.mark.parametrize(
    ("symbol", "day", "expected"),
    [
        ("IWM", date(2005, 6, 9), 0.012),
        ("QQQ", date(2000, 3, 20), -0.037),
        ("AAPL", date(2014, 6, 9), 0.016),
        ("AAPL", date(2020, 8, 31), 0.034),
        ("BAC", date(2004, 8, 30), 0.002),
        ("IBM", date(1999, 5, 27), -0.014),
        ("AAPL", date(2000, 9, 29), -0.517),
    ],
)
def test_a_split_day_has_an_ordinary_return_and_a_crash_is_not_corrected(
    room: Room, symbol: str, day: date, expected: float
) -> None:
    assert day_return(room.recorded(symbol, 86_400, None, None), day) == pytest.approx(expected, abs=1e-3)


@pytest.mark.req("PLAN-M2-CA")
def test_the_holes_of_changed_symbols_are_named(room: Room) -> None:
    qqq, bac = (room.recorded(symbol, 86_400, None, None) for symbol in ("QQQ", "BAC"))

    assert any("2004-12-01 to 2011-03-22 it traded as QQQQ" in note for note in qqq.notes)
    assert qqq.gaps.missing == ((date(2004, 12, 1), date(2011, 3, 22)),)
    assert any("188 bars" in note and "another company" in note for note in bac.notes)
    assert int(session_days(bac.series)[0]) == day_number(date(1998, 10, 1))


@pytest.mark.req("PLAN-M2-DATA-FILE")
def test_the_dirty_file_is_refused_with_counts_and_first_rows_and_cleaned_on_request(room: Room) -> None:
    path = EQUITIES / "etf_1m" / "yahoo_SPY_DIRTY_20191213_20200116.parquet"

    def read(path: Path, *, clean: bool) -> int:
        asked = {"key": "SPY", "seconds": 60, "calendar": "NYSE"}
        series, report = load_bars(path, sessions=room.sessions, clean=clean, **asked)  # type: ignore[arg-type]  # names and types are those above
        assert report.kept == len(series)
        return len(series)

    with pytest.raises(DirtyFileError) as refused:
        read(path, clean=False)

    found = {(one.dirt, one.column): one for one in refused.value.findings}
    assert found[Dirt.NO_PRICE, "close"].many == 1
    assert found[Dirt.NO_PRICE, "close"].rows == ("row 1,939 (2019-12-20T14:30:00Z)",)
    repeats = found[Dirt.SAME_AGAIN, "ts"].many + found[Dirt.OTHER_VALUES, "ts"].many
    assert repeats + 1 == 5_075
    assert "row 7,584 (2020-01-14T16:01:00Z)" in str(refused.value)
    assert read(path, clean=True) == 13_435 - 5_074 - 1


@pytest.mark.parametrize(("symbol", "seconds"), [("SPY", 60), ("AAPL", 60), ("SPY", 5), ("IBM", 5)])
def test_bars_within_the_day_are_read_from_the_folder_of_their_length(
    room: Room, symbol: str, seconds: int
) -> None:
    recorded = room.recorded(symbol, seconds, None, None)

    assert recorded.series.seconds == seconds
    assert recorded.gaps.missing == ()
    assert len(recorded.series) > 2_000
