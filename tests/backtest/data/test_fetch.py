"""The cache fills from a broker that counts: paced, resumed, and never asked twice for anything."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.backtest.data.cache import BarCache, CacheBusyError
from engine.backtest.data.fetch import Fetcher, Progress, Wanted, columns_of
from engine.backtest.data.problems import DataError
from engine.broker.port import Fetched
from engine.domain.instrument import Instrument
from engine.domain.market import Bar
from tests.backtest.data.made import sessions
from tests.builders import stock
from tests.virtual_time import virtual

SPY = stock("SPY")
FIRST, LAST = date(2024, 3, 4), date(2024, 3, 15)
DAY = timedelta(days=1)


class CountingBroker:
    """Answers every question with the bars of the weekdays' sessions (of seconds one each), and counts."""

    def __init__(self, *, fails_at: int = -1) -> None:
        self.asked: list[tuple[float, datetime, datetime, int, str]] = []
        self._fails_at = fails_at

    async def history_between(
        self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
    ) -> Fetched[tuple[Bar, ...]]:
        """As the port says; the gateway's own refusals of badly paced questions included."""
        now_s = asyncio.get_running_loop().time()
        if len(self.asked) >= self._fails_at >= 0:
            return Fetched(None, "the line was lost")
        self._refuse_bad_pacing(now_s, start, end, seconds, span)
        self.asked.append((now_s, start, end, seconds, span))
        return Fetched(tuple(made_bars(instrument.key, start, end, seconds)))

    def _refuse_bad_pacing(self, now_s: float, *question: object) -> None:
        recent = [one for one in self.asked if now_s - one[0] < 600]
        assert len(recent) < 60, "61 requests within 10 minutes"
        same = [one for one in recent if one[1:] == question and now_s - one[0] < 15]
        assert not same, "the same request again within 15 s"


def made_bars(key: str, start: datetime, end: datetime, seconds: int) -> list[Bar]:
    step = timedelta(seconds=seconds)
    if seconds == 86_400:
        days = (start + n * DAY for n in range((end - start).days))
        return [bar(key, day + DAY, seconds) for day in days if day.weekday() < 5]
    made = []
    while start < end:
        start += step
        table = sessions("C", start.date(), start.date())
        close = int(start.timestamp()) * 1_000_000_000
        if len(table) and table.open_ns[0] < close <= table.close_ns[0]:
            made.append(bar(key, start, seconds))
            if seconds < 60:
                break
    return made


def bar(key: str, end: datetime, seconds: int) -> Bar:
    price = 100 + (end - timedelta(seconds=1)).day
    return Bar(key, end, price, price + 1, price - 1, price, 10, seconds, price, 1)


def wanted(first: date = FIRST, last: date = LAST) -> list[Wanted]:
    return [Wanted("SPY", SPY, sessions("C", first, last))]


async def fetch(
    cache: BarCache, broker: CountingBroker, seconds: int, work: list[Wanted] | None = None
) -> list[Progress]:
    told: list[Progress] = []
    clock = asyncio.get_running_loop().time
    fetcher = Fetcher(broker, cache, clock=clock, tell=told.append)
    await fetcher.fetch(wanted() if work is None else work, seconds)
    return told


@pytest.mark.req("PLAN-M2-DATA-IB")
@virtual
async def test_a_second_run_asks_nothing_and_a_wider_one_only_for_what_lacks(tmp_path: Path) -> None:
    cache, broker = BarCache(tmp_path), CountingBroker()

    await fetch(cache, broker, 86_400, wanted(date(2024, 3, 6), date(2024, 3, 8)))
    await fetch(cache, broker, 86_400, wanted(date(2024, 3, 6), date(2024, 3, 8)))
    first = list(broker.asked)
    await fetch(cache, broker, 86_400)

    assert len(first) == 1
    assert [(one[1].day, one[2].day) for one in broker.asked[1:]] == [(4, 6), (11, 16)]
    series = cache.read("SPY", "SPY", 86_400)
    assert series is not None
    assert series.end_ns.tolist() == sessions("C", FIRST, LAST).close_ns.tolist()
    assert series.close.tolist() == [100 + day for day in (4, 5, 6, 7, 8, 11, 12, 13, 14, 15)]


@pytest.mark.req("PLAN-M2-DATA-IB")
@virtual
async def test_many_requests_keep_to_the_brokers_pacing_and_the_wait_is_told(tmp_path: Path) -> None:
    cache, broker = BarCache(tmp_path), CountingBroker()

    told = await fetch(cache, broker, 5)

    assert len(broker.asked) == 10 * 7
    assert broker.asked[-1][0] - broker.asked[0][0] >= 600
    assert any(one.wait_s > 500 for one in told)
    assert (told[-1].done, told[-1].total, told[-1].bars) == (70, 70, 70)
    assert sorted(path.name for path in tmp_path.rglob("*.parquet")) == ["2024-03.parquet"]


