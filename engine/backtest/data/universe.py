"""The bars of a backtest: found in the user's folder or in the cache, adjusted, and what they lack named."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from engine.backtest.data.cache import BarCache
from engine.backtest.data.calendars import CalendarShelf
from engine.backtest.data.factors import FactorFolder, FactorProvider, Factors, adjusted, session_days
from engine.backtest.data.files import joined, load_bars
from engine.backtest.data.gaps import Gaps, find_gaps
from engine.backtest.data.names import read_names, renamed, within
from engine.backtest.data.problems import DataError
from engine.backtest.data.raw import expiries
from engine.backtest.data.rolls import Contract, rolled
from engine.backtest.data.sessions import SessionSource, SessionTable, day_number, day_of
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.config import Gateway, Loaded
from engine.domain.instrument import SecType
from engine.domain.market import utc
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

_DAY: Final = timedelta(days=1)
_Found = tuple[BarSeries, tuple[str, ...]]
"""Bars, and in words what was left out or changed."""

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
    return tuple(room.recorded(symbol, seconds, first, last) for symbol in symbols)


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

    def recorded(self, symbol: str, seconds: int, first: date | None, last: date | None) -> Recorded:
        """The bars of one symbol: a stock, or a future rolled through its contracts.

        Raises DataError where there are none in that time.
        """
        is_future = parse_symbol(symbol).sec_type is SecType.FUTURE
        found = self._future(symbol, seconds) if is_future else self._stock(symbol, seconds)
        if found is None:
            raise DataError(
                f"{symbol}: no bars of {seconds:,} s are here. Fetch them: `cockpit data fetch {symbol}`; or "
                "put a file named after the symbol into history.data_dir"
            )
        series, notes = found
        known = self._known(symbol, series, first, last)
        series = _inside(series, known, first, last) if is_future else _cut(series, first, last)
        gaps = find_gaps(series, known, first=first, last=last)
        return Recorded(series, notes + gaps.lines(), gaps)

    def _stock(self, symbol: str, seconds: int) -> _Found | None:
        series = self._files(symbol, seconds)
        if series is not None:
            return self._of_files(series)
        cached = None if self._cache is None else self._cache.read(symbol, symbol, seconds)
        return None if cached is None else (self._of_broker(cached), ())

    def _future(self, symbol: str, seconds: int) -> _Found | None:
        contracts = self._contracts_of_files(symbol, seconds) or self._contracts_cached(symbol, seconds)
        if not contracts:
            return None
        ends = [one.series.end_ns for one in contracts]
        first, last = min(int(end[0]) for end in ends), max(int(end[-1]) for end in ends)
        known = self.sessions(calendar_of_symbol(symbol), _date(first), _date(last) + _DAY)
        return rolled(symbol, contracts, known)

    def _contracts_of_files(self, symbol: str, seconds: int) -> list[Contract]:
        """By expiry; a file without that column is one contract of its own name."""
        parts: dict[str, list[BarSeries]] = {}
        for path in self._paths(symbol, seconds):
            for expiry in expiries(path) or ("",):
                parts.setdefault(expiry or path.stem, []).append(self._file(path, symbol, seconds, expiry))
        return [Contract(expiry, joined(found)) for expiry, found in parts.items()]

    def _contracts_cached(self, symbol: str, seconds: int) -> list[Contract]:
        cache = self._cache
        if cache is None:
            return []
        read = ((key, cache.read(symbol, key, seconds)) for key in cache.keys(symbol, seconds))
        return [
            Contract(f"{cache.expiry(symbol, key, seconds)} {key}", series)
            for key, series in read
            if series is not None
        ]

    def _of_files(self, series: BarSeries) -> _Found:
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

    def _files(self, symbol: str, seconds: int) -> BarSeries | None:
        parts = [self._file(path, symbol, seconds) for path in self._paths(symbol, seconds)]
        return joined(parts) if parts else None

    def _paths(self, symbol: str, seconds: int) -> list[Path]:
        return [] if self._data_dir is None else bar_files(self._data_dir, symbol, seconds)

    def _file(self, path: Path, symbol: str, seconds: int, expiry: str = "") -> BarSeries:
        name = calendar_of_symbol(symbol)
        return load_bars(
            path, key=symbol, seconds=seconds, calendar=name, sessions=self.sessions, expiry=expiry
        )[0]

    def _known(self, symbol: str, series: BarSeries, first: date | None, last: date | None) -> SessionTable:
        """The sessions of the dates asked for, or of the bars; an evening belongs to the next date."""
        begin = first or _date(int(series.end_ns[0])) - _DAY
        end = last or _date(int(series.end_ns[-1])) + _DAY
        return self.sessions(calendar_of_symbol(symbol), begin, end)


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


def _inside(series: BarSeries, known: SessionTable, first: date | None, last: date | None) -> BarSeries:
    """The bars inside these sessions: a future's evening is of the next date's session."""
    kept = known.index_at(series.end_ns) >= 0
    if not kept.any():
        has = f"{_date(int(series.end_ns[0]))} to {_date(int(series.end_ns[-1]))}"
        raise DataError(f"{series.key}: no bars from {first} to {last}; there are bars from {has}")
    return replace(
        series,
        end_ns=series.end_ns[kept],
        open=series.open[kept],
        high=series.high[kept],
        low=series.low[kept],
        close=series.close[kept],
        volume=series.volume[kept],
    )


def _date(at_ns: int) -> date:
    """The UTC date of a time."""
    return utc(at_ns / NANOSECONDS).date()
