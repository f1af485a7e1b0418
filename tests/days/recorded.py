"""The recorded days: which files are the market of a day, and what was known of it before its open."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.domain.market import Bar
from engine.domain.setup import Setup
from engine.market.scan import NoSetup, ScanInput, ScanRules, scan
from tests.builders import stock

DATA = Path(os.environ.get("COCKPIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded data at {DATA}; set COCKPIT_DATA")
NEW_YORK = ZoneInfo("America/New_York")
OPEN, FLAT = time(9, 30), time(15, 56)
_DAYS = 20
"""Daily bars that a scan is given."""
_HALF_HOUR_S = 1800


class RecordedDay(NamedTuple):
    """One symbol on one day."""

    symbol: str
    day: date

    @property
    def name(self) -> str:
        """As in `IBM-20131007`."""
        return f"{self.symbol}-{self.day:%Y%m%d}"

    @property
    def files(self) -> tuple[str, str]:
        """Its quotes and its prints, below the data folder."""
        ticks = f"equities/tick/{self.symbol}_{self.day:%Y%m%d}"
        if self.symbol == "SPY":
            return "equities/second/SPY_20131007_20131009_quote.parquet", f"{ticks}_trade.parquet"
        return f"{ticks}_quote.parquet", f"{ticks}_trade.parquet"

    def at(self, clock: time) -> datetime:
        """An instant of it, New York time."""
        return datetime.combine(self.day, clock, NEW_YORK)


_FIRST = date(2013, 10, 7)
DAYS: dict[str, RecordedDay] = {
    one.name: one
    for symbol, count in (("AIG", 3), ("BAC", 3), ("IBM", 2), ("SPY", 3))
    for one in (RecordedDay(symbol, _FIRST + timedelta(days=n)) for n in range(count))
}


def named(name: str) -> RecordedDay:
    """The day of that name. Raises ValueError listing the days there are."""
    try:
        return DAYS[name]
    except KeyError:
        raise ValueError(f"{name!r} is no recorded day: expected one of {', '.join(DAYS)}") from None


def tape_of(one: RecordedDay, folder: Path, *, until: datetime | None = None) -> Path:
    """A folder in which the day's files lie by themselves, as a tape wants them; cut off at `until`."""
    folder.mkdir()
    for name in one.files:
        path = folder / Path(name).name
        if until is None:
            path.symlink_to(DATA / name)
        else:
            table = pq.read_table(DATA / name)
            pq.write_table(table.filter(pc.less(table.column("ts"), until.astimezone(UTC))), path)
    return folder


def setup_of(one: RecordedDay) -> Setup:
    """The levels that were known before the open: of the days before, and of the prints before the open."""
    days, early = tuple(_days_before(one)), tuple(_prints_as_bars(one, one.day, until=one.at(OPEN)))
    if days:
        given, rules = ScanInput(stock(one.symbol), days, early), ScanRules()
    else:
        given, rules = _by_half_hours(one, early)
    found = scan(given, day=one.day, rules=rules)
    assert not isinstance(found, NoSetup), f"{one.name}: {found}"
    return found


def _by_half_hours(one: RecordedDay, early: Sequence[Bar]) -> tuple[ScanInput, ScanRules]:
    """Where no daily bars are recorded, the half hours of the day before (else of the morning) stand in."""
    before = RecordedDay(one.symbol, one.day - timedelta(days=1))
    has_before = (DATA / before.files[1]).is_file()
    past = tuple(_prints_as_bars(before, before.day)) if has_before else tuple(early)
    known = past[-_DAYS:]
    # Half an hour reaches a quarter as far as a day: the targets lie four times as many ranges away.
    rules = ScanRules(range_days=len(known) - 1, level_days=len(known), first_target=2.0, second_target=4.0)
    return ScanInput(stock(one.symbol), known, early if has_before else ()), rules


def _days_before(one: RecordedDay) -> Iterator[Bar]:
    path = DATA / f"equities/daily/{one.symbol}.parquet"
    if not path.is_file():
        return
    table = pq.read_table(path)
    day = datetime.combine(one.day, time(0))
    before = table.filter(pc.less(table.column("date"), day)).sort_by("date")
    for row in before.slice(max(0, before.num_rows - _DAYS)).to_pylist():
        end = row["date"].replace(tzinfo=UTC) + timedelta(days=1)
        prices = (row["open"], row["high"], row["low"], row["close"])
        yield Bar(one.symbol, end, *prices, row["volume"], 86_400)


def _prints_as_bars(one: RecordedDay, day: date, *, until: datetime | None = None) -> Iterator[Bar]:
    """Half hours of a day's prints, without those in which nothing traded."""
    table = pq.read_table(DATA / one.files[1], columns=["ts", "price", "size"])
    if until is not None:
        table = table.filter(pc.less(table.column("ts"), until.astimezone(UTC)))
    found: dict[float, list[tuple[float, int]]] = {}
    for at, price, size in zip(*(table.column(n).to_pylist() for n in ("ts", "price", "size")), strict=True):
        found.setdefault(at.timestamp() // _HALF_HOUR_S, []).append((price, size))
    for slot, prints in sorted(found.items()):
        end = datetime.fromtimestamp((slot + 1) * _HALF_HOUR_S, UTC)
        assert end.astimezone(NEW_YORK).date() == day
        prices = [price for price, _ in prints]
        volume = sum(size for _, size in prints)
        edges = (prices[0], max(prices), min(prices), prices[-1])
        yield Bar(one.symbol, end, *edges, volume, _HALF_HOUR_S)
