"""`cockpit data check`: reads a file of bars as a backtest would, tells what is wrong, writes a clean one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.backtest.data.factors import session_days
from engine.backtest.data.files import length_of, load_bars
from engine.backtest.data.gaps import find_gaps
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import day_of
from engine.backtest.data.universe import bar_seconds, calendar_of_symbol, calendar_shelf
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.config import Loaded
from engine.config.atomic import replace_atomically
from engine.market.calendars import UnknownCalendarError
from engine.runtime.process.errors import FailedError, UsageError
from engine.runtime.process.remote import Say, printable


class Wish(NamedTuple):
    """How files are to be checked."""

    symbol: str
    """Whose calendar they are held against."""
    bars: str = ""
    """Length of their bars; empty = by the file itself."""
    expiry: str = ""
    clean: bool = False
    to: Path | None = None
    """Where the clean bars of the one file are written."""


def check(loaded: Loaded, files: Sequence[Path], wish: Wish, *, say: Say) -> int:
    """Tell of each file what is wrong with it; 1 where one cannot be used as it is. Raises StartError."""
    if wish.to is not None and (len(files) != 1 or not wish.clean):
        raise UsageError("--to takes --clean and one file")
    good = [_check_one(loaded, path, wish, say) for path in files]
    return 0 if all(good) else 1


def _check_one(loaded: Loaded, path: Path, wish: Wish, say: Say) -> bool:
    shelf = calendar_shelf(loaded)
    try:
        calendar = calendar_of_symbol(wish.symbol)
        seconds = bar_seconds(wish.bars) if wish.bars else length_of(path, expiry=wish.expiry)
        series, report = load_bars(
            path,
            key=path.stem,
            seconds=seconds,
            calendar=calendar,
            sessions=shelf.sessions,
            clean=wish.clean,
            expiry=wish.expiry,
        )
    except UnknownCalendarError as err:
        raise UsageError(str(err)) from err
    except DataError as err:
        for line in str(err).splitlines():
            say(printable(line))
        return False
    days = session_days(series)
    known = shelf.sessions(calendar, day_of(int(days[0])), day_of(int(days[-1])))
    for line in (*report.lines(), *find_gaps(series, known).lines()):
        say(printable(line))
    if wish.to is not None:
        _write(series, wish.to)
        say(printable(f"{wish.to}: {len(series):,} bars written"))
    return True


def _write(series: BarSeries, target: Path) -> None:
    """As a file that the loader takes. Raises FailedError where it is there already, or cannot be written."""
    if target.exists():
        raise FailedError(f"{target} is there already; nothing was written")
    if series.seconds >= 86_400:
        times = {"date": pa.array(session_days(series).astype(np.int32), pa.date32())}
    else:
        starts = series.end_ns - series.seconds * NANOSECONDS
        times = {"ts": pa.array(starts, pa.timestamp("ns", "UTC"))}
    prices = {name: getattr(series, name) for name in ("open", "high", "low", "close", "volume")}
    table = pa.table({**times, **prices})
    try:
        replace_atomically(target, lambda made: pq.write_table(table, made, compression="zstd"))
    except OSError as err:
        raise FailedError(f"{target} cannot be written ({err.strerror})") from err
