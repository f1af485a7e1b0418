"""The bars of a backtest: found in the user's folder or in the cache, adjusted, and what they lack named."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from engine.backtest.data.cache import BarCache
from engine.backtest.data.calendars import CalendarShelf
from engine.backtest.data.factors import FactorFolder, FactorProvider, Factors, adjusted, session_days
from engine.backtest.data.files import joined, load_bars
from engine.backtest.data.gaps import Gaps, find_gaps
from engine.backtest.data.names import read_names, renamed, within
from engine.backtest.data.problems import DataError
from engine.backtest.data.sessions import SessionSource, day_number, day_of
from engine.backtest.series import BarSeries
from engine.config import Gateway, Loaded
from engine.market.calendar_source import make_calendars
from engine.market.calendars import calendar_name
from engine.market.catalog import parse_symbol

CACHE_FOLDER: Final = "market-data"
BAR_LENGTHS: Final = {"1d": 86_400, "1m": 60, "5s": 5}
"""Bars that can be fetched and tested on: name and seconds."""
_FOLDERS: Final = {86_400: ("1d", "daily"), 60: ("1m", "minute"), 5: ("5s", "bars_5s")}
_ENDINGS: Final = (".parquet", ".csv")
SPLITS_BY_BROKER: Final = "splits adjusted by the broker, dividends unadjusted"
_OTHER_DATA: Final = "_quote"
"""Files that lie beside the bars and are none."""

_log = logging.getLogger("cockpit.backtest")


class Recorded(NamedTuple):
    """The bars of one instrument, ready to be tested on."""

    series: BarSeries
    notes: tuple[str, ...]
    """What was left out: holes by changed symbols, missing sessions, missing bars."""
    gaps: Gaps


def bar_seconds(name: str) -> int:
    """Seconds of `1d`, `1m` or `5s`, in small or capital letters. Raises DataError."""
    try:
        return BAR_LENGTHS[name.lower()]
    except KeyError:
        raise DataError(f"{name!r} is no length of bars: expected one of {', '.join(BAR_LENGTHS)}") from None


def load_universe(
    loaded: Loaded, symbols: Sequence[str], bars: str, first: date | None, last: date | None
) -> tuple[BarSeries, ...]:
    """The bars of these symbols from `first` to `last` (session dates, both included), in the given order.

    Files of `history.data_dir` come first. Gaps are skipped and logged. Raises DataError.
    """
    found = load_recorded(loaded, symbols, bars, first, last)
    for recorded in found:
        for note in recorded.notes:
            _log.warning("%s", note)
    return tuple(recorded.series for recorded in found)


def load_recorded(
    loaded: Loaded, symbols: Sequence[str], bars: str, first: date | None, last: date | None
) -> tuple[Recorded, ...]:
    """Like `load_universe`, with what each series lacks as values. Raises DataError."""
    seconds = bar_seconds(bars)
    room = Room(
        loaded.data_dir,
        loaded.actions_dir,
        calendar_shelf(loaded).sessions,
        is_adjusted=loaded.config.history.adjust,
        cache=cache_of(loaded),
        is_simulated=loaded.gateway is Gateway.EMBEDDED,
    )
    return tuple(one for symbol in symbols for one in room.recorded(symbol, seconds, first, last))


def cache_of(loaded: Loaded) -> BarCache:
    """Where bars of this gateway are kept: real and simulated ones, and those of two markets, never meet."""
    broker = loaded.config.broker
    name = "tws"
    if loaded.gateway is Gateway.EMBEDDED:
        tape = loaded.tape_dir
        name = (
            f"embedded-{broker.world.value}-{broker.seed}" if tape is None else f"embedded-tape-{tape.name}"
        )
    return BarCache(loaded.state_dir / CACHE_FOLDER / name)


def calendar_shelf(loaded: Loaded) -> CalendarShelf:
    """The calendars kept beside the bars."""
    return CalendarShelf(loaded.state_dir / CACHE_FOLDER / "calendars", make_calendars)


class Room:
    """Where bars are looked for, and what they are adjusted with."""

    def __init__(
        self,
        data_dir: Path | None,
        actions_dir: Path | None,
        sessions: SessionSource,
        *,
        is_adjusted: bool = True,
        provider: FactorProvider | None = None,
        cache: BarCache | None = None,
        is_simulated: bool = False,
    ) -> None:
        """`is_simulated` says that the cache is of a market without splits and dividends."""
        self._data_dir = data_dir
        self._map_dir = None if actions_dir is None else actions_dir / "map_files"
        self.sessions = sessions
        if provider is None and actions_dir is not None:
            provider = FactorFolder(actions_dir / "factor_files")
        self._provider = provider if is_adjusted else None
        self._cache = cache
        self._is_simulated = is_simulated

    def recorded(
        self, symbol: str, seconds: int, first: date | None, last: date | None
    ) -> tuple[Recorded, ...]:
        """The bars of a stock, or of each contract of a future. Raises DataError where there are none."""
        series = self._files(symbol, seconds)
        if series is not None:
            return (self._ready(*self._of_files(series), symbol, first, last),)
        found = self._cached(symbol, seconds)
        if not found:
            raise DataError(
                f"{symbol}: no bars of {seconds:,} s are here. Fetch them: `cockpit data fetch {symbol}`; or "
                "put a file named after the symbol into history.data_dir"
            )
        return tuple(self._ready(self._of_broker(one), (), symbol, first, last) for one in found)

    def _of_files(self, series: BarSeries) -> tuple[BarSeries, tuple[str, ...]]:
        """One company's bars under all its symbols, adjusted for everything that is known."""
        notes: tuple[str, ...] = ()
        if self._map_dir is not None:
            names = read_names(self._map_dir, series.key)
            series, notes = renamed(series, names, lambda ticker: self._files(ticker, series.seconds))
        return adjusted(series, self._factors(series.key)), notes

    def _of_broker(self, series: BarSeries) -> BarSeries:
        """The broker follows a company through its symbols, and has adjusted for splits already."""
        if self._is_simulated:
            return series
        factors = self._factors(series.key)
        if factors is None:
            return replace(series, adjustment=SPLITS_BY_BROKER)
        return adjusted(series, factors, splits=False)

    def _factors(self, symbol: str) -> Factors | None:
        return None if self._provider is None else self._provider.factors(symbol)

    def _ready(
        self,
        series: BarSeries,
        notes: tuple[str, ...],
        symbol: str,
        first: date | None,
        last: date | None,
    ) -> Recorded:
        series = _cut(series, first, last)
        gaps = self._gaps(series, symbol, first, last)
        return Recorded(series, notes + gaps.lines(), gaps)

    def _cached(self, symbol: str, seconds: int) -> list[BarSeries]:
        if self._cache is None:
            return []
        read = (self._cache.read(symbol, key, seconds) for key in self._cache.keys(symbol, seconds))
        return [series for series in read if series is not None]

    def _files(self, symbol: str, seconds: int) -> BarSeries | None:
        paths = () if self._data_dir is None else tuple(bar_files(self._data_dir, symbol, seconds))
        if not paths:
            return None
        calendar = calendar_of_symbol(symbol)
        parts = [
            load_bars(path, key=symbol, seconds=seconds, calendar=calendar, sessions=self.sessions)[0]
            for path in paths
        ]
        return joined(parts)

    def _gaps(self, series: BarSeries, symbol: str, first: date | None, last: date | None) -> Gaps:
        days = session_days(series)
        begin, end = first or day_of(int(days[0])), last or day_of(int(days[-1]))
        known = self.sessions(calendar_of_symbol(symbol), begin, end)
        return find_gaps(series, known, first=first, last=last)