@pytest.mark.req("PLAN-M2-DATA-IB")
@virtual
async def test_a_fetch_that_broke_off_keeps_what_it_had_and_goes_on_there(tmp_path: Path) -> None:
    cache, broken, whole = BarCache(tmp_path), CountingBroker(fails_at=1), CountingBroker()

    with pytest.raises(
        DataError, match=r"the line was lost\. 1 of 2 requests were answered, and kept"
    ) as told:
        await fetch(cache, broken, 60)
    await fetch(cache, whole, 60)

    assert "SPY: no bars came from 2024-03-11 to 2024-03-15" in str(told.value)
    assert [(one[1].day, one[2].day) for one in (*broken.asked, *whole.asked)] == [(4, 8), (11, 15)]
    series = cache.read("SPY", "SPY", 60)
    assert series is not None
    assert len(series) == 10 * 390
    assert bool((np.diff(series.end_ns) > 0).all())


@virtual
async def test_what_crosses_a_month_lies_in_a_file_of_each(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    days = sessions("C", date(2024, 2, 29), date(2024, 3, 1))
    bars = [bar("SPY", datetime(2024, *day, 15, tzinfo=UTC), 5) for day in ((2, 29), (3, 1))]

    cache.add("SPY", "SPY", 5, columns_of(bars, tuple(days.spans()), 5), tuple(days.spans()))

    assert sorted(path.stem for path in tmp_path.rglob("*.parquet")) == ["2024-02", "2024-03"]
    series = cache.read("SPY", "SPY", 5)
    assert series is not None
    assert series.close.tolist() == [129, 101]
    assert cache.held("SPY", "SPY", 5) == tuple(days.spans())


@virtual
async def test_bars_outside_of_what_was_asked_for_are_not_kept(tmp_path: Path) -> None:
    class Generous(CountingBroker):
        async def history_between(
            self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
        ) -> Fetched[tuple[Bar, ...]]:
            wide = (start - 3 * DAY, end + 3 * DAY)
            return Fetched(tuple(made_bars(instrument.key, *wide, seconds)))

    cache = BarCache(tmp_path)
    await fetch(cache, Generous(), 86_400, wanted(date(2024, 3, 6), date(2024, 3, 7)))

    series = cache.read("SPY", "SPY", 86_400)
    assert series is not None
    assert series.close.tolist() == [106, 107]


@virtual
async def test_a_stretch_without_bars_is_known_to_have_none_and_not_asked_again(tmp_path: Path) -> None:
    class Empty(CountingBroker):
        async def history_between(
            self, instrument: Instrument, *, start: datetime, end: datetime, seconds: int, span: str
        ) -> Fetched[tuple[Bar, ...]]:
            self.asked.append((0.0, start, end, seconds, span))
            return Fetched(())

    cache, broker = BarCache(tmp_path), Empty()
    await fetch(cache, broker, 86_400)
    await fetch(cache, broker, 86_400)

    assert len(broker.asked) == 1
    assert cache.read("SPY", "SPY", 86_400) is None


@virtual
async def test_the_contracts_of_a_future_are_kept_apart(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    for key in ("ESH4", "ESM4"):
        contract = stock(key)
        await fetch(cache, CountingBroker(), 86_400, [Wanted("ES@CME", contract, wanted()[0].sessions)])

    assert cache.keys("ES@CME", 86_400) == ("ESH4", "ESM4")
    assert cache.keys("ES@CME", 60) == ()


def test_a_second_writer_is_sent_away_with_a_sentence(tmp_path: Path) -> None:
    sent_away = pytest.raises(CacheBusyError, match="another `cockpit data fetch`")
    with BarCache(tmp_path).lock(), sent_away, BarCache(tmp_path).lock():
        raise AssertionError("two writers")
    with BarCache(tmp_path).lock():
        assert BarCache(tmp_path).read("SPY", "SPY", 60) is None


@virtual
async def test_a_damaged_file_and_one_of_another_version_are_named(tmp_path: Path) -> None:
    cache = BarCache(tmp_path)
    await fetch(cache, CountingBroker(), 86_400)
    (path,) = tmp_path.rglob("*.parquet")
    table = pq.read_table(path)
    told = table.schema.metadata[b"cockpit.bars"].replace(b'"version": 1', b'"version": 99')
    pq.write_table(table.replace_schema_metadata({b"cockpit.bars": told}), path)

    with pytest.raises(DataError, match=r"its version is 99, this program knows 1.*Remove it"):
        cache.read("SPY", "SPY", 86_400)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"all\.parquet: this file of the cache cannot be read"):
        cache.held("SPY", "SPY", 86_400)


def test_the_time_of_a_bar_is_utc_in_the_file(tmp_path: Path) -> None:
    asyncio.run(fetch(BarCache(tmp_path), CountingBroker(), 86_400))

    (path,) = tmp_path.rglob("*.parquet")
    assert pq.read_table(path).column("end")[0].as_py() == datetime(2024, 3, 4, 21, tzinfo=UTC)
    assert path.stat().st_mode & 0o077 == 0
