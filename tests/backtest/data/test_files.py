"""Files of bars: what is read, what is refused with file, row, column and reason, what is cleaned."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from engine.backtest.data.files import joined, length_of, load_bars
from engine.backtest.data.problems import DataError, Dirt, DirtyFileError, Report
from engine.backtest.series import BarSeries
from tests.backtest.data.made import DAY_S, MINUTE_S, csv_file, daily, parquet_file, sessions

GOOD = (
    "2024-03-01T14:30:00Z,10,11,9,10.5,100",
    "2024-03-01T14:31:00Z,10.5,12,10,11,200",
    "2024-03-01T14:32:00Z,11,11,10,10,300",
)


def read(
    path: Path, *, seconds: int = MINUTE_S, clean: bool = False, expiry: str = ""
) -> tuple[BarSeries, Report]:
    return load_bars(
        path, key="SPY", seconds=seconds, calendar="C", sessions=sessions, clean=clean, expiry=expiry
    )


def ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[arg-type, misc]  # a date and a time


@pytest.mark.req("PLAN-M2-DATA-FILE", "PLAN-TEST-INT")
def test_a_bar_carries_its_start_in_the_file_and_its_end_in_the_series(tmp_path: Path) -> None:
    series, report = read(csv_file(tmp_path, *GOOD))

    assert series.end_ns.tolist() == [ns(2024, 3, 1, 14, minute) for minute in (31, 32, 33)]
    assert series.open.tolist() == [10, 10.5, 11]
    assert series.high.tolist() == [11, 12, 11]
    assert series.low.tolist() == [9, 10, 10]
    assert series.close.tolist() == [10.5, 11, 10]
    assert series.volume.tolist() == [100, 200, 300]
    assert (series.source, series.adjustment) == ("SPY.csv", "unadjusted")
    assert report.lines() == ("SPY.csv: 3 rows, clean",)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.timestamp("ns"), "text", "digits"])
def test_a_daily_bar_ends_at_the_close_of_its_session(tmp_path: Path, kind: object) -> None:
    days = [date(2024, 3, 1), date(2024, 3, 4)]
    if isinstance(kind, str):
        form = "%Y-%m-%d" if kind == "text" else "%Y%m%d"
        rows = [f"{day.strftime(form)},1,1,1,1,5" for day in days]
        path = csv_file(tmp_path, *rows, header="date,open,high,low,close,volume")
    else:
        prices = {name: [1.0, 1.0] for name in ("open", "high", "low", "close")}
        path = parquet_file(tmp_path, {"date": pa.array(days).cast(kind), **prices, "volume": [5, 5]})

    series, _ = read(path, seconds=DAY_S)

    assert series.end_ns.tolist() == [ns(2024, 3, 1, 21), ns(2024, 3, 4, 21)]


@pytest.mark.req("PLAN-M2-DATA-FILE")
@pytest.mark.parametrize(
    ("row", "column", "dirt"),
    [
        ("2024-03-01T14:33:00Z,10,11,9,ten,100", "close", Dirt.NOT_A_NUMBER),
        ("2024-03-01T14:33:00Z,10,11,9,,100", "close", Dirt.NO_PRICE),
        ("2024-03-01T14:33:00Z,NaN,11,9,10,100", "open", Dirt.NO_PRICE),
        ("2024-03-01T14:33:00Z,10,9,11,10,100", "high", Dirt.HIGH_BELOW_LOW),
        ("2024-03-01T14:33:00Z,12,11,9,10,100", "open", Dirt.OUTSIDE_RANGE),
        ("2024-03-01T14:33:00Z,10,11,9,8,100", "close", Dirt.OUTSIDE_RANGE),
        ("2024-03-01T14:33:00Z,10,11,9,10,-1", "volume", Dirt.NEGATIVE_VOLUME),
        ("2024-03-01T14:33:00Z,10,11,9,10,0.5", "volume", Dirt.PART_VOLUME),
        ("2024-03-01T14:33:00Z,10,11,9,10,", "volume", Dirt.NO_VOLUME),
        ("2024-03-01T14:33:00,10,11,9,10,100", "ts", Dirt.NAIVE_TIME),
        ("2024-03-01T09:33:00-05:00,10,11,9,10,100", "ts", Dirt.OTHER_ZONE),
        ("2024-13-01T14:33:00Z,10,11,9,10,100", "ts", Dirt.NOT_A_TIME),
        ("soon,10,11,9,10,100", "ts", Dirt.NOT_A_TIME),
        (",10,11,9,10,100", "ts", Dirt.NOT_A_TIME),
        ("2024-03-01T14:33:30Z,10,11,9,10,100", "ts", Dirt.OFF_GRID),
        ("2024-03-01T14:29:00Z,10,11,9,10,100", "ts", Dirt.OUT_OF_ORDER),
        (GOOD[1], "ts", Dirt.SAME_AGAIN),
        ("2024-03-01T14:31:00Z,10,11,9,10,100", "ts", Dirt.OTHER_VALUES),
    ],
)
def test_a_bad_row_is_refused_by_file_row_column_and_reason(
    tmp_path: Path, row: str, column: str, dirt: Dirt
) -> None:
    path = csv_file(tmp_path, *GOOD, row)

    with pytest.raises(DirtyFileError) as refused:
        read(path)

    (finding,) = refused.value.findings
    assert (finding.dirt, finding.column, finding.many) == (dirt, column, 1)
    assert finding.rows[0].startswith("line 5")
    assert str(refused.value).startswith("SPY.csv (4 rows) is not clean and was not used")
    assert dirt.value in str(refused.value)
    cleaned, report = read(path, clean=True)
    kept = 4 if dirt is Dirt.OUT_OF_ORDER else 3
    assert len(cleaned) == report.kept == kept
    assert report.findings == (finding,)
    assert bool((np.diff(cleaned.end_ns) > 0).all())


def test_of_two_rows_of_one_time_the_first_is_kept(tmp_path: Path) -> None:
    other = "2024-03-01T14:31:00Z,1,1,1,1,1"

    series, _ = read(csv_file(tmp_path, GOOD[0], GOOD[1], other, other, GOOD[2]), clean=True)

    assert series.close.tolist() == [10.5, 11, 10]


def test_a_date_without_a_session_or_with_a_time_of_day_is_no_daily_bar(tmp_path: Path) -> None:
    header = "date,open,high,low,close,volume"
    saturday = csv_file(tmp_path, "2024-03-02,1,1,1,1,1", header=header, name="a.csv")
    timed = csv_file(tmp_path, "2024-03-01 09:30,1,1,1,1,1", "2024-03-04,1,1,1,1,1", header=header)

    with pytest.raises(DirtyFileError, match=r"column date, 1 row: is of a day without a session: line 2"):
        read(saturday, seconds=DAY_S)
    with pytest.raises(DirtyFileError, match=r"column date, 1 row: has a date with a time of day"):
        read(timed, seconds=DAY_S)


@pytest.mark.req("PLAN-M2-DATA-FILE")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"close": None}, "SPY.parquet: column close is missing (row 1 names: ts, open"),
        ({"close": ["x", "y"]}, "SPY.parquet: column close is string (row 1: x), not a number"),
        (
            {"ts": pa.array([datetime(2024, 3, 1), datetime(2024, 3, 2)], pa.timestamp("ns"))},
            "SPY.parquet: column ts has times without a zone (row 1: 2024-03-01 00:00:00), not UTC",
        ),
        (
            {"ts": pa.array([0, 60_000_000_000], pa.timestamp("ns", "America/New_York"))},
            "SPY.parquet: column ts has times of America/New_York",
        ),
        ({"ts": [1, 2]}, "SPY.parquet: column ts is int64 (row 1: 1), not a timestamp in UTC"),
    ],
)
def test_a_column_of_a_wrong_kind_is_refused_whole(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    columns: dict[str, object] = {
        "ts": pa.array([0, 60_000_000_000], pa.timestamp("ns", "UTC")),
        **{name: [1.0, 1.0] for name in ("open", "high", "low", "close")},
        "volume": [1, 1],
    }
    columns = {name: value for name, value in (columns | change).items() if value is not None}

    with pytest.raises(DataError) as refused:
        read(parquet_file(tmp_path, columns), clean=True)

    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is missing"),
        ("ts,open,high,low,close,volume\n", "no row has a time"),
        ("ts,open,high,low,close,volume\n1,2\n", "cannot be read"),
        ("one,two\n1,2\n", "is missing"),
    ],
)
def test_a_file_that_is_no_table_of_bars_is_refused_with_its_name(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "SPY.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=r"SPY\.csv") as refused:
        read(path)

    assert said in str(refused.value)


def test_a_file_of_several_contracts_needs_the_one_that_is_meant(tmp_path: Path) -> None:
    path = parquet_file(
        tmp_path,
        {
            "ts": pa.array([0, 0, 60_000_000_000], pa.timestamp("ns", "UTC")),
            "expiry": ["202403", "202406", "202403"],
            **{name: [1.0, 2.0, 1.0] for name in ("open", "high", "low", "close")},
            "volume": [1, 1, 1],
        },
    )

    assert len(read(path, expiry="202403")[0]) == 2
    with pytest.raises(
        DataError, match="holds 2 contracts in turn: name one by expiry; there are 202403, 2024"
    ):
        read(path)
    with pytest.raises(DataError, match="has no expiry 202412"):
        read(path, expiry="202412")


def test_the_length_of_bars_is_told_by_their_spacing_and_one_of_another_length_is_refused(
    tmp_path: Path,
) -> None:
    hours = csv_file(tmp_path, *(f"2024-03-01T{hour:02}:00:00Z,1,1,1,1,1" for hour in range(12)))

    assert length_of(hours) == 3600
    with pytest.raises(DataError, match="3,600 s apart, asked for were bars of 60 s"):
        read(hours)
    with pytest.raises(DataError, match="bars within the day"):
        read(hours, seconds=DAY_S)


def test_files_of_one_instrument_are_joined_by_time_and_never_overlap() -> None:
    early = daily("SPY", [date(2024, 3, 1)], [1])
    late = daily("SPY", [date(2024, 3, 4), date(2024, 3, 5)], [2, 3])

    assert joined([late, early]).close.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="both have bars from 2024-03-05T21:00:00Z on"):
        joined([late, daily("SPY", [date(2024, 3, 5)], [9])])


def test_bars_are_read_without_loading_pandas(tmp_path: Path) -> None:
    """It takes longer to load than twenty years of daily bars take to read."""
    file = csv_file(tmp_path, *GOOD)
    parquet = parquet_file(
        tmp_path,
        {
            "ts": pa.array([0, 60_000_000_000], pa.timestamp("ns", "UTC")),
            **{name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")},
        },
    )
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from engine.backtest.data.factors import session_days\n"
        "from engine.backtest.data.files import load_bars\n"
        "from engine.backtest.data.sessions import SessionTable\n"
        "none = np.empty(0, dtype=np.int64)\n"
        "def sessions(name, first, last): return SessionTable(name, none, none, none)\n"
        "for name in sys.argv[1:]:\n"
        "    file, key = Path(name), 'SPY'\n"
        "    session_days(load_bars(file, key=key, seconds=60, calendar='C', sessions=sessions)[0])\n"
        "assert 'pandas' not in sys.modules, name\n"
    )

    subprocess.run([sys.executable, "-c", program, str(file), str(parquet)], check=True)