def bar_files(folder: Path, symbol: str, seconds: int) -> list[Path]:
    """Files of a symbol's bars in the folder of that length, or in `folder` where there is none.

    `SPY.parquet` or `SPY.csv`; without one, every `SPY_….parquet` and `SPY_….csv`, a part each.
    """
    places = [folder / name for name in _FOLDERS.get(seconds, ()) if (folder / name).is_dir()] or [folder]
    stem = symbol.partition("@")[0]
    files = sorted(p for place in places for p in place.iterdir() if p.suffix.lower() in _ENDINGS)
    whole = [path for path in files if path.stem == stem]
    parts = (p for p in files if p.stem.startswith(f"{stem}_") and not p.stem.endswith(_OTHER_DATA))
    return whole or list(parts)


def calendar_of_symbol(symbol: str) -> str:
    """Name of the calendar a symbol as configured trades by. Raises UnknownCalendarError."""
    wanted = parse_symbol(symbol)
    return calendar_name(wanted.sec_type, wanted.exchange, wanted.symbol)


def _cut(series: BarSeries, first: date | None, last: date | None) -> BarSeries:
    low = day_number(first) if first is not None else -(10**6)
    high = day_number(last) if last is not None else 10**6
    part = within(series, low, high)
    if part is None:
        has = f"{day_of(int(session_days(series)[0]))} to {day_of(int(session_days(series)[-1]))}"
        raise DataError(f"{series.key}: no bars from {first} to {last}; there are bars from {has}")
    return part
