"""The broker's bars on disk: Parquet files that know which stretches of time they are complete for."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.backtest.data.arrow import floats_of, ints_of, read_parquet
from engine.backtest.data.problems import DataError
from engine.backtest.data.spans import Span, Spans, united
from engine.backtest.series import NANOSECONDS, BarSeries
from engine.config.atomic import replace_atomically

T = TypeVar("T")

VERSION: Final = 1
_META: Final = b"cockpit.bars"
_LOCK: Final = ".lock"
_DAY_S: Final = 86_400
_NAMES: Final = {_DAY_S: "1d", 60: "1m", 5: "5s"}
_COLUMNS: Final = ("open", "high", "low", "close")


class CacheBusyError(DataError):
    """Another process writes into this cache."""


class Columns(NamedTuple):
    """Bars as columns, oldest first."""

    end_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Columns:
        """Some of the rows, by a mask or by their indices."""
        prices = (self.open[rows], self.high[rows], self.low[rows], self.close[rows])
        return Columns(self.end_ns[rows], *prices, self.volume[rows])


def in_order(parts: Sequence[Columns]) -> Columns:
    """Several as one, by time."""
    made = Columns(
        np.concatenate([part.end_ns for part in parts]),
        np.concatenate([part.open for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.close for part in parts]),
        np.concatenate([part.volume for part in parts]),
    )
    return made.take(np.argsort(made.end_ns, kind="stable").astype(np.int64))


class BarCache:
    """The bars of one gateway. Whoever writes holds `lock`; reading needs none, files are replaced whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer. Raises CacheBusyError at once where another process is."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise CacheBusyError(
                "another `cockpit data fetch` fills this cache: wait for it, then go on where it ended"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def keys(self, symbol: str, seconds: int) -> tuple[str, ...]:
        """Instruments of a configured symbol with bars of this length: the stock, or each contract."""
        folder = self._folder / quote(symbol, safe="")
        if not folder.is_dir():
            return ()
        found = (one for one in folder.iterdir() if (one / _NAMES[seconds]).is_dir())
        return tuple(sorted(unquote(one.name) for one in found))

    def held(self, symbol: str, key: str, seconds: int) -> Spans:
        """For which time the bars are complete. Raises DataError for a file that cannot be read."""
        return united(span for path in self._parts(symbol, key, seconds) for span in _held(path))

    def expiry(self, symbol: str, key: str, seconds: int) -> str:
        """YYYYMMDD of a future's contract, empty for a stock. Raises DataError."""
        paths = self._parts(symbol, key, seconds)
        return _opened(paths[0], lambda: str(_told(paths[0])["expiry"])) if paths else ""

    def read(self, symbol: str, key: str, seconds: int) -> BarSeries | None:
        """All bars of an instrument, None without any. Raises DataError for a file that cannot be read."""
        parts = [_read(path) for path in self._parts(symbol, key, seconds)]
        if not any(len(part.end_ns) for part in parts):
            return None
        bars = in_order(parts)
        return BarSeries(key, seconds, *bars, source=f"{self._folder.name} {_NAMES[seconds]}")

    def add(
        self, symbol: str, key: str, seconds: int, bars: Columns, pieces: Spans, *, expiry: str = ""
    ) -> None:
        """Put bars away with the stretches they are complete for; `expiry` is YYYYMMDD of a contract.

        Raises DataError where that fails.
        """
        folder = self._room(symbol, key, seconds)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        by_part: dict[str, list[Span]] = {}
        for piece in pieces:
            by_part.setdefault(_part_of(piece, seconds), []).append(piece)
        for name, own in by_part.items():
            inside = np.zeros(len(bars.end_ns), dtype=np.bool_)
            for start, end in own:
                inside |= (bars.end_ns > start) & (bars.end_ns <= end)
            told = {"version": VERSION, "key": key, "seconds": seconds, "expiry": expiry}
            self._write(folder / f"{name}.parquet", told, bars.take(inside), tuple(own))

    def _write(self, path: Path, told: dict[str, object], bars: Columns, pieces: Spans) -> None:
        held: Spans = ()
        if path.exists():
            held, known = _held(path), _read(path)
            bars = in_order((known, bars))
        told = told | {"held": united((*held, *pieces))}
        table = pa.table(
            {
                "end": pa.array(bars.end_ns, pa.timestamp("ns", "UTC")),
                **{name: getattr(bars, name) for name in _COLUMNS},
                "volume": bars.volume,
            }
        ).replace_schema_metadata({_META: json.dumps(told).encode()})
        try:
            replace_atomically(path, lambda made: pq.write_table(table, made, compression="zstd"))
        except OSError as error:
            raise DataError(f"{path.name} of {told['key']} cannot be written: {error.strerror}") from error

    def _room(self, symbol: str, key: str, seconds: int) -> Path:
        return self._folder / quote(symbol, safe="") / quote(key, safe="") / _NAMES[seconds]

    def _parts(self, symbol: str, key: str, seconds: int) -> list[Path]:
        folder = self._room(symbol, key, seconds)
        return sorted(folder.glob("*.parquet")) if folder.is_dir() else []


def _held(path: Path) -> Spans:
    return _opened(path, lambda: tuple((int(start), int(end)) for start, end in _told(path)["held"]))


def _told(path: Path) -> dict[str, Any]:
    """What the file says of itself. Raises ValueError for another version."""
    told: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {})[_META])
    if told["version"] != VERSION:
        raise ValueError(f"its version is {told['version']}, this program knows {VERSION}")
    return told


def _read(path: Path) -> Columns:
    def columns() -> Columns:
        _told(path)
        table = read_parquet(path)
        first, high, low, last = (floats_of(table.column(name)) for name in _COLUMNS)
        return Columns(ints_of(table.column("end")), first, high, low, last, ints_of(table.column("volume")))

    return _opened(path, columns)


def _opened(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: this file of the cache cannot be read ({error}). Remove it; the next fetch gets it anew"
        ) from error


def _part_of(piece: Span, seconds: int) -> str:
    """Which file a stretch belongs to: each is written anew with each request, so none may grow for ever."""
    if seconds >= _DAY_S:
        return "all"
    last = datetime.fromtimestamp((piece[1] - 1) // NANOSECONDS, UTC)
    return f"{last:%Y}" if seconds >= 60 else f"{last:%Y-%m}"
