"""The bars of a backtest: found by symbol and length, adjusted, cut to the dates, each market apart."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.data.cache import BarCache, Columns
from engine.backtest.data.calendars import CalendarShelf
from engine.backtest.data.problems import DataError
from engine.backtest.data.universe import Room, bar_files, bar_seconds, cache_of
from engine.config import load
from engine.domain.instrument import SessionHours
from engine.market.sessions import Calendar, SessionDay
from tests.backtest.data.made import CLOSE, OPEN, csv_file, sessions

HEADER = "date,open,high,low,close,volume"
WEEK = [date(2024, 3, day) for day in (4, 5, 6, 7, 8)]


def prices(folder: Path, *closes: float, name: str = "SPY.csv", first: int = 0) -> None:
    rows = (f"{day},{c},{c},{c},{c},100" for day, c in zip(WEEK[first:], closes, strict=False))
    csv_file(folder, *rows, name=name, header=HEADER)


def broker_bars(folder: Path, *closes: float) -> BarCache:
    table = sessions("NYSE", WEEK[0], WEEK[-1])
    close = np.array(closes)
    columns = Columns(table.close_ns, close, close, close, close, np.full(5, 100))
    cache = BarCache(folder / "tws")
    cache.add("SPY", "SPY", 86_400, columns, tuple(table.spans()))
    return cache


@pytest.mark.req("PLAN-M2-CA")
def test_files_come_before_the_broker_and_are_adjusted_by_the_tables_beside_them(tmp_path: Path) -> None:
    prices(tmp_path, 400, 404, 102, 103, 104)
    (tmp_path / "factor_files").mkdir()
    (tmp_path / "factor_files" / "spy.csv").write_text("20240305,0.5,0.25,404\n")

    room = Room(tmp_path, tmp_path, sessions, cache=broker_bars(tmp_path, 1, 2, 3, 4, 5))
    as_traded = Room(tmp_path, tmp_path, sessions, is_adjusted=False)

    recorded = room.recorded("SPY", 86_400, WEEK[1], WEEK[3])
    assert recorded.series.close.tolist() == [50.5, 102, 103]
    assert recorded.series.volume.tolist() == [400, 100, 100]
    assert recorded.notes == ()
    assert as_traded.recorded("SPY", 86_400, None, None).series.adjustment == "unadjusted"


@pytest.mark.req("PLAN-M2-CA")
def test_bars_of_a_broker_get_dividends_alone_and_simulated_ones_nothing(tmp_path: Path) -> None:
    cache = broker_bars(tmp_path, 100, 100, 50, 50, 50)
    (tmp_path / "factor_files").mkdir()
    (tmp_path / "factor_files" / "spy.csv").write_text("20240305,0.5,0.25,100\n")

    real = Room(None, tmp_path, sessions, cache=cache).recorded("SPY", 86_400, None, None)
    plain = Room(None, None, sessions, cache=cache).recorded("SPY", 86_400, None, None)
    simulated = Room(None, tmp_path, sessions, cache=cache, is_simulated=True)

    assert real.series.close.tolist() == [50] * 5
    assert real.series.volume.tolist() == [100] * 5
    assert plain.series.adjustment == "splits adjusted by the broker, dividends unadjusted"
    assert simulated.recorded("SPY", 86_400, None, None).series.close.tolist() == [100, 100, 50, 50, 50]


def test_what_lacks_in_the_dates_that_were_asked_for_is_named(tmp_path: Path) -> None:
    prices(tmp_path, 1, 2, first=2)
    room = Room(tmp_path, None, sessions)

    recorded = room.recorded("SPY", 86_400, WEEK[0], WEEK[-1])

    assert recorded.notes == ("SPY: 3 sessions have no bar: 2024-03-04 to 2024-03-05, 2024-03-08; skipped",)
    with pytest.raises(
        DataError, match=r"SPY: no bars from 2025-01-01 to None; there are bars from 2024-03-06"
    ):
        room.recorded("SPY", 86_400, date(2025, 1, 1), None)
    with pytest.raises(
        DataError, match=r"IWM: no bars of 86,400 s are here\. Fetch them: `cockpit data fetch"
    ):
        room.recorded("IWM", 86_400, None, None)


def test_the_file_of_a_symbol_is_found_whole_or_in_parts_and_never_quotes(tmp_path: Path) -> None:
    for name in ("SPY_2024.csv", "SPY_2023.parquet", "SPY_2023_quote.parquet", "SPYG.csv", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "SPY.parquet").touch()

    assert [path.name for path in bar_files(tmp_path, "SPY", 60)] == ["SPY_2023.parquet", "SPY_2024.csv"]
    assert [path.name for path in bar_files(tmp_path, "SPY", 86_400)] == ["SPY.parquet"]
    (tmp_path / "SPY.csv").touch()
    assert [path.name for path in bar_files(tmp_path, "SPY", 60)] == ["SPY.csv"]
    assert bar_files(tmp_path, "ES@CME", 60) == []


def test_real_bars_and_those_of_each_simulated_market_never_meet(tmp_path: Path) -> None:
    def folder(**overrides: object) -> BarCache:
        keys = {name.replace("__", "."): value for name, value in overrides.items()}
        return cache_of(load(overrides={"state.dir": str(tmp_path), **keys}, environ={}, cwd=tmp_path))

    caches = [
        folder(broker__gateway="tws"),
        folder(broker__gateway="embedded", broker__seed=1),
        folder(broker__gateway="embedded", broker__seed=2),
        folder(broker__gateway="embedded", broker__tape=str(tmp_path / "monday")),
    ]
    for cache in caches:
        with cache.lock():
            pass

    assert len({path.parent for path in tmp_path.rglob(".lock")}) == 4


def test_lengths_are_named_as_people_write_them() -> None:
    assert [bar_seconds(name) for name in ("1d", "1D", "1m", "5s")] == [86_400, 86_400, 60, 5]
    with pytest.raises(DataError, match="'2h' is no length of bars: expected one of 1d, 1m, 5s"):
        bar_seconds("2h")


class TestTheShelfOfCalendars:
    @staticmethod
    def shelf(folder: Path, made: list[tuple[date, date]]) -> CalendarShelf:
        def make(names: tuple[str, ...], *, first: date, last: date) -> dict[str, Calendar]:
            made.append((first, last))
            hours = SessionHours(datetime.combine(WEEK[0], OPEN), datetime.combine(WEEK[0], CLOSE))
            return {names[0]: Calendar(names[0], [SessionDay(WEEK[0], (hours,))])}

        return CalendarShelf(folder, make)

    def test_a_calendar_is_made_once_in_whole_years_and_wider_where_more_is_asked(
        self, tmp_path: Path
    ) -> None:
        made: list[tuple[date, date]] = []
        year = (date(2024, 1, 1), date(2024, 12, 31))

        for _ in range(2):
            table = self.shelf(tmp_path, made).sessions("C M", WEEK[0], WEEK[1])
            assert table.day.tolist() == [19786]
            assert (table.close_ns - table.open_ns).tolist() == [6.5 * 3_600e9]
        assert made == [year]
        self.shelf(tmp_path, made).sessions("C M", date(2022, 5, 1), WEEK[1])
        assert made == [year, (date(2022, 1, 1), year[1])]

    @pytest.mark.parametrize("text", ["", "[]", '[99, "C", "2024-01-01", "2024-12-31", [], [], []]'])
    def test_one_that_cannot_be_read_is_made_again(self, tmp_path: Path, text: str) -> None:
        made: list[tuple[date, date]] = []
        (tmp_path / "C.json").write_text(text)

        self.shelf(tmp_path, made).sessions("C", WEEK[0], WEEK[1])

        assert len(made) == 1
