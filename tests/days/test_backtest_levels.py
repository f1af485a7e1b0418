"""The pivot trader in a backtest of recorded 5-second bars, with levels from daily bars before the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.backtest.engine import run_backtest
from engine.backtest.result import RunResult
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.domain.instrument import SessionHours
from engine.domain.market import utc
from engine.runtime import catalogue
from engine.runtime.shell.backtest_setting import backtest_config, strategy_run
from tests.builders import stock
from tests.days.golden import OVERRIDES, STRATEGY, path_of
from tests.days.lockstep import loaded
from tests.days.recorded import DATA, NEW_YORK, OPEN, RecordedDay, named, needs_data

pytestmark = needs_data

DAY = named("BAC-20131008")


def columns(path: Path, time: str, shift_s: int, key: str, seconds: int) -> BarSeries:
    """A recorded file as a series; its times are beginnings."""
    table = pq.read_table(path).sort_by(time)
    begin_ns = table.column(time).to_numpy().astype("datetime64[ns]").astype(np.int64)
    prices = [table.column(n).to_numpy() for n in ("open", "high", "low", "close")]
    volume = table.column("volume").to_numpy().astype(np.int64)
    return BarSeries(key, seconds, begin_ns + shift_s * NANOSECONDS, *prices, volume)


def played(one: RecordedDay, folder: Path) -> RunResult:
    """The whole day on bars, by the configuration of the live one."""
    folder.mkdir()
    config = loaded(folder, {"ps60": {**STRATEGY, "symbols": [one.symbol]}}, OVERRIDES)
    section = config.config.strategies["ps60"]
    strategy = catalogue.create(config, "ps60", section, (one.symbol,))
    open_ns = int(one.at(OPEN).timestamp()) * NANOSECONDS
    bars = columns(DATA / f"equities/bars_5s/{one.symbol}_{one.day:%Y%m%d}.parquet", "ts", 5, one.symbol, 5)
    # A daily bar ends at the close: 20 hours after the midnight it is dated with, in New York's summer.
    daily = columns(DATA / f"equities/daily/{one.symbol}.parquet", "date", 20 * 3600, one.symbol, 86_400)
    setting = backtest_config(
        config.config,
        [strategy_run(config.config, "ps60", strategy)],
        begin_ns=open_ns,
        daily={one.symbol: daily},
    )
    hours = tuple(sessions(one))
    contract = stock(one.symbol, trading_hours=hours, liquid_hours=hours)
    return run_backtest(setting, [bars], {one.symbol: contract})


def sessions(one: RecordedDay) -> Iterator[SessionHours]:
    """The day's, the one's before and the next one's."""
    for n in (-1, 0, 1):
        opens = one.at(OPEN).astimezone(UTC) + timedelta(days=n)
        yield SessionHours(opens, opens + timedelta(minutes=390))


@pytest.mark.req("REQ-TEST-005")
def test_a_recorded_day_is_traded_at_the_levels_of_the_live_day_and_the_same_every_time(
    tmp_path: Path,
) -> None:
    one, two = played(DAY, tmp_path / "1"), played(DAY, tmp_path / "2")

    entries = [d.text for d in one.decisions if d.intention == "enter"]
    kept = path_of(DAY).read_text(encoding="utf-8")
    assert entries[:2] == ["broke resistance 13.88 at 13.89, momentum"] * 2
    assert "resistance 13.88 to" in kept.splitlines()[0]
    # Decided on bars and not on ticks, and yet at the very seconds of the live day.
    fills = [f"{_clock(f.at_ns)} BAC {f.side}" for f in one.fills]
    assert fills == [line[: len("09:30:00 BAC SELL")].strip() for line in kept.splitlines()[1:5]]
    assert [t.reason for t in one.trades] == ["5min_rule", "5min_rule"]
    assert repr((one.orders, one.fills, one.decisions)) == repr((two.orders, two.fills, two.decisions))


def _clock(at_ns: int) -> str:
    return f"{utc(at_ns / NANOSECONDS).astimezone(NEW_YORK):%H:%M:%S}"
